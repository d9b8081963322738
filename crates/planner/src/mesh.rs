//! The desired links of a pass: each judged, its calls decided, its line of the report written.

use std::collections::BTreeMap;

use kubomesh_core::{Address, Call, Held, Link, LinkReport, LinkState, Reason, Sequence};

use crate::dial::{self, Decision};
use crate::links::{self, End, Judged, Pair};
use crate::memory::LinkMemory;
use crate::pass::Pass;
use crate::places;
use crate::steer::Move;
use crate::steps::{self, Step};
use crate::topology::Shape;
use crate::world::Standing;

/// What became of the desired links.
pub(crate) struct Linked {
    /// Desired pairs of placed nodes, sorted.
    pub pairs: Vec<Pair>,
    /// Every desired link in order, those with members that have no place yet among them.
    pub reports: Vec<LinkReport>,
    /// The same as nodes, in the same order.
    pub ends: Vec<(usize, usize)>,
    /// By node: the entries that it is to be given, in one call.
    pub entries: Vec<Vec<Address>>,
    /// Links that are on another network than theirs.
    pub moves: Vec<Move>,
    /// Dials and what belongs to them, before they are sent.
    pub steps: Vec<Step>,
}

/// Judges every desired link and decides what is done about it.
pub(crate) fn link(pass: &mut Pass<'_>) -> Linked {
    let desired = places::desired(&pass.world);
    let pairs: Vec<Pair> = desired.iter().map(|&(a, b)| Pair { a, b }).collect();
    let mut before = std::mem::take(&mut pass.memory.links);
    let mut entries: Vec<Vec<Address>> = vec![Vec::new(); pass.world.nodes.len()];
    let (mut steps, mut moves) = (Vec::new(), Vec::new());
    let mut reports = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let mut judged = links::judge(&pass.world, &pass.sides, *pair);
        let link = pass.link(*pair);
        if judged.state == LinkState::Healthy {
            let (state, rewritten) = (judged.state, judged.rewritten);
            let known = before.remove(&link);
            if known.as_ref().is_some_and(|known| known.moved.is_some()) {
                moved_well(pass, *pair);
            }
            let spent = known.and_then(|memory| memory.spent);
            if let Some(spent) = spent.filter(|spent| !spent.is_full(pass.now())) {
                let memory = LinkMemory {
                    spent: Some(spent),
                    ..LinkMemory::default()
                };
                pass.memory.links.insert(link.clone(), memory);
            }
            reports.push(LinkReport {
                link,
                state,
                reason: None,
                held: None,
                rewritten,
                off_network: judged.off_network,
            });
            continue;
        }
        let mut memory = before.remove(&link).unwrap_or_default();
        memory.removing = false;
        let decision = dial::decide(pass, *pair, &mut judged, &mut memory);
        note_move(pass, *pair, &judged, &mut memory);
        if let Decision::Move = decision {
            let report = reports.len();
            moves.push(Move {
                pair: *pair,
                report,
            });
        }
        if let Decision::Nothing = decision {
            memory = LinkMemory {
                moves_failed: memory.moves_failed,
                move_failed: memory.move_failed,
                ..memory.pace()
            };
        }
        if memory != LinkMemory::default() {
            pass.memory.links.insert(link.clone(), memory);
        }
        let protected = protect(pass, *pair, &judged, &mut entries);
        reports.push(report(link, judged, decision, protected, &mut steps));
    }
    undesired(pass, before);
    Linked {
        pairs,
        reports,
        ends: desired,
        entries,
        moves,
        steps,
    }
}

