//! A verified node behind its agent, with the verbs of `kubomesh_kubo::Node`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_conn::Bounds;
use kubomesh_core::{
    Address, Call, ConnLimits, Connections, FailureKind, Listing, PeerId, PeeringEntry,
};
use tonic::Request;

use crate::channel::Channel;
use crate::error::answered;
use crate::event::Watch;
use crate::introduction::{Introduction, introduce};
use crate::wire::kubo_agent_client::KuboAgentClient;
use crate::{Error, MAX_MESSAGE, read, wire};

const PEERS: &str = "swarm/peers";
const CONNECT: &str = "swarm/connect";
const DISCONNECT: &str = "swarm/disconnect";
const PEERING_LS: &str = "swarm/peering/ls";
const PEERING_ADD: &str = "swarm/peering/add";
const PEERING_RM: &str = "swarm/peering/rm";
const FILTERS: &str = "swarm/filters";
const FILTERS_ADD: &str = "swarm/filters/add";
const FILTERS_RM: &str = "swarm/filters/rm";
const LISTEN: &str = "swarm/addrs/listen";
const CONFIG: &str = "config";
const PING: &str = "agent/ping";
const WATCH: &str = "agent/watch";

/// How much longer than a `Connect`'s own deadline its answer may take: Kubo's second, and the
/// agent's.
const CONNECT_GRACE: Duration = Duration::from_secs(2);

/// A node whose identity was accepted, on the channel that showed it. Clones share the channel, and
/// their calls are sent side by side.
///
/// Every `deadline` holds for the whole call. Where it passes without a word of the agent, the channel
/// is closed. When [`AgentNode::is_open`] says `false` after a call, nothing more is to be sent by way
/// of this clone.
#[derive(Debug, Clone)]
pub struct AgentNode {
    channel: Channel,
    version: Arc<str>,
    peer_id: PeerId,
    agent_version: Arc<str>,
    /// Whether every call so far was answered by Kubo.
    answers: bool,
    /// The last look of the agent that had begun when a call of ours had ended.
    look: u64,
}

// === impl AgentNode ===

impl AgentNode {
    pub(crate) fn new(
        channel: Channel,
        version: Arc<str>,
        peer_id: PeerId,
        agent_version: Arc<str>,
    ) -> Self {
        Self {
            channel,
            version,
            peer_id,
            agent_version,
            answers: true,
            look: 0,
        }
    }

    /// Who it is.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// What Kubo calls itself, at most 128 characters, one line.
    #[must_use]
    pub fn agent_version(&self) -> Arc<str> {
        Arc::clone(&self.agent_version)
    }

    /// Version of the agent's build: `0.1.0`.
    #[must_use]
    pub fn version(&self) -> Arc<str> {
        Arc::clone(&self.version)
    }

