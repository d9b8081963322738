//! One pass: what it reads once and what every stage of it shares.

use std::time::Duration;

use kubomesh_core::{
    Action, Call, FailureKind, Held, Link, MemberName, Mode, PeerId, Reason, Sequence, Timestamp,
};

use crate::filters::{self, Filters};
use crate::links::Pair;
use crate::memory::Memory;
use crate::retry;
use crate::sides::Sides;
use crate::world::World;

/// Deadline of every call that is no dial (rules.md, Limits).
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// What every stage of a pass shares.
pub(crate) struct Pass<'a> {
    /// Members, records, identities.
    pub world: World<'a>,
    /// What nodes list of each other.
    pub sides: Sides<'a>,
    /// What nodes filter.
    pub filters: Filters<'a>,
    /// What the next pass will know.
    pub memory: Memory,
    /// By node: its record's identity or address is being changed by this plan, so that nobody is
    /// given it before it is stored.
    pub unsettled: Vec<bool>,
    /// When something that was held back is due.
    pub due: Option<Timestamp>,
}

// === impl Pass ===

impl<'a> Pass<'a> {
    /// The present time.
    pub(crate) fn now(&self) -> Timestamp {
        self.world.input.now
    }

    /// Whether nodes may be told to change anything beyond giving back.
    pub(crate) fn enforces(&self) -> bool {
        self.world.input.policy.mode == Mode::Enforce
    }

    /// Holds something back until a time.
    pub(crate) fn hold(&mut self, reason: Reason, until: Option<Timestamp>) -> Held {
        if let Some(until) = until {
            self.due = Some(self.due.map_or(until, |due| due.min(until)));
        }
        Held { reason, until }
    }

    /// Why nothing is added to a link of this node now.
    pub(crate) fn quarantine(&self, node: usize) -> Option<Reason> {
        let at = &self.world.nodes[node];
        let unsettled = || Reason::NotRecorded {
            member: at.name.clone(),
        };
        at.quarantine()
            .or_else(|| self.unsettled[node].then(unsettled))
            .or_else(|| {
                (!at.has_address()).then(|| Reason::NoAddress {
                    member: at.name.clone(),
                })
            })
    }

    /// Whether a call may be sent to a node now: it answered as the recorded identity, was read
    /// after the last call to it, and did not just fail one. Else until when, if a time helps.
    pub(crate) fn callable(&self, node: usize) -> Result<(), Option<Timestamp>> {
        let at = &self.world.nodes[node];
        if at.state.is_none() || at.stale {
            return Err(None);
        }
        let memory = self.memory.members.get(at.name);
        match memory.and_then(|memory| retry::calls_due(memory, self.world.input.timings)) {
            Some(due) if due > self.now() => Err(Some(due)),
            _ => Ok(()),
        }
    }

    /// Why a call to a node has to wait: it must be read anew, it failed, or it does not answer.
    pub(crate) fn waiting(&mut self, node: usize, until: Option<Timestamp>) -> Held {
        let at = &self.world.nodes[node];
        let member = at.name.clone();
        let reason = match (until, at.silence()) {
            (None, None) => Reason::BeingMade,
            (None, Some(reason)) => reason,
            (Some(_), _) if self.is_unheeded(&member) => Reason::Unheeded { member },
            (Some(_), _) => Reason::Unreachable {
                member,
                kind: FailureKind::Refusal,
            },
        };
        self.hold(reason, until)
    }

    fn is_unheeded(&self, member: &MemberName) -> bool {
        let memory = self.memory.members.get(member);
        memory.is_some_and(|memory| memory.failures == 0 && memory.unheeded > 0)
    }

    /// Whether a filter that a node shows hides all that another one would.
    pub(crate) fn hides(&self, node: usize, cidr: &str) -> bool {
        let shown = self.world.nodes[node].state.map(|state| &state.filters);
        let mut shown = shown
            .into_iter()
            .flatten()
            .flat_map(|filters| filters.iter());
        let wanted = filters::range(cidr);
        shown.any(|text| {
            let range = filters::range(text);
            range
                .zip(wanted)
                .is_some_and(|(range, wanted)| range.contains(&wanted))
        })
    }

    /// The pair's name.
    pub(crate) fn link(&self, pair: Pair) -> Link {
        let (a, b) = (self.world.nodes[pair.a].name, self.world.nodes[pair.b].name);
        Link {
            a: a.clone(),
            b: b.clone(),
        }
    }

    /// Actions on one node.
    pub(crate) fn sequence(&self, node: usize, actions: Vec<Action>) -> Option<Sequence> {
        let at = &self.world.nodes[node];
        let (member, expect) = (at.member?, at.record?.peer_id?);
        Some(Sequence {
            member: at.name.clone(),
            uid: member.uid.clone(),
            access: member.access.clone(),
            expect,
            actions,
        })
    }

    /// One call that is no dial, as a sequence of its own.
    pub(crate) fn single(&self, node: usize, call: Call, link: Option<Link>) -> Option<Sequence> {
        let action = Action {
            call,
            deadline: CALL_DEADLINE,
            on_failure: Vec::new(),
            link,
        };
        self.sequence(node, vec![action])
    }

    /// A call that is part of a sequence and is no dial.
    pub(crate) fn step(call: Call, link: &Link) -> Action {
        Action {
            call,
            deadline: CALL_DEADLINE,
            on_failure: Vec::new(),
            link: Some(link.clone()),
        }
    }

    /// One `peering/rm` a node, for those that have any.
    pub(crate) fn removals(&self, by_node: Vec<Vec<PeerId>>) -> Vec<Sequence> {
        let removal = |(node, mut peers): (usize, Vec<PeerId>)| {
            peers.sort_unstable();
            peers.dedup();
            self.single(node, Call::PeeringRemove { peers }, None)
        };
        let any = by_node
            .into_iter()
            .enumerate()
            .filter(|(_, peers)| !peers.is_empty());
        any.filter_map(removal).collect()
    }
}
