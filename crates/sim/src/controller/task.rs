//! What the executor has under way: a node being asked, a sequence of calls being sent. Each is a
//! state machine that waits for one answer at a time.

use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{
    Address, Connection, Expected, Failure, FailureKind, Inquiry, Kept, Link, MemberName,
    MemberUid, NodeState, Observation, Outcome, PeerId, PeeringEntry, Progress, Reading, Scope,
    Sequence, Sighting, Timestamp,
};
use kubomesh_model::NodeIndex;

use crate::audit::doubt::Ground;
use crate::audit::steering::is_move;
use crate::truth::rpc::{Answer, Verb};

/// Which task of a controller.
pub(crate) type TaskId = u64;

/// A connection to a node's API: bound to one run of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) node: NodeIndex,
    pub(crate) life: u32,
    pub(crate) ip: IpAddr,
    /// The identity that was shown on it, if anybody looked.
    pub(crate) shown: Option<PeerId>,
    /// The life of the agent that it leads to; `None`: it leads to Kubo itself.
    pub(crate) agent: Option<u32>,
}

/// Something under way.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    Ask(Box<Ask>),
    Run(Box<Run>),
}

/// A node being asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) name: MemberName,
    pub(crate) inquiry: Inquiry,
    pub(crate) began: Timestamp,
    pub(crate) wire: Option<Wire>,
    pub(crate) sighting: Option<Sighting>,
    pub(crate) state: Option<NodeState>,
    pub(crate) failure: Option<Failure>,
    /// Whether any identity will do.
    pub(crate) blind: bool,
    peers: Option<Reading<Vec<Connection>>>,
    peering: Option<Reading<Vec<PeeringEntry>>>,
    filters: Option<Reading<Vec<Arc<str>>>>,
    listen: Option<Reading<Vec<Address>>>,
}

/// A sequence being sent.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) progress: Progress,
    pub(crate) wire: Option<Wire>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) context: Context,
    /// Whether a broken connection was replaced by another one.
    pub(crate) resent: bool,
}

/// What the pass that planned a call knew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// When it was planned.
    pub(crate) began: Timestamp,
    pub(crate) pass: u64,
    /// Why it may remove nothing, by what its controller was shown when it began.
    pub(crate) ground: Option<Ground>,
    pub(crate) mode: kubomesh_core::Mode,
    pub(crate) filters: kubomesh_core::FilterPolicy,
    /// When the reading of the node began that it was planned on.
    pub(crate) read: Timestamp,
}

/// A call as it was planned, for the audit.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) member: MemberName,
    pub(crate) uid: MemberUid,
    pub(crate) expect: PeerId,
    pub(crate) link: Option<Link>,
    pub(crate) gives_back: bool,
    /// Whether it is part of a move to another network.
    pub(crate) moves: bool,
    pub(crate) context: Context,
}

// === impl Ask ===

impl Ask {
    pub(crate) fn new(name: MemberName, inquiry: Inquiry, began: Timestamp) -> Self {
        Self {
            name,
            inquiry,
            began,
            wire: None,
            sighting: None,
            state: None,
            failure: None,
            blind: false,
            peers: None,
            peering: None,
            filters: None,
            listen: None,
        }
    }

    /// What is asked first.
    pub(crate) fn first(&self) -> Verb {
        if self.wire.is_some() {
            Verb::Peers
        } else {
            Verb::Open
        }
    }

