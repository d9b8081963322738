//! Moves as they are sent and end: one at a time on a network that is down, and what was closed in vain
//! is connected again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use kubomesh_core::{
    Call, Failure, FailureKind, Link, MemberName, Network, Reading, Timestamp, Timings,
};
use kubomesh_model::NodeIndex;

use super::{Steered, covers, is_move};
use crate::audit::Property;
use crate::controller::Who;
use crate::controller::task::{Run, Sent};
use crate::queue::Request;
use crate::sim::Sim;
use crate::story::network::network_of;

/// Moves that fail in a row until the network counts as down.
const DOWN_AFTER: u32 = 3;

/// Moves that fail in a row until a controller has to know that it is down: one or two it may put down
/// to something else, where a link is wanted no more or an end has just started.
const SURELY_DOWN_AFTER: usize = DOWN_AFTER as usize + 2;

/// How long a controller needs to read what became of a move that failed.
const KNOWN: Duration = Duration::from_secs(20);

/// The moves of one life of a controller.
#[derive(Debug, Clone, Default)]
pub(super) struct Moves {
    /// Since when each is under way.
    pub(super) under_way: BTreeMap<Link, Timestamp>,
    /// Those that failed in a row, and when.
    pub(super) failed: Vec<(Link, Timestamp)>,
    /// Since when it is known that so many failed in a row.
    pub(super) down: Option<Timestamp>,
    /// Those of which the dial was given up: a node may be at it still, and what it is asked next joins
    /// that, with the addresses as they were hidden.
    pub(super) unanswered: BTreeSet<Link>,
    /// Moves begun since the storage network carries nothing.
    pub(super) tried: u32,
}

// === impl Moves ===

impl Moves {
    pub(super) fn note_down(&mut self, now: Timestamp) {
        let down = self.failed.len() >= SURELY_DOWN_AFTER;
        self.down = self.down.or(Some(now)).filter(|_| down);
    }
}

impl Steered {
    /// An end started, or answers again: what failed a moment ago may have failed because of that.
    pub(in crate::audit) fn renewed(&mut self, who: Who, name: &MemberName, now: Timestamp) {
        let Some(moves) = self.moves.get_mut(&who) else {
            return;
        };
        let recent = |at: &Timestamp| now < *at + KNOWN;
        let of = |link: &Link| link.a == *name || link.b == *name;
        moves.failed.retain(|(link, at)| !of(link) || !recent(at));
        moves.note_down(now);
    }
}

impl Sim {
    /// A call of a move is sent.
    pub(in crate::audit) fn move_leaves(&mut self, request: &Request, sent: &Sent, call: &Call) {
        let (true, Call::Disconnect { .. }, Some(link)) = (sent.moves, call, &sent.link) else {
            return;
        };
        let (now, who) = (self.now(), request.who);
        let members = u32::try_from(self.cluster.places.len()).unwrap_or(u32::MAX);
        let down = self.audit.steered.down.filter(|_| {
            let wanted = self.policy.network.attachment.is_some();
            wanted && self.audit.two_until <= now
        });
        let most = down.map(|since| most_moves(&self.timings, members, now.since(since)));
        let failed = self.audit.steered.moves.get(&who);
        let mut failed = failed.into_iter().flat_map(|moves| &moves.failed);
        let arrived = failed.any(|(link, _)| self.has_arrived(link));
        let moves = self.audit.steered.moves.entry(who).or_default();
        if arrived {
            // The network carries after all.
            moves.failed.clear();
            moves.note_down(now);
        }
        let (failed, down) = (moves.failed.len(), moves.down);
        let since_down = |at: &Timestamp| down.is_some_and(|down| down + KNOWN < *at);
        let mut others = moves.under_way.iter().filter(|(other, _)| *other != link);
        let others = others.any(|(_, at)| since_down(at)) && since_down(&now);
        let begins = moves.under_way.insert(link.clone(), now).is_none();
        moves.tried += u32::from(begins);
        let tried = moves.tried;
        if others {
            let detail = format!("{who} moves {link} beside another after {failed} failures");
            self.audit.broke(Property::GivenUp, detail);
        }
        if most.is_some_and(|most| tried > most) {
            let detail = format!("{who} gave {tried} links up on a network that is down: {most:?}");
            self.audit.broke(Property::GivenUp, detail);
        }
    }

