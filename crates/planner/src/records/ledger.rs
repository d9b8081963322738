//! What becomes of the records in one pass.

use std::collections::BTreeMap;

use kubomesh_core::{LostFilters, PeerId, Record, RecordWrite, Timestamp};

use crate::world::World;

/// What becomes of the records.
#[derive(Default)]
pub(crate) struct Ledger {
    /// The writes, in order of the records' names.
    pub writes: Vec<RecordWrite>,
    /// By node: whether its identity or a present address is being changed.
    pub unsettled: Vec<bool>,
    /// Retired identities dropped after their time.
    pub expired: Vec<PeerId>,
    /// Filters that were taken away and are now forgotten.
    pub lost: Vec<LostFilters>,
    /// Changes that would be made were it not for doubt.
    pub held: u64,
    /// When the next record is due to change by time alone.
    pub due: Option<Timestamp>,
    /// Places of the writes by the records' names, once one was looked for.
    places: BTreeMap<String, usize>,
}

// === impl Ledger ===

impl Ledger {
    /// The record that a node is to have, to be changed; none if it has none, or is to have none.
    /// [`Ledger::finish`] puts things in order again.
    pub(crate) fn record(&mut self, world: &World<'_>, node: usize) -> Option<&mut Record> {
        let stored = world.nodes[node].record?;
        let name = stored.name();
        if self.places.len() != self.writes.len() {
            let names = self.writes.iter().map(RecordWrite::name);
            self.places = names.zip(0..).collect();
        }
        let at = *self.places.entry(name).or_insert_with(|| {
            self.writes.push(RecordWrite::Put(Box::new(stored.clone())));
            self.writes.len() - 1
        });
        match &mut self.writes[at] {
            RecordWrite::Put(record) => Some(record),
            RecordWrite::Delete(_) => None,
        }
    }

    /// Sorts the writes by the records' names and drops those that change nothing.
    pub(crate) fn finish(&mut self, world: &World<'_>) {
        let records = world.input.records;
        self.writes.retain(|write| match write {
            RecordWrite::Put(record) => records.get(&record.name()) != Some(&**record),
            RecordWrite::Delete(_) => true,
        });
        self.writes.sort_by_cached_key(RecordWrite::name);
    }
}
