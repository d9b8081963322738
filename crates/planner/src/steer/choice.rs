//! Which links may be moved now, and from which end.

use std::collections::BTreeMap;

use kubomesh_core::{Direction, FailureKind, Held, PeerId, Reason, Steering, Timestamp};

use super::version;
use super::{Move, Shared, canary_due, is_down, passing};
use crate::dial::by_hash;
use crate::links::{self, End, Pair};
use crate::mesh::Linked;
use crate::network::{self, On};
use crate::pass::Pass;
use crate::retry;
use crate::world::Node;

/// A link that a session on one of its ends may move.
pub(crate) struct Chosen {
    /// The pair.
    pub pair: Pair,
    /// The end that has the session.
    pub end: End,
    /// Its place in the reports.
    pub report: usize,
    /// Who is at the other end.
    pub peer: PeerId,
    /// Whether both ends have a live connection on the wanted network: if not, it is a canary.
    pub free: bool,
}

/// The links that may be moved, by the node whose session moves them. Those that may not have the
/// reason in their report.
pub(crate) fn by_node(
    pass: &mut Pass<'_>,
    linked: &mut Linked,
    shared: &Shared,
) -> BTreeMap<usize, Vec<Chosen>> {
    let mut chosen: BTreeMap<usize, Vec<Chosen>> = BTreeMap::new();
    for Move { pair, report } in std::mem::take(&mut linked.moves) {
        let held = match choose(pass, pair, report, shared) {
            Ok(one) => {
                // Until it is its turn.
                let held = pass.hold(Reason::WrongNetwork, None);
                chosen.entry(pair.at(one.end)).or_default().push(one);
                held
            }
            Err(held) => held,
        };
        linked.reports[report].held = Some(held);
    }
    chosen
}

/// Whether a node's Kubo does not bear a quick reconnect, and the policy does not say that it may be
/// done all the same.
pub(crate) fn is_affected(pass: &Pass<'_>, node: &Node<'_>) -> bool {
    let sighting = node
        .observation
        .and_then(|observation| observation.sighting.as_ref());
    let affected = sighting.is_some_and(|seen| version::is_affected(&seen.agent_version));
    let policy = &pass.world.input.policy.network;
    affected && !policy.steering_on_affected_versions
}

fn choose(pass: &mut Pass<'_>, pair: Pair, report: usize, shared: &Shared) -> Result<Chosen, Held> {
    if pass.world.input.policy.network.steering == Steering::Off {
        return Err(pass.hold(Reason::SteeringOff, None));
    }
    let ends = [End::A, End::B];
    // Without a storage network only what one of ours was used for is moved: other interfaces of the
    // pods are their owners' business.
    let former = |end: &End| {
        let member = pass.world.nodes[pair.at(*end)].member;
        member.is_some_and(|member| member.storage.former.is_some())
    };
    let wanted = network::wanted(&pass.world.input.policy.network);
    if wanted == On::Pod && !ends.iter().any(former) {
        return Err(pass.hold(Reason::WrongNetwork, None));
    }
    let affected = |end: &End| is_affected(pass, &pass.world.nodes[pair.at(*end)]);
    if let Some(end) = ends.into_iter().find(affected) {
        let member = pass.world.nodes[pair.at(end)].name.clone();
        return Err(pass.hold(Reason::AffectedVersion { member }, None));
    }
    let link = pass.link(pair);
    let memory = pass.memory.links.get(&link);
    let failed = memory.map_or(0, |memory| memory.moves_failed);
    let last = memory.and_then(|memory| memory.move_failed);
    let timings = pass.world.input.timings;
    let due = retry::move_due(failed, last, timings);
    if let Some(due) = due.filter(|due| *due > pass.now()) {
        let reason = Reason::BackOff {
            kind: FailureKind::Unreachable,
            message: "it could not be moved to its network".into(),
        };
        return Err(pass.hold(reason, Some(due)));
    }
    if let Some(due) = canary_due(pass).filter(|due| *due > pass.now()) {
        return Err(pass.hold(Reason::StorageNetworkDown, Some(due)));
    }
    let free = ends.iter().all(|end| is_on(pass, pair, *end)) && !is_down(pass);
    if let Some(due) = canary_of_ends(pass, pair).filter(|due| !free && *due > pass.now()) {
        let reason = Reason::BackOff {
            kind: FailureKind::Unreachable,
            message: "another link of an end could not be moved to its network".into(),
        };
        return Err(pass.hold(reason, Some(due)));
    }
    if pass.world.input.busy.is_linking(&link) {
        return Err(pass.hold(Reason::BeingMade, None));
    }
    let first = match (by_hash(&link), failed % 2) {
        (end, 0) => end,
        (end, _) => end.other(),
    };
    let begun = ends.into_iter().find(|end| has_session(pass, pair, *end));
    let order = begun.into_iter().chain([first, first.other()]);
    let mut waits = None;
    for end in order {
        match may_move(pass, pair, end, shared) {
            Ok(peer) => {
                return Ok(Chosen {
                    pair,
                    end,
                    report,
                    peer,
                    free,
                });
            }
            Err(held) => waits = Some(held),
        }
    }
    Err(waits.unwrap_or_else(|| pass.hold(Reason::WrongNetwork, None)))
}