    /// Takes an answer in; what is asked next, `None` at the end. `open`: the connection is still
    /// there.
    pub(crate) fn take(
        &mut self,
        verb: &Verb,
        result: Reading<Answer>,
        open: bool,
        now: Timestamp,
    ) -> Option<Verb> {
        if let Err(failure) = &result
            && (!open || *verb == Verb::Open)
        {
            self.failure = Some(failure.clone());
            return None;
        }
        match (verb, result) {
            (Verb::Open, Ok(Answer::Identity(shown))) => self.introduced(*shown, now),
            (Verb::Peers, result) => {
                self.peers = Some(result.map(|answer| match answer {
                    Answer::Peers(peers) => peers,
                    _ => Vec::new(),
                }));
                Some(Verb::Peering)
            }
            (Verb::Peering, result) => {
                self.peering = Some(result.map(|answer| match answer {
                    Answer::Peering(entries) => entries,
                    _ => Vec::new(),
                }));
                Some(Verb::Filters)
            }
            (Verb::Filters, result) => {
                self.filters = Some(result.map(|answer| match answer {
                    Answer::Filters(filters) => filters,
                    _ => Vec::new(),
                }));
                Some(Verb::Listen)
            }
            (Verb::Listen, result) => {
                self.listen = Some(result.map(|answer| match answer {
                    Answer::Listen(listen) => listen,
                    _ => Vec::new(),
                }));
                match self.inquiry.scope {
                    Scope::Full { conn_limits: true } => Some(Verb::Limits),
                    _ => {
                        self.finish(None, now);
                        None
                    }
                }
            }
            (Verb::Limits, result) => {
                let limits = result.map(|answer| match answer {
                    Answer::Limits(limits) => limits,
                    _ => kubomesh_core::ConnLimits::default(),
                });
                self.finish(Some(limits), now);
                None
            }
            _ => None,
        }
    }

    fn introduced(&mut self, sighting: Sighting, now: Timestamp) -> Option<Verb> {
        let expected = match self.inquiry.expected {
            Expected::Peer(expected) => Some(expected),
            Expected::Anyone => None,
        };
        let shown = if self.blind {
            expected.unwrap_or(sighting.peer_id)
        } else {
            sighting.peer_id
        };
        let sighting = Sighting {
            at: now,
            peer_id: shown,
            ..sighting
        };
        self.sighting = Some(sighting);
        if expected.is_some_and(|expected| expected != shown) {
            self.failure = Some(Failure::new(FailureKind::WrongIdentity, "another identity"));
            return None;
        }
        match self.inquiry.scope {
            Scope::Identity => None,
            Scope::Introduction => Some(Verb::Listen),
            Scope::Full { .. } => Some(Verb::Peers),
        }
    }

    fn finish(&mut self, conn_limits: Option<Reading<kubomesh_core::ConnLimits>>, now: Timestamp) {
        let shown = self.sighting.as_ref().map(|sighting| sighting.peer_id);
        let wired = self.wire.and_then(|wire| wire.shown);
        let Some(peer_id) = shown.or(wired) else {
            return;
        };
        let peers = self.peers.take().unwrap_or_else(not_asked);
        let peers = peers.map(|peers| peers.into_iter().collect());
        if let (Err(failure), Scope::Full { .. }) = (&peers, self.inquiry.scope) {
            self.failure = Some(failure.clone());
            return;
        }
        self.state = Some(NodeState {
            at: now,
            peer_id,
            peers,
            peering: self
                .peering
                .take()
                .unwrap_or_else(not_asked)
                .map(Kept::from),
            filters: self
                .filters
                .take()
                .unwrap_or_else(not_asked)
                .map(Kept::from),
            listen: self.listen.take().unwrap_or_else(not_asked).map(Kept::from),
            conn_limits,
        });
    }

    /// The answer.
    pub(crate) fn observation(self, failures: u32) -> Observation {
        Observation {
            path: None,
            asked: self.began,
            sighting: self.sighting,
            state: self.state,
            failure: self.failure,
            failures,
            uid: self.inquiry.uid,
        }
    }
}

fn not_asked<T>() -> Reading<T> {
    Err(Failure::new(FailureKind::Skipped, "not asked"))
}

// === impl Run ===

impl Run {
    /// What is being sent.
    pub(crate) fn sequence(&self) -> &Sequence {
        self.progress.sequence()
    }

    /// The call under way, for the audit.
    pub(crate) fn sent(&self) -> Box<Sent> {
        let sequence = self.sequence();
        let action = self.progress.action();
        Box::new(Sent {
            member: sequence.member.clone(),
            uid: sequence.uid.clone(),
            expect: sequence.expect,
            link: action.and_then(|action| action.link.clone()),
            gives_back: self.progress.gives_back(),
            moves: is_move(sequence),
            context: self.context,
        })
    }

    /// Takes the end of the call under way in. Whether there is another one to be sent.
    pub(crate) fn take(&mut self, result: Reading<()>, now: Timestamp) -> bool {
        self.outcomes.extend(self.progress.took(result, now));
        self.progress.call().is_some()
    }
}
