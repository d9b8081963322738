//! Calls that a node answers with success and that its lists show nothing of: they are planned again
//! with a back-off, as those that fail.

use std::collections::{BTreeMap, BTreeSet};

use kubomesh_core::{Address, Call, MemberName, NodeState, Sequence};

use crate::memory::Memory;
use crate::world::World;

/// Looks whether each node's lists show what it was last sent. A node that did something of it after
/// all has nothing held against it.
pub(crate) fn look(world: &World<'_>, memory: &mut Memory) {
    for node in &world.nodes {
        let Some(member) = memory.members.get_mut(node.name) else {
            continue;
        };
        let Some(state) = node.state.filter(|_| !node.changing) else {
            continue;
        };
        let before = member.sent.len();
        member.sent.retain(|call| !is_done(call, state));
        if member.sent.len() < before {
            member.unheeded = 0;
        }
    }
}

/// Compares what is planned for each node with what it was sent last and did not do.
///
/// A call is planned only after the node was read anew: the same once more says that the last one
/// changed nothing.
pub(crate) fn note(memory: &mut Memory, sequences: &[Sequence]) {
    let mut planned: BTreeMap<&MemberName, Vec<Call>> = BTreeMap::new();
    for sequence in sequences {
        let calls = sequence.actions.iter().map(|action| &action.call);
        let calls = calls.filter(|call| is_listed(call)).cloned();
        planned.entry(&sequence.member).or_default().extend(calls);
    }
    for (name, calls) in planned {
        let Some(member) = memory.members.get_mut(name) else {
            continue;
        };
        if calls.is_empty() {
            continue;
        }
        member.unheeded = match member.sent == calls {
            true => member.unheeded.saturating_add(1),
            false => 0,
        };
        member.sent = calls;
    }
}

/// Whether the node's lists show what a call asks for.
fn is_done(call: &Call, state: &NodeState) -> bool {
    let entries = state.peering.as_deref().ok();
    let filters = state.filters.as_deref().ok();
    match call {
        // One look at each entry, however many a node lists.
        Call::PeeringAdd { addresses } => entries.is_some_and(|entries| {
            let wanted = |one: &Address| Some((one.peer()?, one.without_peer()));
            let mut wanted: BTreeMap<_, _> = addresses.iter().filter_map(wanted).collect();
            for entry in entries {
                let at = wanted.get(&entry.peer);
                if at.is_some_and(|at| entry.addresses.contains(at)) {
                    wanted.remove(&entry.peer);
                }
            }
            wanted.is_empty()
        }),
        Call::PeeringRemove { peers } => {
            let peers: BTreeSet<_> = peers.iter().collect();
            entries.is_some_and(|entries| entries.iter().all(|one| !peers.contains(&one.peer)))
        }
        Call::FiltersAdd { entries } => {
            filters.is_some_and(|listed| entries.iter().all(|one| listed.contains(one)))
        }
        Call::FiltersRemove { entries } => {
            filters.is_some_and(|listed| entries.iter().all(|one| !listed.contains(one)))
        }
        _ => false,
    }
}

/// Whether the node's own lists show what the call did; connections have their own back-off.
fn is_listed(call: &Call) -> bool {
    !matches!(call, Call::Connect { .. } | Call::Disconnect { .. })
}