/// Sends what was decided, as far as the pace allows, and completes the reports.
pub(crate) fn send(pass: &mut Pass<'_>, linked: &mut Linked) -> Vec<Sequence> {
    let (dials, waiting) = steps::send(pass, std::mem::take(&mut linked.steps));
    let Linked { pairs, reports, .. } = linked;
    for (pair, held) in waiting {
        if let Ok(at) = pairs.binary_search_by_key(&(pair.a, pair.b), |pair| (pair.a, pair.b)) {
            reports[at].reason = reports[at]
                .reason
                .take()
                .filter(|one| *one != Reason::BeingMade);
            reports[at].reason.get_or_insert(held.reason.clone());
            reports[at].held = Some(held);
        }
    }
    unplaced(pass, &mut linked.ends, &mut linked.reports);
    dials
}

/// Judges the last move of a link, once both ends were read since.
fn note_move(pass: &mut Pass<'_>, pair: Pair, judged: &Judged<'_>, memory: &mut LinkMemory) {
    // Its ends may be read while the far one is still being dialled, for as long as that takes.
    let under_way = pass.world.input.busy.is_linking(&pass.link(pair));
    if memory.moved.is_none() || under_way || dial::awaits(pass, pair, memory) {
        return;
    }
    memory.moved = None;
    let arrived = matches!(
        judged.reason,
        Some(Reason::Unprotected | Reason::ExtraConnection)
    );
    if arrived {
        return moved_well(pass, pair);
    }
    for node in [pair.a, pair.b] {
        if let Some(member) = pass.memory.members.get_mut(pass.world.nodes[node].name) {
            member.moves_failed = member.moves_failed.saturating_add(1);
            member.move_failed = Some(pass.world.input.now);
        }
    }
    memory.moves_failed = memory.moves_failed.saturating_add(1);
    memory.move_failed = Some(pass.now());
    pass.memory.moves_failed = pass.memory.moves_failed.saturating_add(1);
    pass.memory.move_failed = Some(pass.now());
}

/// A link arrived on its network: nothing is held against that, nor against its ends.
fn moved_well(pass: &mut Pass<'_>, pair: Pair) {
    pass.memory.moves_failed = 0;
    for node in [pair.a, pair.b] {
        if let Some(member) = pass.memory.members.get_mut(pass.world.nodes[node].name) {
            member.moves_failed = 0;
        }
    }
}

/// Of what is no longer desired, its removal and its pace are remembered: it may be desired again in a
/// second.
fn undesired(pass: &mut Pass<'_>, mut links: BTreeMap<Link, LinkMemory>) {
    let (now, interval) = (pass.now(), pass.world.input.policy.limits.dial_interval);
    links.retain(|_, memory| {
        *memory = LinkMemory {
            dialled: memory.dialled.filter(|dialled| *dialled + interval > now),
            spent: memory.spent.filter(|spent| !spent.is_full(now)),
            removing: memory.removing,
            ..memory.pace()
        };
        memory.removing || memory.dialled.is_some() || memory.spent.is_some()
    });
    pass.memory.links.append(&mut links);
}

/// The entries that an unprotected link needs: added, or why not.
fn protect(
    pass: &mut Pass<'_>,
    pair: Pair,
    judged: &Judged<'_>,
    entries: &mut [Vec<Address>],
) -> Result<(), Held> {
    let mut held = Ok(());
    for (end, lacks) in [
        (End::A, judged.unprotected[0]),
        (End::B, judged.unprotected[1]),
    ] {
        if !lacks {
            continue;
        }
        let (node, far) = (pair.at(end), pair.at(end.other()));
        match entry(pass, judged, node, far) {
            Ok(address) => entries[node].push(address),
            Err(reason) => held = Err(reason),
        }
    }
    held
}

fn entry(
    pass: &mut Pass<'_>,
    judged: &Judged<'_>,
    node: usize,
    far: usize,
) -> Result<Address, Held> {
    if let Some(reason @ Reason::FilterConflict { .. }) = &judged.reason {
        return Err(pass.hold(reason.clone(), None));
    }
    given(pass, node, far)
}

