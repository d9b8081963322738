//! Steering: links on the wrong network are moved to theirs (rules.md, the storage network).
//!
//! The address given to `swarm/connect` does not choose the network: Kubo dials every address that it
//! knows (measured-on-kubo, row 3). So the far end's other addresses are hidden from one end for the
//! moment of dialling, by dial filters (row 4). A *session* is what is under way on one node: its
//! filters stand in the node's record from before they are added until they are seen gone, and the
//! links of the far ends that they hide are moved one by one in between. Sessions of different nodes
//! do not depend on each other.

mod choice;
mod hidden;
mod session;
mod standing;
mod state;
mod version;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{Call, FilterStep, Mode, Record, Sequence, Timestamp};

use crate::links::Pair;
use crate::memory::Memory;
use crate::mesh::Linked;
use crate::network::On;
use crate::pass::Pass;
use crate::records::Ledger;
use crate::retry;
use crate::world::World;

use self::hidden::Owners;
use self::session::Session;

pub(crate) use self::state::state;

/// A link that is to be moved.
pub(crate) struct Move {
    /// The pair.
    pub pair: Pair,
    /// Its place in the reports.
    pub report: usize,
}

/// What all sessions of a pass look at, made once.
struct Shared {
    /// The entries that are to stand on every node.
    standing: Vec<Arc<str>>,
    /// How many members have an IP; made when the first link may be moved.
    owners: OnceCell<Owners>,
}

/// Failed moves in a row after which the network counts as down.
const DOWN_AFTER: u32 = 3;

/// Filters calls by node: one a pass.
pub(crate) type FilterCalls = BTreeMap<usize, Call>;

/// Goes one step on with every session: what its record says, which link is moved, which filters are
/// added or taken away. Moves are put to the other steps of `linked`.
pub(crate) fn steer(pass: &mut Pass<'_>, linked: &mut Linked, ledger: &mut Ledger) -> FilterCalls {
    let mut calls = FilterCalls::new();
    if pass.world.input.policy.mode == Mode::Observe {
        return calls;
    }
    end_unrecorded(pass);
    let shared = Shared {
        standing: standing::entries(pass),
        owners: OnceCell::new(),
    };
    let mut moves = choice::by_node(pass, linked, &shared);
    for node in 0..pass.world.nodes.len() {
        let moves = moves.remove(&node).unwrap_or_default();
        let record = pass.world.nodes[node].record;
        let owns = record.is_some_and(|record| !record.owned_filters.is_empty());
        if moves.is_empty() && !owns && shared.standing.is_empty() {
            continue;
        }
        if pass.world.nodes[node].quarantine().is_some() {
            continue;
        }
        let mut session = Session {
            pass,
            linked,
            ledger,
            shared: &shared,
            node,
        };
        let call = session.step(&moves);
        calls.extend(call.map(|call| (node, call)));
    }
    calls
}

/// A session whose record was not stored, or is gone, did not begin; that of a member that is gone is
/// over, however long its record names its filters.
fn end_unrecorded(pass: &mut Pass<'_>) {
    for node in &pass.world.nodes {
        let record = node.record.filter(|_| node.member.is_some());
        let recorded = record.is_some_and(|record| passing(record).next().is_some());
        if let Some(memory) = pass.memory.members.get_mut(node.name).filter(|_| !recorded) {
            memory.session = false;
        }
    }
}

/// Filters calls as sequences of their own, where the node may be called.
pub(crate) fn sequences(pass: &mut Pass<'_>, calls: FilterCalls) -> Vec<Sequence> {
    let mut sequences = Vec::new();
    for (node, call) in calls {
        match pass.callable(node) {
            Ok(()) => sequences.extend(pass.single(node, call, None)),
            Err(until) => drop(pass.waiting(node, until)),
        }
    }
    sequences
}

/// Whether the wanted network carried none of the last links that were moved to it.
pub(crate) fn is_down(pass: &Pass<'_>) -> bool {
    pass.memory.moves_failed >= DOWN_AFTER
}

/// When the next link is tried although the network counts as down.
fn canary_due(pass: &Pass<'_>) -> Option<Timestamp> {
    let Memory {
        moves_failed,
        move_failed,
        ..
    } = pass.memory;
    let attempts = (moves_failed + 1).saturating_sub(DOWN_AFTER);
    retry::move_due(attempts, move_failed, pass.world.input.timings)
}

/// The filters of a record that are not to stay.
pub(crate) fn passing(record: &Record) -> impl Iterator<Item = &kubomesh_core::OwnedFilter> {
    let all = record.owned_filters.iter();
    all.filter(|one| one.step != FilterStep::Standing)
}

// === impl Shared ===

impl Shared {
    /// The entries that hide a node's addresses off a network.
    fn hiding(&self, world: &World<'_>, node: usize, on: On) -> Vec<Arc<str>> {
        let owners = self.owners.get_or_init(|| Owners::of(world));
        owners.hiding(world, node, on)
    }
}
