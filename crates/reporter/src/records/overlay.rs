//! What the watch tells of `SwarmPeer` objects, with our own writes over it until the watch has
//! caught up: a late event never rewinds a record that we wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_api::{RecordKey, StoredRecord, StoredRecords};

use super::view::Change;

/// The watch's view and our writes since. No clock, no I/O.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    base: Arc<StoredRecords>,
    own: BTreeMap<RecordKey, Own>,
}

/// Our last write of a record.
#[derive(Debug, Clone)]
enum Own {
    /// It stands as this; `version` as a number.
    Stands { stored: StoredRecord, version: u64 },
    /// The object of this UID was deleted when it had this version.
    Deleted { uid: Arc<str>, version: u64 },
}

// === impl Overlay ===

impl Overlay {
    /// Whether the first list is complete.
    pub(super) fn is_synced(&self) -> bool {
        self.base.synced
    }

    /// A record's object as far as anybody knows.
    pub(super) fn get(&self, key: &RecordKey) -> Option<&StoredRecord> {
        let heard = self.base.records.get(key);
        match self.own.get(key) {
            None => heard,
            Some(Own::Stands { stored, .. }) => Some(stored),
            Some(Own::Deleted { uid, .. }) => heard.filter(|heard| heard.uid != *uid),
        }
    }

    /// An object as an answer of the API server to us shows it.
    pub(super) fn wrote(&mut self, key: RecordKey, stored: StoredRecord) -> Change {
        let version = number(&stored.version);
        let change = (key.clone(), Some(stored.record.clone()));
        if version > self.base.version {
            self.own.insert(key, Own::Stands { stored, version });
            return change;
        }
        // The watch was faster; or versions are no numbers, and then it is all there is.
        self.own.remove(&key);
        let stands = self.get(&key).map(|stored| stored.record.clone());
        (key, stands)
    }

    /// We deleted the object that had this UID and version; or it was found to be gone.
    pub(super) fn deleted(&mut self, key: RecordKey, before: &StoredRecord) -> Change {
        let gone = Own::Deleted {
            uid: before.uid.clone(),
            version: number(&before.version),
        };
        self.own.insert(key.clone(), gone);
        let stands = self.get(&key).map(|stored| stored.record.clone());
        (key, stands)
    }

    /// The watch's view moved on; what changed by it.
    pub(super) fn heard(&mut self, base: Arc<StoredRecords>) -> Vec<Change> {
        let before = std::mem::replace(&mut self.base, base);
        let mut touched: BTreeSet<RecordKey> = self.own.keys().cloned().collect();
        if before.epoch == self.base.epoch {
            let base = &self.base;
            self.own.retain(|key, own| own.is_ahead_of(base, key));
        } else {
            // The store was restored: what we wrote since is gone with it.
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
        let change = |key: RecordKey| {
            let stands = self.get(&key).map(|stored| stored.record.clone());
            (key, stands)
        };
        touched.into_iter().map(change).collect()
    }
}

// === impl Own ===

impl Own {
    /// Whether the watch has not yet shown what we did.
    fn is_ahead_of(&self, base: &StoredRecords, key: &RecordKey) -> bool {
        match self {
            Self::Stands { version, .. } => base.version < *version,
            // Still shown as we deleted it: not yet heard of. Shown otherwise, or not at all by a
            // view that is past it: heard of.
            Self::Deleted { uid, version } => match base.records.get(key) {
                Some(heard) => heard.uid == *uid && number(&heard.version) <= *version,
                None => base.version < *version,
            },
        }
    }
}

/// A resource version as a number; 0 when it is none.
pub(super) fn number(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}
