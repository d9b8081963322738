//! The way by the agent: one channel for each life of a member, and the way round an agent that is not
//! there or cannot be used.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kubomesh_agent_api::{AgentNode, ClientTls, Dialler, Kept, Pem, Pems};
use kubomesh_core::{
    Access, Credentials, Endpoint, Failure, FailureKind, Path, PathTaken, PeerId, Reading,
    Timestamp,
};
use kubomesh_process::CancellationToken;
use tokio::sync::Mutex as TurnLock;

use crate::mirror::Mirror;
use crate::node::Introduction;
use crate::{READ_DEADLINE, lock};

/// What there is of a member's agent.
#[derive(Default)]
pub(crate) struct Agency {
    /// The channel. Held while it is opened: there is never a second one.
    channel: TurnLock<Option<Held>>,
    /// The way that was taken last; none while neither is open.
    path: std::sync::Mutex<Option<PathTaken>>,
    /// Ends whoever follows the node by this channel; cancelled when nobody does.
    follower: std::sync::Mutex<Option<Following>>,
    /// Until when the agent is not tried again.
    round: std::sync::Mutex<Option<Timestamp>>,
}

/// Who follows a node, and what that shows. Cancels when it is dropped.
struct Following {
    until: CancellationToken,
    mirror: Arc<Mirror>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.until.cancel();
    }
}

/// A channel and where it leads.
struct Held {
    kept: Kept,
    access: Access,
}

/// Who is there, by way of the agent.
pub(crate) struct Reached {
    pub(crate) introduction: Introduction,
    /// Resolves when the channel ends, if it was opened for this.
    pub(crate) ended: Option<BoxFuture<'static, ()>>,
}

/// Why the agent was not used.
enum Refused {
    /// There is none that can be used: the other way is taken, if there is one.
    Round(Failure),
    /// There is one, and what went wrong is no reason to go round it.
    Failed(Failure),
}

/// An agent, as an [`Access`] tells of it.
pub(crate) struct Place<'a> {
    pub(crate) access: &'a Access,
    endpoint: &'a Endpoint,
    tls: Option<&'a Arc<str>>,
    namespace: &'a str,
    pod_uid: Option<&'a str>,
    pub(crate) fallback: Option<&'a Access>,
}

// === impl Place ===

impl<'a> Place<'a> {
    /// The agent that an access leads to, if it does.
    pub(crate) fn of(access: &'a Access) -> Option<Self> {
        let Access::Agent {
            endpoint,
            tls,
            namespace,
            pod_uid,
            fallback,
        } = access
        else {
            return None;
        };
        Some(Self {
            access,
            endpoint,
            tls: tls.as_ref(),
            namespace,
            pod_uid: pod_uid.as_deref(),
            fallback: fallback.as_deref(),
        })
    }
}

// === impl Agency ===

impl Agency {
    /// The way that was taken last, where there is a choice. By the agent: one is there and can be used,
    /// whatever its Kubo says.
    pub(crate) fn path(&self) -> Option<PathTaken> {
        lock(&self.path).clone()
    }

    /// Whether the way round the agent is to be taken now.
    pub(crate) fn is_round(&self, now: Timestamp) -> bool {
        lock(&self.round).is_some_and(|until| now < until)
    }

    /// A node on the channel, if it is open and this peer was seen on it last.
    pub(crate) async fn node(&self, access: &Access, peer_id: PeerId) -> Option<AgentNode> {
        let held = self.channel.lock().await;
        let held = held.as_ref().filter(|held| held.access == *access)?;
        held.kept.node(peer_id)
    }

    /// Until when to follow the node, and what is to show it; `None` when somebody does already.
    pub(crate) fn followed(
        &self,
        access: &Access,
        peer_id: PeerId,
        silence: Duration,
    ) -> Option<(CancellationToken, Arc<Mirror>)> {
        let mut follower = lock(&self.follower);
        if let Some(one) = &*follower
            && !one.until.is_cancelled()
        {
            return None;
        }
        let until = CancellationToken::new();
        let mirror = Arc::new(Mirror::new(access, peer_id, silence));
        *follower = Some(Following {
            until: until.clone(),
            mirror: Arc::clone(&mirror),
        });
        Some((until, mirror))
    }

    /// What shows this peer, if it is followed by this way.
    pub(crate) fn mirror(&self, access: &Access, peer_id: PeerId) -> Option<Arc<Mirror>> {
        let follower = lock(&self.follower);
        let mirror = &follower.as_ref()?.mirror;
        mirror.is_of(access, peer_id).then(|| Arc::clone(mirror))
    }

    /// Gives the channel up.
    pub(crate) async fn let_go(&self) {
        *lock(&self.follower) = None;
        *self.channel.lock().await = None;
    }

