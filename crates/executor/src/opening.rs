//! Opening verified connections: who is there comes first.

use kubomesh_conn::Tls;
use kubomesh_core::{Access, Expected, Failure, FailureKind, PeerId, Reading, Scheme, Sighting};

use crate::agent::Place;
use crate::line::Line;
use crate::metrics::Verb;
use crate::node::{Introduction, Node};
use crate::{Inner, READ_DEADLINE};

/// Largest CA file.
const MAX_CA: u64 = 16 << 20;

/// A failure, and the identity that was seen before it.
pub(crate) type Refused = Box<(Option<Sighting>, Failure)>;

/// A failure before any identity was seen.
pub(crate) fn unseen(failure: Failure) -> Refused {
    Box::new((None, failure))
}

/// The node, if it showed the expected identity.
pub(crate) fn accept(
    introduction: Introduction,
    expected: Expected,
    sighting: &Sighting,
) -> Result<Node, Refused> {
    introduction
        .accept(expected)
        .map_err(|failure| Box::new((Some(sighting.clone()), failure)))
}

impl Inner {
    /// The kept connection, or a new one that has shown the expected identity.
    pub(crate) async fn verified(
        &self,
        line: &Line,
        access: &Access,
        expected: Expected,
    ) -> Result<(Node, Option<Sighting>), Refused> {
        if let Expected::Peer(peer_id) = expected
            && let Some(node) = self.kept(line, access, peer_id).await
        {
            return Ok((node, None));
        }
        let (node, sighting) = self.shown(line, access, expected).await?;
        Ok((node, Some(sighting)))
    }

    /// A connection that shows now who is there, if it is the expected one.
    pub(crate) async fn shown(
        &self,
        line: &Line,
        access: &Access,
        expected: Expected,
    ) -> Result<(Node, Sighting), Refused> {
        let introduction = self.introduce(line, access).await.map_err(unseen)?;
        let sighting = self.sighting(&introduction);
        let node = accept(introduction, expected, &sighting)?;
        let (mesh, member, peer) = (&self.mesh, &line.member, sighting.peer_id);
        tracing::debug!(%mesh, %member, %peer, "connection verified");
        Ok((node, sighting))
    }

    /// The connection that is kept, by the way that is to be taken now.
    async fn kept(&self, line: &Line, access: &Access, peer_id: PeerId) -> Option<Node> {
        let direct = match Place::of(access) {
            None => access,
            Some(place) => {
                if let Some(node) = line.agency.node(access, peer_id).await {
                    return Some(Node::Agent(node));
                }
                // Otherwise the agent is tried, for the first time or again.
                place
                    .fallback
                    .filter(|_| line.agency.is_round((self.now)()))?
            }
        };
        line.take(direct, peer_id).await.map(Node::Direct)
    }

    pub(crate) async fn introduce(&self, line: &Line, access: &Access) -> Reading<Introduction> {
        // What was seen before counts no more once an identity was shown.
        line.owe();
        let Some(place) = Place::of(access) else {
            // No agent is to be used any more.
            line.agency.let_go().await;
            return self.introduce_directly(line, access).await;
        };
        let now = (self.now)();
        // Where the way round is closed by now, the agent is tried at once.
        let is_round = place.fallback.is_some() && line.agency.is_round(now);
        if !is_round {
            let credentials = &*self.credentials;
            let call =
                line.agency
                    .introduce(&place, &self.dialler, credentials, now + self.agents.retry);
            if let Some(reached) = self.called(line, Verb::Id, call).await? {
                if let Some(ended) = reached.ended {
                    self.lines.watch_channel(line, ended);
                }
                return Ok(reached.introduction);
            }
        }
        let refused = |text: &str| Failure::new(FailureKind::Refusal, text);
        let direct = place
            .fallback
            .ok_or_else(|| refused("no way to talk to this node"))?;
        let introduction = self.introduce_directly(line, direct).await;
        introduction.map_err(|failure| {
            let why = line.agency.path().map(|taken| taken.why);
            let text = format!("{}; and {}", failure.message, why.unwrap_or_default());
            Failure::new(failure.kind, &text)
        })
    }

    async fn introduce_directly(&self, line: &Line, access: &Access) -> Reading<Introduction> {
        let Access::Direct {
            endpoint,
            auth,
            ca_file,
        } = access
        else {
            return Err(Failure::new(
                FailureKind::Refusal,
                "no way to talk to this node",
            ));
        };
        let authorization = match auth {
            None => None,
            Some(name) => Some(self.credentials.authorization(name).ok_or_else(|| {
                let text = format!("the Authorization that {name} holds cannot be read");
                Failure::new(FailureKind::Unauthorised, &text)
            })?),
        };
        let tls = match endpoint.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(trust(ca_file.as_deref()).await?),
        };
        let call = async {
            let open = kubomesh_conn::open(endpoint, tls.as_ref(), READ_DEADLINE).await;
            let open = open.map_err(|error| Failure::from(&error))?;
            let introduced = kubomesh_kubo::introduce(open, authorization, READ_DEADLINE).await;
            introduced
                .map(Introduction::Direct)
                .map_err(|error| Failure::from(&error))
        };
        self.called(line, Verb::Id, call).await
    }

    pub(crate) fn sighting(&self, introduction: &Introduction) -> Sighting {
        Sighting {
            at: (self.now)(),
            peer_id: introduction.peer_id(),
            agent_version: introduction.agent_version(),
            announced: introduction.announced(),
            connections: 1,
        }
    }
}

/// Whom an `https` endpoint must be signed by. Read at each new connection, so that a file that was
/// replaced is used from then on.
async fn trust(ca_file: Option<&str>) -> Reading<Tls> {
    let refused = |text: String| Failure::new(FailureKind::Tls, &text);
    let Some(path) = ca_file else {
        return Tls::with_system_roots().map_err(|error| refused(error.to_string()));
    };
    let pem = kubomesh_process::read_file_within(path.into(), MAX_CA, READ_DEADLINE).await;
    let pem = pem.map_err(|error| refused(format!("caFile {path} cannot be read: {error}")))?;
    Tls::with_ca(&pem).map_err(|error| refused(format!("caFile {path}: {error}")))
}