    /// A call of a move has ended; `over`: it was the last one.
    pub(crate) fn moved(&mut self, who: Who, run: &Run, result: &Reading<()>, over: bool) {
        if !is_move(run.sequence()) {
            return;
        }
        let (gives_back, link) = (run.progress.gives_back(), run.sequence().actions.last());
        let Some(link) = link.and_then(|action| action.link.clone()) else {
            return;
        };
        let now = self.now();
        let moves = self.audit.steered.moves.entry(who).or_default();
        let begun = moves.under_way.get(&link).copied();
        if over {
            moves.under_way.remove(&link);
        }
        // What was begun before its controller started from nothing is not its failure, nor is it the
        // network's where an end started since.
        let counts = begun.is_some_and(|at| !self.audit.is_before_renewal(who, &link, at));
        let dials = matches!(run.progress.call(), Some((Call::Connect { .. }, _)));
        let moves = self.audit.steered.moves.entry(who).or_default();
        if dials && !gives_back {
            let late = |failure: &Failure| failure.kind == FailureKind::TimedOut;
            match result.as_ref().err().is_some_and(late) {
                true => drop(moves.unanswered.insert(link.clone())),
                false => drop(moves.unanswered.remove(&link)),
            }
            match result {
                Ok(()) => moves.failed.clear(),
                Err(_) if counts => moves.failed.push((link.clone(), now)),
                Err(_) => {}
            }
            moves.note_down(now);
        }
        let joined = moves.unanswered.contains(&link);
        let answered = match result {
            Ok(()) => true,
            Err(failure) if failure.kind == FailureKind::FilteredHere => !joined,
            Err(failure) => !matches!(
                failure.kind,
                FailureKind::TimedOut
                    | FailureKind::WrongIdentity
                    | FailureKind::Disconnected
                    | FailureKind::Fenced
                    | FailureKind::RateLimited
                    | FailureKind::Refused
            ),
        };
        if over && gives_back && answered {
            self.judge_given_back(who, &link, begun);
        }
    }

    /// The process and the IP of a pod.
    fn at_name(&self, name: &MemberName) -> Option<(NodeIndex, IpAddr)> {
        let mut places = self.cluster.places.values();
        let place = places.find(|place| {
            let object = place.object.as_ref();
            object.is_some_and(|object| object.name == *name)
        })?;
        Some((place.process?, place.object.as_ref()?.ip))
    }

    /// Whether a pair is connected on the storage network, however that came.
    fn has_arrived(&self, link: &Link) -> bool {
        let (Some((a, _)), Some((b, _))) = (self.at_name(&link.a), self.at_name(&link.b)) else {
            return false;
        };
        let on = |near: NodeIndex, far: NodeIndex| {
            let peer = self.world.node(far).spec().peer_id;
            let listed = self.world.peers(near).unwrap_or_default();
            let mut ips = listed.iter().filter(|one| one.peer == peer);
            ips.any(|one| one.address.ip().map(network_of) == Some(Network::Storage))
        };
        on(a, b) || on(b, a)
    }

    /// A pair whose move failed is connected again, if there is a way.
    fn judge_given_back(&mut self, who: Who, link: &Link, begun: Option<Timestamp>) {
        let (Some((a, at_a)), Some((b, at_b))) = (self.at_name(&link.a), self.at_name(&link.b))
        else {
            return;
        };
        let peer = self.world.node(b).spec().peer_id;
        let apart =
            self.world.connectedness(a, peer) == kubomesh_model::Connectedness::NotConnected;
        // A filter may have been in the way that is gone by now: an owner's, or one that stands.
        let cleared = |node| {
            let repo = self.world.node(node).spec().peer_id;
            let at = self.audit.steered.freed.get(&repo);
            at.is_some_and(|at| begun.is_none_or(|begun| begun <= *at))
        };
        if apart && !cleared(a) && !cleared(b) && self.is_way((a, at_a), (b, at_b)) {
            let detail = format!("{who} moved {link} in vain and did not connect it again");
            self.audit.broke(Property::GivenUp, detail);
        }
    }

    /// Whether two nodes reach each other over the pod network.
    fn is_way(&self, (a, at_a): (NodeIndex, IpAddr), (b, at_b): (NodeIndex, IpAddr)) -> bool {
        let open = |node: NodeIndex| {
            let node = self.world.node(node);
            node.is_online() && node.spec().listen_only.is_empty()
        };
        let hides = |node, ip| {
            let filters = self.world.filters(node).unwrap_or_default();
            filters.iter().any(|text| covers(text, ip))
        };
        let runs = self.world.reaches(a, b, Some(Network::Pod));
        runs && open(a) && open(b) && !hides(a, at_b) && !hides(b, at_a)
    }
}

/// Links that may be tried on a network that is down for so long: each member may be an end of two that
/// are under way before that is known, three more fail, then each pause doubles up to the longest.
fn most_moves(timings: &Timings, members: u32, span: Duration) -> u32 {
    let (base, max) = (timings.steer_retry_base, timings.steer_retry_max);
    let mut pause = base / 2;
    let (mut at, mut count) = (Duration::ZERO, 2 * members + DOWN_AFTER + 2);
    while at <= span {
        at += pause;
        pause = (pause * 2).min(max / 2).max(Duration::from_secs(1));
        count += 1;
    }
    count
}
