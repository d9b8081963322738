//! What the watch tells of `SwarmPeer` objects, with our own writes over it until the watch has
//! caught up: a late event never rewinds a record that we wrote.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubomesh_api::{RecordKey, StoredRecord, StoredRecords};
use kubomesh_core::OwnWrites;

use super::view::Change;

/// The watch's view and our writes since. No clock, no I/O.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    base: Arc<StoredRecords>,
    own: OwnWrites<RecordKey, StoredRecord>,
}

// === impl Overlay ===

impl Overlay {
    /// Whether the first list is complete.
    pub(super) fn is_synced(&self) -> bool {
        self.base.synced
    }

    /// A record's object as far as anybody knows.
    pub(super) fn get(&self, key: &RecordKey) -> Option<&StoredRecord> {
        self.own.over(key, self.base.records.get(key))
    }

    /// An object as an answer of the API server to us shows it.
    pub(super) fn wrote(&mut self, key: RecordKey, stored: StoredRecord) -> Change {
        self.own.stands(key.clone(), stored, self.base.version);
        self.change(key)
    }

    /// We deleted the object that we knew like this; or it was found to be gone.
    pub(super) fn deleted(&mut self, key: RecordKey, before: StoredRecord) -> Change {
        self.own.gone(key.clone(), before);
        self.change(key)
    }

    /// The watch's view moved on; what changed by it.
    pub(super) fn heard(&mut self, base: Arc<StoredRecords>) -> Vec<Change> {
        let before = std::mem::replace(&mut self.base, base);
        let mut touched: BTreeSet<RecordKey> = self.own.keys().cloned().collect();
        if before.epoch == self.base.epoch {
            self.own.heard(self.base.version, &self.base.records);
        } else {
            self.own.clear();
        }
        let differs = |(key, stored): &(&RecordKey, &StoredRecord)| {
            self.base
                .records
                .get(*key)
                .is_none_or(|now| now.version != stored.version)
        };
        touched.extend(
            before
                .records
                .iter()
                .filter(differs)
                .map(|(key, _)| key.clone()),
        );
        let is_new = |key: &&RecordKey| !before.records.contains_key(*key);
        touched.extend(self.base.records.keys().filter(is_new).cloned());
        touched.into_iter().map(|key| self.change(key)).collect()
    }

    fn change(&self, key: RecordKey) -> Change {
        let stands = self.get(&key).map(|stored| stored.record.clone());
        (key, stands)
    }
}