/// The entry of a node for another, if it may be given now.
pub(crate) fn given(pass: &mut Pass<'_>, node: usize, far: usize) -> Result<Address, Held> {
    if !pass.enforces() {
        return Err(pass.hold(Reason::Mode, None));
    }
    if let Some(reason) = pass.quarantine(node).or_else(|| pass.quarantine(far)) {
        return Err(pass.hold(reason, None));
    }
    if let Err(until) = pass.callable(node) {
        return Err(pass.waiting(node, until));
    }
    let at = &pass.world.nodes[node];
    if let Some(Err(failure)) = at.state.map(|state| &state.peering) {
        let reason = Reason::Unreachable {
            member: at.name.clone(),
            kind: failure.kind,
        };
        return Err(pass.hold(reason, None));
    }
    match (pass.world.given(node, far), pass.world.nodes[far].place) {
        (Some((_, address)), Some(peer)) => Ok(address.with_peer(peer)),
        _ => {
            let member = pass.world.nodes[far].name.clone();
            Err(pass.hold(Reason::NoAddress { member }, None))
        }
    }
}

/// One line of the report; what is sent goes to `steps`.
fn report(
    link: Link,
    judged: Judged<'_>,
    decision: Decision,
    protected: Result<(), Held>,
    steps: &mut Vec<Step>,
) -> LinkReport {
    let mut reason = judged.reason;
    let held = match decision {
        Decision::Held(held) => {
            reason.get_or_insert(held.reason.clone());
            Some(held)
        }
        Decision::Awaiting | Decision::Move => None,
        Decision::Send(step) => {
            steps.push(step);
            None
        }
        Decision::Nothing => match (&reason, protected) {
            (_, Err(held)) => Some(held),
            (Some(Reason::Unprotected), Ok(())) | (None, _) => None,
            (Some(reason), Ok(())) => Some(Held {
                reason: reason.clone(),
                until: None,
            }),
        },
    };
    let reason = Some(reason.unwrap_or(Reason::BeingMade));
    LinkReport {
        link,
        state: judged.state,
        reason,
        held,
        rewritten: judged.rewritten,
        off_network: judged.off_network,
    }
}

/// One `peering/add` a node with all its new entries.
pub(crate) fn additions(pass: &Pass<'_>, entries: Vec<Vec<Address>>) -> Vec<Sequence> {
    let any = entries
        .into_iter()
        .enumerate()
        .filter(|(_, addresses)| !addresses.is_empty());
    any.filter_map(|(node, addresses)| pass.single(node, Call::PeeringAdd { addresses }, None))
        .collect()
}

/// In a full mesh it is known which links members without a recorded identity will have.
fn unplaced(pass: &Pass<'_>, ends: &mut Vec<(usize, usize)>, reports: &mut Vec<LinkReport>) {
    if places::shape(&pass.world) != Shape::FullMesh {
        return;
    }
    let nodes = &pass.world.nodes;
    let is_new = |node: usize| nodes[node].standing == Standing::New && nodes[node].place.is_none();
    let all: Vec<usize> = (0..nodes.len())
        .filter(|node| nodes[*node].place.is_some() || is_new(*node))
        .collect();
    let mut missing = BTreeMap::new();
    for new in all.iter().copied().filter(|node| is_new(*node)) {
        let member = nodes[new].name.clone();
        let reason = nodes[new]
            .silence()
            .unwrap_or(Reason::NotRecorded { member });
        for other in all.iter().copied().filter(|other| *other != new) {
            missing
                .entry((new.min(other), new.max(other)))
                .or_insert_with(|| reason.clone());
        }
    }
    if missing.is_empty() {
        return;
    }
    for ((a, b), reason) in missing {
        let held = Some(Held {
            reason: reason.clone(),
            until: None,
        });
        let (link, state) = (pass.link(Pair { a, b }), LinkState::Unknown);
        ends.push((a, b));
        reports.push(LinkReport {
            link,
            state,
            reason: Some(reason),
            held,
            rewritten: false,
            off_network: None,
        });
    }
    reports.sort_by(|one, other| one.link.cmp(&other.link));
    ends.sort_unstable();
}
