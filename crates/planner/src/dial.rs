//! Making connections: which end dials, what is closed before, and when (rules.md, Links).

use kubomesh_core::{
    Address, Failure, FailureKind, FilterPolicy, Held, Link, LinkState, Listed, MemberName, Reason,
    Timestamp,
};

use crate::links::{End, Judged, Need, Pair};
use crate::memory::LinkMemory;
use crate::pass::Pass;
use crate::retry;
use crate::since;
use crate::steps::Step;
use crate::topology::Positions;

/// Failed dials of one end after which the other dials.
const FAILED_TWICE: u32 = 2;

/// What is done about a link's connection in this pass.
pub(crate) enum Decision {
    /// It needs nothing, or nothing that a call could do.
    Nothing,
    /// A call for it is out; the ends are to be read anew.
    Awaiting,
    /// It is held back.
    Held(Held),
    /// Calls on one node.
    Send(Step),
    /// It is to be moved to its network, within a session of one of its ends.
    Move,
}

/// What is done about a judged link.
pub(crate) fn decide(
    pass: &mut Pass<'_>,
    pair: Pair,
    judged: &mut Judged<'_>,
    memory: &mut LinkMemory,
) -> Decision {
    note_relayed(pass.now(), judged, memory);
    if matches!(judged.need, Need::Nothing) {
        return Decision::Nothing;
    }
    if !matches!(judged.need, Need::Close(..)) {
        explain(pass, pair, judged, memory);
    }
    if !pass.enforces() {
        return Decision::Held(pass.hold(Reason::Mode, None));
    }
    if let Some(reason) = pass.quarantine(pair.a).or_else(|| pass.quarantine(pair.b)) {
        return Decision::Held(pass.hold(reason, None));
    }
    // A dial may hang for its whole deadline; only one to where an end no longer is does not count.
    let under_way = pass.world.input.busy.is_linking(&pass.link(pair));
    if awaits(pass, pair, memory) || (under_way && !memory.renewed) {
        return Decision::Awaiting;
    }
    if let Need::Close(end, connection) = judged.need {
        let step = Step {
            close: vec![exact(connection)],
            ..Step::new(pair, end)
        };
        return match pass.callable(pair.at(end)) {
            _ if calls(pass, pair, end) => Decision::Awaiting,
            Ok(()) => Decision::Send(step),
            Err(until) => Decision::Held(pass.waiting(pair.at(end), until)),
        };
    }
    if let Need::Move = judged.need
        && !matches!(judged.reason, Some(Reason::FilterConflict { .. }))
    {
        return Decision::Move;
    }
    if let Some(reason @ Reason::FilterConflict { member, .. }) = &judged.reason {
        let until = repair_due(pass, pair, member);
        return Decision::Held(pass.hold(reason.clone(), until));
    }
    recipe(pass, pair, judged, memory)
}

/// When an end is told again to give up a filter, if it did not do so and a time helps.
fn repair_due(pass: &Pass<'_>, pair: Pair, member: &MemberName) -> Option<Timestamp> {
    let nodes = &pass.world.nodes;
    let node = [pair.a, pair.b]
        .into_iter()
        .find(|node| nodes[*node].name == member)?;
    let repairs = pass.world.input.policy.filters == FilterPolicy::Repair;
    repairs.then(|| pass.callable(node).err().flatten())?
}

/// Chooses the recipe and checks that it is due.
fn recipe(
    pass: &mut Pass<'_>,
    pair: Pair,
    judged: &Judged<'_>,
    memory: &mut LinkMemory,
) -> Decision {
    let doubted = memory.doubted.take();
    let step = match judged.need {
        Need::Direct(end, circuit) => Step {
            close: vec![exact(circuit)],
            restore: true,
            ..Step::new(pair, end)
        },
        Need::DialFrom(end, stale) => match (may_dial(pass, pair, end), failed(memory, end)) {
            // The end that lists nothing does not get through: the other gives up what it lists.
            (true, failed) if failed >= FAILED_TWICE && may_dial(pass, pair, end.other()) => Step {
                close: vec![exact(stale)],
                ..Step::new(pair, end.other())
            },
            _ => Step::new(pair, end),
        },
        Need::Redial(listed) => {
            let since = *memory.doubted.insert(doubted.unwrap_or(pass.now()));
            if !read_since(pass, pair, since) {
                return Decision::Held(pass.hold(Reason::OneSided, None));
            }
            let end = suspect(pass, pair);
            let connection = listed[usize::from(end == End::B)];
            Step {
                close: vec![exact(connection)],
                ..Step::new(pair, end)
            }
        }
        _ => Step::new(pair, choose(pass, pair, memory)),
    };
    let (from, to) = (pair.at(step.end), pair.at(step.end.other()));
    if calls(pass, pair, step.end) {
        return Decision::Awaiting;
    }
    if !may_dial(pass, pair, step.end) {
        return Decision::Held(pass.waiting(from, None));
    }
    let step = Step {
        dial: true,
        silent: pass.world.nodes[to].is_silent(),
        ..step
    };
    match due(pass, pair, judged, memory, to).filter(|due| *due > pass.now()) {
        None => Decision::Send(step),
        Some(due) => {
            let reason = judged.reason.clone().unwrap_or(Reason::BeingMade);
            Decision::Held(pass.hold(reason, Some(due)))
        }
    }
}