    /// Whether another call may be tried. `false` is certain, and may mean that Kubo gave the agent no
    /// answer: the channel may be open all the same.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.answers && self.channel.is_open()
    }

    /// Waits until the channel has ended.
    pub async fn closed(&self) {
        self.channel.closed().await;
    }

    /// Resolves when the channel has ended. Does not keep it open.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.channel.ended()
    }

    /// Asks again who is there, on the same channel, which the agent does on a new loopback connection.
    ///
    /// # Errors
    /// As for [`Gated::introduce`](crate::Gated::introduce).
    pub async fn introduce(
        &self,
        pod_uid: Option<&str>,
        deadline: Duration,
    ) -> Result<Introduction, Error> {
        let (channel, version) = (self.channel.clone(), self.version());
        introduce(channel, version, pod_uid, deadline).await
    }

    /// Whether the agent is there: the number of the last look at its Kubo that has begun. With `look`
    /// it answers after a look that began after this call, if anybody watches.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ping(&mut self, look: bool, deadline: Duration) -> Result<u64, Error> {
        let mut client = self.channel.client(Bounds::SMALL);
        let call = client.ping(within(deadline, wire::PingRequest { look }));
        let answer = self.channel.call(PING, deadline, call).await;
        self.note(answer).map(|answer| answer.look)
    }

    /// The state of the node as it changes.
    ///
    /// # Errors
    /// When there is no answer within `deadline`; later, see [`Watch::next`].
    pub async fn watch(&mut self, deadline: Duration) -> Result<Watch, Error> {
        let mut client = self.channel.client(MAX_MESSAGE);
        let call = client.watch(wire::WatchRequest {});
        let stream = self.channel.call(WATCH, deadline, call).await;
        let stream = self.note(stream)?;
        Ok(Watch::new(self.channel.clone(), stream, self.peer_id))
    }

    /// An entry for each connection; one of the node to itself is left out.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn peers(&mut self, deadline: Duration) -> Result<Listing<Connections>, Error> {
        let mut client = self.channel.client(MAX_MESSAGE);
        let request = wire::ListPeersRequest {
            expected_peer_id: self.expected(),
        };
        let call = client.list_peers(within(deadline, request));
        let answer = self.channel.call(PEERS, deadline, call).await;
        let answer = self.note(answer)?;
        read::connections(PEERS, &answer.connections, &answer.warning, self.peer_id)
    }

    /// Whom the node keeps connected.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn peering(
        &mut self,
        deadline: Duration,
    ) -> Result<Listing<Vec<PeeringEntry>>, Error> {
        let mut client = self.channel.client(MAX_MESSAGE);
        let request = wire::PeeringListRequest {
            expected_peer_id: self.expected(),
        };
        let call = client.peering_list(within(deadline, request));
        let answer = self.channel.call(PEERING_LS, deadline, call).await;
        let answer = self.note(answer)?;
        read::peering(PEERING_LS, &answer.entries, &answer.warning)
    }

    /// The live dial filters, as the node prints them.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn filters(&mut self, deadline: Duration) -> Result<Listing<Vec<Arc<str>>>, Error> {
        let mut client = self.channel.client(Bounds::MEDIUM);
        let request = wire::FiltersListRequest {
            expected_peer_id: self.expected(),
        };
        let call = client.filters_list(within(deadline, request));
        let answer = self.channel.call(FILTERS, deadline, call).await;
        let answer = self.note(answer)?;
        read::texts(FILTERS, &answer.entries, &answer.warning)
    }

    /// The addresses of the node's interfaces.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn listen(&mut self, deadline: Duration) -> Result<Listing<Vec<Address>>, Error> {
        let mut client = self.channel.client(Bounds::MEDIUM);
        let request = wire::ListenAddrsRequest {
            expected_peer_id: self.expected(),
        };
        let call = client.listen_addrs(within(deadline, request));
        let answer = self.channel.call(LISTEN, deadline, call).await;
        let answer = self.note(answer)?;
        read::addresses(LISTEN, &answer.addresses, &answer.warning)
    }

    /// The connection manager's marks.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn conn_limits(&mut self, deadline: Duration) -> Result<ConnLimits, Error> {
        let mut client = self.channel.client(Bounds::SMALL);
        let request = wire::ConnLimitsGetRequest {
            expected_peer_id: self.expected(),
        };
        let call = client.conn_limits_get(within(deadline, request));
        let answer = self.channel.call(CONFIG, deadline, call).await;
        self.note(answer).map(read::conn_limits)
    }

    /// Sends a planned call. For a `Connect` the daemon gets `deadline` as its own, and the answer may
    /// take two seconds longer.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn apply(&mut self, call: &Call, deadline: Duration) -> Result<(), Error> {
        let mut client = self.channel.client(Bounds::SMALL);
        let expected = self.expected();
        let sent = match call {
            Call::Connect { address } => {
                let deadline_ms = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
                let request = wire::ConnectRequest {
                    expected_peer_id: expected,
                    address: address.to_string(),
                    deadline_ms,
                };
                let grace = deadline.saturating_add(CONNECT_GRACE);
                let sent = client.connect(request);
                let sent = self.channel.call(CONNECT, grace, sent).await;
                sent.map(|answer| answer.look)
            }
            Call::Disconnect { address } => {
                let request = wire::DisconnectRequest {
                    expected_peer_id: expected,
                    address: address.to_string(),
                };
                let sent = client.disconnect(within(deadline, request));
                let sent = self.channel.call(DISCONNECT, deadline, sent).await;
                sent.map(|answer| answer.look)
            }
            other => return self.change(client, other, deadline).await,
        };
        self.done(sent)
    }

    /// A call with a list of arguments.
    async fn change(
        &mut self,
        mut client: KuboAgentClient<Channel>,
        call: &Call,
        deadline: Duration,
    ) -> Result<(), Error> {
        let expected_peer_id = self.expected();
        let channel = &self.channel;
        let sent = match call {
            Call::PeeringAdd { addresses } => {
                let request = wire::PeeringAddRequest {
                    expected_peer_id,
                    addresses: shown(addresses),
                };
                let sent = client.peering_add(within(deadline, request));
                let sent = channel.call(PEERING_ADD, deadline, sent).await;
                sent.map(|answer| answer.look)
            }
            Call::PeeringRemove { peers } => {
                let request = wire::PeeringRemoveRequest {
                    expected_peer_id,
                    peer_ids: shown(peers),
                };
                let sent = client.peering_remove(within(deadline, request));
                let sent = channel.call(PEERING_RM, deadline, sent).await;
                sent.map(|answer| answer.look)
            }
            Call::FiltersAdd { entries } => {
                let request = wire::FiltersAddRequest {
                    expected_peer_id,
                    entries: shown(entries),
                };
                let sent = client.filters_add(within(deadline, request));
                let sent = channel.call(FILTERS_ADD, deadline, sent).await;
                sent.map(|answer| answer.look)
            }
            Call::FiltersRemove { entries } => {
                let request = wire::FiltersRemoveRequest {
                    expected_peer_id,
                    entries: shown(entries),
                };
                let sent = client.filters_remove(within(deadline, request));
                let sent = channel.call(FILTERS_RM, deadline, sent).await;
                sent.map(|answer| answer.look)
            }
            other => {
                let text = format!("this build cannot send `{other}` to an agent");
                Err(answered("apply", FailureKind::BadRequest, &text))
            }
        };
        self.done(sent)
    }

    /// The last look of the agent that had begun when the last call of this clone had ended: what a
    /// look of a higher number sees is from after it. 0 before the first call.
    #[must_use]
    pub const fn look(&self) -> u64 {
        self.look
    }

    fn done(&mut self, sent: Result<u64, Error>) -> Result<(), Error> {
        self.look = self.note(sent)?;
        Ok(())
    }

    /// Notes whether Kubo answers.
    fn note<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &answer
            && !error.answered()
        {
            self.answers = false;
        }
        answer
    }

    fn expected(&self) -> String {
        self.peer_id.to_string()
    }
}

fn shown<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// A request that tells its deadline, so that the agent can answer before it.
fn within<T>(deadline: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}