/// When an end of which links could not be moved may be tried again.
fn canary_of_ends(pass: &Pass<'_>, pair: Pair) -> Option<Timestamp> {
    let timings = pass.world.input.timings;
    let due = |node: usize| {
        let member = pass.memory.members.get(pass.world.nodes[node].name)?;
        retry::move_due(member.moves_failed, member.move_failed, timings)
    };
    [pair.a, pair.b].into_iter().filter_map(due).max()
}

/// Whether an end has a session that hides the other.
fn has_session(pass: &Pass<'_>, pair: Pair, end: End) -> bool {
    let far = pass.world.nodes[pair.at(end.other())].place;
    let record = pass.world.nodes[pair.at(end)].record;
    record.is_some_and(|record| passing(record).any(|one| one.peer == far))
}

/// Whether an end can be told to move a link: it lists the connections that have to go, both ends are
/// known as they are now, and what has to be hidden of the other is its alone.
fn may_move(pass: &mut Pass<'_>, pair: Pair, end: End, shared: &Shared) -> Result<PeerId, Held> {
    let (near, far) = (pair.at(end), pair.at(end.other()));
    if let Err(until) = pass.callable(near) {
        return Err(pass.waiting(near, until));
    }
    let fresh = |node: &Node<'_>| node.is_reachable() && !node.stale;
    if !fresh(&pass.world.nodes[far]) {
        return Err(pass.waiting(far, None));
    }
    let state = pass.world.nodes[near].state;
    if let Some(Err(failure)) = state.map(|state| &state.filters) {
        let (member, kind) = (pass.world.nodes[near].name.clone(), failure.kind);
        return Err(pass.hold(Reason::Unreachable { member, kind }, None));
    }
    let on = pass.world.common(near, far).on;
    if on.is_some_and(|on| shared.hiding(&pass.world, far, on).is_empty()) {
        let member = pass.world.nodes[far].name.clone();
        return Err(pass.hold(Reason::NothingToFilter { member }, None));
    }
    let lists = !links::off_network(&pass.world, &pass.sides, (near, far)).is_empty();
    match pass.world.nodes[far].place {
        Some(peer) if lists => Ok(peer),
        _ => Err(pass.hold(Reason::WrongNetwork, None)),
    }
}

/// Whether an end lists a live connection on the network that the pair is to use, to whomever.
fn is_on(pass: &Pass<'_>, pair: Pair, end: End) -> bool {
    let Some(on) = pass.world.common(pair.a, pair.b).on else {
        return false;
    };
    let node = pair.at(end);
    pass.sides.all(node).iter().any(|(far, connection)| {
        let member = pass.world.nodes[*far].member;
        let direct = !connection.is_relayed && connection.direction != Direction::Unknown;
        let on = member
            .zip(connection.ip)
            .is_some_and(|(member, ip)| network::is_on(member, on, ip));
        direct && on
    })
}