/// When a link's next dial is due.
fn due(
    pass: &Pass<'_>,
    pair: Pair,
    judged: &Judged<'_>,
    memory: &LinkMemory,
    to: usize,
) -> Option<Timestamp> {
    let input = &pass.world.input;
    let link = pass.link(pair);
    let dial = retry::dial_due(&link, memory, &input.policy.limits, input.timings);
    let relayed = match judged.need {
        Need::Direct(..) => retry::relayed_due(&link, memory, input.timings),
        _ => None,
    };
    let node = &pass.world.nodes[to];
    let silent = match pass.memory.members.get(node.name) {
        Some(memory) if node.is_silent() => retry::silent_due(memory, input.timings),
        _ => None,
    };
    [dial, relayed, silent].into_iter().flatten().max()
}

/// The dialling end when neither lists a connection: the one that a hash of the pair chooses, or
/// the other if that one cannot dial or failed twice and more often.
fn choose(pass: &Pass<'_>, pair: Pair, memory: &LinkMemory) -> End {
    let chosen = by_hash(&pass.link(pair));
    let tired = failed(memory, chosen) >= FAILED_TWICE
        && failed(memory, chosen.other()) < failed(memory, chosen);
    match (
        may_dial(pass, pair, chosen),
        may_dial(pass, pair, chosen.other()),
    ) {
        (true, true) if tired => chosen.other(),
        (false, true) => chosen.other(),
        _ => chosen,
    }
}

/// The end that a hash of the pair chooses: half of a node's links are dialled by itself.
pub(crate) fn by_hash(link: &Link) -> End {
    let positions = Positions::new("dial");
    let base = positions.base(link.b.as_str().as_bytes());
    let hash = positions.on_ring(base, positions.base(link.a.as_str().as_bytes()));
    if hash & 1 == 0 { End::A } else { End::B }
}

/// The end whose connection is more likely dead: the one whose partner started later.
fn suspect(pass: &Pass<'_>, pair: Pair) -> End {
    let started = |node: usize| {
        let name = pass.world.nodes[node].name;
        pass.memory.members.get(name).map(|member| member.started)
    };
    match started(pair.a).cmp(&started(pair.b)) {
        std::cmp::Ordering::Greater => End::B,
        std::cmp::Ordering::Less => End::A,
        std::cmp::Ordering::Equal => by_hash(&pass.link(pair)),
    }
}

/// Whether an end can be told to dial: it answered, was read after the last call to it, and does not
/// dial already.
fn may_dial(pass: &Pass<'_>, pair: Pair, end: End) -> bool {
    let node = &pass.world.nodes[pair.at(end)];
    node.is_reachable() && !node.stale && !calls(pass, pair, end)
}

/// Whether a call for the link is under way on this end.
fn calls(pass: &Pass<'_>, pair: Pair, end: End) -> bool {
    let name = pass.world.nodes[pair.at(end)].name;
    pass.world.input.busy.calls(&pass.link(pair), name)
}

fn failed(memory: &LinkMemory, end: End) -> u32 {
    memory.failed[usize::from(end == End::B)]
}

/// Whether an end that answers was last read before the last dial of this link.
pub(crate) fn awaits(pass: &Pass<'_>, pair: Pair, memory: &LinkMemory) -> bool {
    memory
        .dialled
        .is_some_and(|dialled| !read_since(pass, pair, dialled))
}

/// Whether both ends, as far as they answer, were read after this time.
fn read_since(pass: &Pass<'_>, pair: Pair, since: Timestamp) -> bool {
    let nodes = [pair.a, pair.b].map(|node| &pass.world.nodes[node]);
    let mut answering = nodes.into_iter().filter(|node| node.state.is_some());
    answering.all(|node| {
        let observation = node.observation;
        observation.is_some_and(|seen| since::read_since(seen, since))
    })
}

fn note_relayed(now: Timestamp, judged: &Judged<'_>, memory: &mut LinkMemory) {
    if let Need::Direct(..) = judged.need {
        memory.relayed = memory.relayed.or(Some(now));
    } else {
        memory.relayed = None;
        memory.relayed_attempts = 0;
    }
}

/// Names the cause of a missing link: a filter on either end, another swarm key, the last failure.
fn explain(pass: &Pass<'_>, pair: Pair, judged: &mut Judged<'_>, memory: &LinkMemory) {
    let nodes = &pass.world.nodes;
    let covering = |node: usize, far: usize| {
        let (_, address) = pass.world.given(node, far)?;
        let entry = pass.filters.covering(node, address.ip())?;
        Some(Reason::FilterConflict {
            member: nodes[node].name.clone(),
            entry: entry.to_string(),
        })
    };
    if let Some(conflict) = covering(pair.a, pair.b).or_else(|| covering(pair.b, pair.a)) {
        judged.reason = Some(conflict);
        return;
    }
    let Some(Failure { kind, message }) = memory.last.clone() else {
        return;
    };
    if judged.state != LinkState::Missing
        || matches!(judged.reason, Some(Reason::Unreachable { .. }))
    {
        return;
    }
    let unread = [pair.a, pair.b].into_iter().find(|node| {
        nodes[*node]
            .state
            .is_none_or(|state| state.filters.is_err())
    });
    judged.reason = Some(match (kind, unread) {
        (FailureKind::SecurityNegotiation, None) => Reason::SwarmKeyDiffers,
        (FailureKind::SecurityNegotiation, Some(node)) => {
            let name = nodes[node].name;
            let message = format!("{message}; the dial filters of {name} could not be read");
            Reason::BackOff { kind, message }
        }
        _ => Reason::BackOff { kind, message },
    });
}

/// A connection as `swarm/disconnect` wants it: the listed text and the peer.
pub(crate) fn exact(connection: Listed<'_>) -> Address {
    let address = connection.address();
    if address.peer() == Some(connection.peer) {
        return address;
    }
    address.with_peer(connection.peer)
}
