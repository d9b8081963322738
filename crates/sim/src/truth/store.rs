//! The store of records: versions, preconditions, and a log that informers read.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{Record, RecordWrite, Timestamp, Versioned};

/// A record as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) record: Arc<Record>,
    pub(crate) version: u64,
    /// Which object: another one after a deletion.
    pub(crate) uid: u64,
}

/// One change of one record.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) version: u64,
    pub(crate) name: String,
    /// `None`: deleted.
    pub(crate) stored: Option<Stored>,
}

/// A write as it is sent: with the version that its writer knows; `None`: there is none.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) write: RecordWrite,
    pub(crate) expected: Option<u64>,
    /// The record that its plan used.
    pub(crate) used: Option<Record>,
}

/// Why a write was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It stands there in another version, or does not.
    Conflict,
    /// The store cannot be reached, or its answer got lost.
    Unavailable,
}

/// All records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    pub(crate) records: BTreeMap<String, Stored>,
    pub(crate) log: Vec<Change>,
    /// Counts restores.
    pub(crate) epoch: u32,
    pub(crate) version: u64,
    uids: u64,
    /// Writes that fail, and whether they are done all the same.
    pub(crate) failing: Option<(u8, bool)>,
}

// === impl Stored ===

impl Versioned for Stored {
    fn version(&self) -> u64 {
        self.version
    }

    fn is_same_object(&self, other: &Self) -> bool {
        self.uid == other.uid
    }
}

// === impl Store ===

impl Store {
    /// Makes a write if its precondition holds; the version that it is stored as.
    pub(crate) fn write(
        &mut self,
        write: &Write,
        now: Timestamp,
    ) -> Result<Option<Stored>, Refused> {
        let name = write.write.name();
        let standing = self.records.get(&name).map(|stored| stored.version);
        if standing != write.expected {
            return Err(Refused::Conflict);
        }
        Ok(match &write.write {
            RecordWrite::Put(record) => Some(self.put(name, Arc::new(Record::clone(record)), now)),
            RecordWrite::Delete(_) => {
                self.delete(&name, now);
                None
            }
        })
    }

    pub(crate) fn put(&mut self, name: String, record: Arc<Record>, now: Timestamp) -> Stored {
        self.version += 1;
        let uid = if let Some(stored) = self.records.get(&name) {
            stored.uid
        } else {
            self.uids += 1;
            self.uids
        };
        let stored = Stored {
            record,
            version: self.version,
            uid,
        };
        self.records.insert(name.clone(), stored.clone());
        let change = Change {
            at: now,
            version: self.version,
            name,
            stored: Some(stored.clone()),
        };
        self.log.push(change);
        stored
    }

    pub(crate) fn delete(&mut self, name: &str, now: Timestamp) -> bool {
        if self.records.remove(name).is_none() {
            return false;
        }
        self.version += 1;
        self.log.push(Change {
            at: now,
            version: self.version,
            name: name.into(),
            stored: None,
        });
        true
    }

    /// The records as they stood at a moment.
    pub(crate) fn as_of(&self, at: Timestamp) -> BTreeMap<String, Stored> {
        let mut records = BTreeMap::new();
        for change in self.log.iter().take_while(|change| change.at <= at) {
            match &change.stored {
                Some(stored) => records.insert(change.name.clone(), stored.clone()),
                None => records.remove(&change.name),
            };
        }
        records
    }

    /// Puts an older state in place of the present one.
    pub(crate) fn restore(&mut self, at: Timestamp, now: Timestamp) {
        let older = self.as_of(at);
        let extra: Vec<String> = self
            .records
            .keys()
            .filter(|name| !older.contains_key(*name))
            .cloned()
            .collect();
        for name in extra {
            self.delete(&name, now);
        }
        for (name, stored) in older {
            let same = self
                .records
                .get(&name)
                .is_some_and(|now| now.record == stored.record);
            if !same {
                self.put(name, stored.record, now);
            }
        }
        self.epoch += 1;
    }
}
