//! The first two calls on a channel: which API, and who is there.

use std::sync::Arc;
use std::time::Duration;

use kubomesh_conn::Bounds;
use kubomesh_core::{Address, Expected, Failure, FailureKind, Listing, PeerId, agent_version};

use crate::channel::{Channel, Unverified};
use crate::error::{Error, WrongIdentity, answered};
use crate::node::AgentNode;
use crate::read;
use crate::version::{ApiVersions, Unusable};
use crate::wire::{IdentityRequest, ServerVersionGetRequest};

const VERSION: &str = "agent/version";
const IDENTITY: &str = "agent/identity";

/// Longest pod UID that is shown, characters.
const MAX_UID: usize = 64;

/// A channel to an agent whose API is understood. Nothing is known yet of where it runs.
#[derive(Debug)]
#[must_use]
pub struct Gated {
    channel: Channel,
    version: Arc<str>,
}

/// A channel to the agent in the expected pod, and the identity of the Kubo beside it.
#[derive(Debug)]
#[must_use]
pub struct Introduction {
    channel: Channel,
    version: Arc<str>,
    peer_id: PeerId,
    agent_version: Arc<str>,
    addresses: Listing<Vec<Address>>,
}

/// A channel that has shown who is there, kept for the next who wants it. It takes no command.
#[derive(Debug)]
pub struct Kept(AgentNode);

impl Kept {
    /// Who was seen on it last.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.0.peer_id()
    }

    /// Whether it is open. `false` is certain.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// Resolves when the channel has ended. Does not keep it open.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.ended()
    }

    /// A node on it, if this peer was seen on it last and it is open. Whether the peer still is there the
    /// agent checks at each call.
    #[must_use]
    pub fn node(&self, expected: PeerId) -> Option<AgentNode> {
        (self.peer_id() == expected && self.is_open()).then(|| self.0.clone())
    }

    /// Asks again who is there.
    ///
    /// # Errors
    /// As for [`Gated::introduce`].
    pub async fn introduce(
        &self,
        pod_uid: Option<&str>,
        deadline: Duration,
    ) -> Result<Introduction, Error> {
        self.0.introduce(pod_uid, deadline).await
    }
}

impl Unverified {
    /// The version gate.
    ///
    /// `Ok(Err)`: there is no agent that this build can use, and why; the way round it is the direct
    /// one.
    ///
    /// # Errors
    /// When there is no answer within `deadline`: nothing is known then.
    pub async fn gate(self, deadline: Duration) -> Result<Result<Gated, Unusable>, Error> {
        let Self { channel, versions } = self;
        let mut client = channel.client(Bounds::SMALL);
        let call = client.server_version_get(ServerVersionGetRequest {});
        let answer = match channel.call(VERSION, deadline, call).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == FailureKind::UnknownCommand => {
                return Ok(Err(Unusable::Unimplemented));
            }
            // The client's certificate is looked at after the handshake, and a refusal may be lost with
            // the connection.
            Err(error) if channel.tls && error.kind() == FailureKind::Disconnected => {
                let why = error.message();
                let text = format!("{why}; the agent may not accept the controller's certificate");
                return Err(Error::lost(VERSION, Failure::new(FailureKind::Tls, &text)));
            }
            Err(error) => return Err(error),
        };
        let theirs = ApiVersions {
            current: answer.api_version,
            min: answer.api_min_version,
        };
        Ok(versions.agree(theirs).map(|()| Gated {
            channel,
            version: agent_version(&answer.version),
        }))
    }
}

impl Gated {
    /// Version of the agent's build, at most 128 characters, one line.
    #[must_use]
    pub fn version(&self) -> Arc<str> {
        Arc::clone(&self.version)
    }

    /// Asks who is there. With `pod_uid` the agent must be in this pod.
    ///
    /// # Errors
    /// When there is no answer within `deadline`, when Kubo gives the agent none, and with
    /// [`FailureKind::WrongIdentity`] when the agent is in another pod. The channel is closed.
    pub async fn introduce(
        self,
        pod_uid: Option<&str>,
        deadline: Duration,
    ) -> Result<Introduction, Error> {
        introduce(self.channel, self.version, pod_uid, deadline).await
    }
}

pub(crate) async fn introduce(
    channel: Channel,
    version: Arc<str>,
    pod_uid: Option<&str>,
    deadline: Duration,
) -> Result<Introduction, Error> {
    let mut client = channel.client(Bounds::SMALL);
    let mut request = tonic::Request::new(IdentityRequest {});
    request.set_timeout(deadline);
    let call = client.identity(request);
    let answer = channel.call(IDENTITY, deadline, call).await?;
    if let Some(expected) = pod_uid
        && answer.pod_uid != expected
    {
        return Err(elsewhere(expected, &answer.pod_uid));
    }
    let peer_id = answer.peer_id.parse().map_err(|error| {
        let text = format!("no identity: {error}");
        answered(IDENTITY, FailureKind::BadBody, &text)
    })?;
    Ok(Introduction {
        channel,
        version,
        peer_id,
        agent_version: agent_version(&answer.agent_version),
        addresses: read::addresses(IDENTITY, &answer.addresses, "")?,
    })
}

fn elsewhere(expected: &str, found: &str) -> Error {
    let found = match found {
        "" => {
            "does not know its pod; give it the pod's UID (--pod-uid, by the downward API)".into()
        }
        found => format!(
            "is in the pod with UID {}",
            kubomesh_core::one_line(found, MAX_UID)
        ),
    };
    let text = format!("expected the agent of the pod with UID {expected}, and this one {found}");
    Error::lost(IDENTITY, Failure::new(FailureKind::WrongIdentity, &text))
}

impl Introduction {
    /// Who is behind the agent.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// What the node calls itself: `kubo/0.44.0/docker`; at most 128 characters, one line.
    #[must_use]
    pub fn agent_version(&self) -> Arc<str> {
        Arc::clone(&self.agent_version)
    }

    /// What it announces.
    #[must_use]
    pub const fn addresses(&self) -> &Listing<Vec<Address>> {
        &self.addresses
    }

    /// A channel to keep for later acceptances, each of which says whom it expects.
    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept(AgentNode::new(
            self.channel.clone(),
            Arc::clone(&self.version),
            self.peer_id,
            Arc::clone(&self.agent_version),
        ))
    }

    /// Makes it a node that takes commands, if it is who is expected; otherwise the channel is closed.
    ///
    /// # Errors
    /// When another peer than the expected one is there.
    pub fn accept(self, expected: Expected) -> Result<AgentNode, WrongIdentity> {
        match expected {
            Expected::Peer(expected) if expected != self.peer_id => {
                Err(WrongIdentity::new(expected, self.peer_id))
            }
            Expected::Peer(_) | Expected::Anyone => Ok(AgentNode::new(
                self.channel,
                self.version,
                self.peer_id,
                self.agent_version,
            )),
        }
    }
}