    /// Asks who is there: on the channel that is open, else on a new one. `Ok(None)`: the other way is to
    /// be taken, and until then the agent is not tried again.
    pub(crate) async fn introduce(
        &self,
        place: &Place<'_>,
        dialler: &Dialler,
        credentials: &dyn Credentials,
        until: Timestamp,
    ) -> Reading<Option<Reached>> {
        let mut held = self.channel.lock().await;
        let asked = match held.as_ref().filter(|held| held.is_for(place.access)) {
            Some(held) => held.kept.introduce(place.pod_uid, READ_DEADLINE).await,
            None => {
                *held = None;
                *lock(&self.follower) = None;
                match open(place, dialler, credentials).await {
                    Ok(gated) => {
                        // Whatever its Kubo says: an agent is there.
                        self.takes(Path::Agent, String::new(), None);
                        gated.introduce(place.pod_uid, READ_DEADLINE).await
                    }
                    Err(refused) => return self.refused(place, refused, until),
                }
            }
        };
        let introduction = asked.map_err(Failure::from)?;
        // Kept as soon as it has shown who is there: whoever comes next shares it.
        let kept = introduction.kept();
        let ended = held.is_none().then(|| kept.ended());
        *held = Some(Held {
            kept,
            access: place.access.clone(),
        });
        Ok(Some(Reached {
            introduction: Introduction::Agent(introduction),
            ended: ended.map(FutureExt::boxed),
        }))
    }

    fn refused(
        &self,
        place: &Place<'_>,
        refused: Refused,
        until: Timestamp,
    ) -> Reading<Option<Reached>> {
        *lock(&self.path) = None;
        match (refused, place.fallback) {
            (Refused::Failed(failure), _) => Err(failure),
            (Refused::Round(failure), None) => {
                let text = format!(
                    "{}; spec.agents.mode is Required, so Kubo's own RPC is not tried",
                    failure.message
                );
                Err(Failure::new(failure.kind, &text))
            }
            (Refused::Round(failure), Some(_)) => {
                self.takes(Path::Direct, failure.message, Some(until));
                Ok(None)
            }
        }
    }

    fn takes(&self, path: Path, why: String, round: Option<Timestamp>) {
        *lock(&self.path) = Some(PathTaken { path, why });
        *lock(&self.round) = round;
    }
}

// === impl Held ===

impl Held {
    fn is_for(&self, access: &Access) -> bool {
        self.access == *access && self.kept.is_open()
    }
}

/// A new channel through the version gate.
async fn open(
    place: &Place<'_>,
    dialler: &Dialler,
    credentials: &dyn Credentials,
) -> Result<kubomesh_agent_api::Gated, Refused> {
    let tls = certificates(place, credentials).map_err(Refused::Failed)?;
    let absent = |error: kubomesh_agent_api::Error| {
        let failure = Failure::from(&error);
        match failure.kind {
            FailureKind::Refused
            | FailureKind::Unreachable
            | FailureKind::TimedOut
            | FailureKind::Disconnected => {
                let text = format!(
                    "no agent answers at {}: {}",
                    place.endpoint, failure.message
                );
                Refused::Round(Failure::new(failure.kind, &text))
            }
            // A certificate that is not accepted is never a reason for a way without one.
            _ => Refused::Failed(failure),
        }
    };
    let channel = dialler.open(place.endpoint, tls.as_ref(), READ_DEADLINE);
    let gate = channel.await.map_err(absent)?.gate(READ_DEADLINE).await;
    gate.map_err(absent)?.map_err(|unusable| {
        let text = unusable.to_string();
        Refused::Round(Failure::new(FailureKind::Refusal, &text))
    })
}

/// The certificates of the secret as it is now.
fn certificates(place: &Place<'_>, credentials: &dyn Credentials) -> Reading<Option<ClientTls>> {
    let Some(secret) = place.tls else {
        return Ok(None);
    };
    let refused = |text: String| Failure::new(FailureKind::Tls, &text);
    let texts = credentials.tls(secret).ok_or_else(|| {
        refused(format!(
            "the certificate for agents in the secret {secret} cannot be read"
        ))
    })?;
    let names = ["tls.crt", "tls.key", "ca.crt"].map(|key| format!("{key} of the secret {secret}"));
    let pem = |at: usize, bytes| Pem {
        name: &names[at],
        bytes,
    };
    let pems = Pems {
        certificate: pem(0, &texts.certificate),
        key: pem(1, texts.key.expose()),
        ca: pem(2, &texts.ca),
    };
    ClientTls::new(pems, place.namespace)
        .map(Some)
        .map_err(|error| refused(error.to_string()))
}
