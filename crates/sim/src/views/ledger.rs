//! The records as a controller knows them: what its informer heard, with its own writes over it
//! until the informer has caught up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{MemberName, Record, RecordWrite, Timestamp};

use crate::truth::store::{Store, Stored, Write};

/// A write of this controller that its informer has not heard of.
#[derive(Debug, Clone)]
enum Written {
    /// It stands as this.
    Put(Stored),
    /// The object of this uid was gone at this version.
    Deleted { uid: u64, version: u64 },
}

/// What a controller knows of the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    heard: BTreeMap<String, Stored>,
    version: u64,
    read: usize,
    epoch: u32,
    synced: bool,
    own: BTreeMap<String, Written>,
    pub(crate) lag: Duration,
    view: Arc<BTreeMap<String, Record>>,
    /// The view that the last pass used.
    used: Arc<BTreeMap<String, Record>>,
}

// === impl Ledger ===

impl Ledger {
    /// When the next change is heard.
    pub(crate) fn next(&self, store: &Store) -> Timestamp {
        if self.epoch != store.epoch || !self.synced {
            return Timestamp(0);
        }
        let next = store.log.get(self.read);
        next.map_or(Timestamp(u64::MAX), |change| change.at + self.lag)
    }

    /// Hears what is to be heard by now.
    pub(crate) fn hear(&mut self, store: &Store, now: Timestamp) {
        if !self.synced || self.epoch != store.epoch {
            return self.list(store);
        }
        while let Some(change) = store.log.get(self.read).filter(|c| c.at + self.lag <= now) {
            self.read += 1;
            self.version = change.version;
            match &change.stored {
                Some(stored) => drop(self.heard.insert(change.name.clone(), stored.clone())),
                None => drop(self.heard.remove(&change.name)),
            }
            self.settle(&change.name);
        }
        let (heard, version) = (&self.heard, self.version);
        self.own
            .retain(|name, written| is_ahead(heard, version, name, written));
    }

    /// The records for a pass, and the members whose record is another than in the last one.
    pub(crate) fn records(&mut self) -> (Arc<BTreeMap<String, Record>>, BTreeSet<MemberName>) {
        let before = std::mem::replace(&mut self.used, Arc::clone(&self.view));
        let mut rewritten = BTreeSet::new();
        if !Arc::ptr_eq(&before, &self.used) {
            rewritten = Record::rewritten(&before, &self.used);
        }
        (Arc::clone(&self.used), rewritten)
    }

    /// Whether the records are others than those of the last pass.
    pub(crate) fn changed(&self) -> bool {
        !Arc::ptr_eq(&self.used, &self.view)
    }

    /// Members with a recorded identity; `None` before the first list of the records.
    pub(crate) fn recorded(&self) -> Option<BTreeSet<MemberName>> {
        let known = self.view.values().filter(|record| record.peer_id.is_some());
        self.synced
            .then(|| known.map(|record| record.member.clone()).collect())
    }

    /// A write with the version that is known here; `None` if it stands as wanted, or if somebody
    /// else changed it since the pass began that wants it.
    pub(crate) fn prepared(&self, write: RecordWrite) -> Option<Write> {
        let name = write.name();
        let stands = self.stands(&name);
        if stands.map(|stored| &*stored.record) != self.used.get(&name) {
            return None;
        }
        let same = match (&write, stands) {
            (RecordWrite::Put(record), Some(stored)) => **record == *stored.record,
            (RecordWrite::Delete(_), None) => true,
            _ => false,
        };
        let expected = stands.map(|stored| stored.version);
        (!same).then_some(Write { write, expected })
    }

    /// A record stands as this, as an answer to this controller showed; `None`: it is gone.
    pub(crate) fn told(&mut self, name: &str, stored: Option<Stored>) {
        let written = match (stored, self.stands(name)) {
            (Some(stored), _) => Written::Put(stored),
            (None, Some(before)) => Written::Deleted {
                uid: before.uid,
                version: before.version,
            },
            (None, None) => return,
        };
        if is_ahead(&self.heard, self.version, name, &written) {
            self.own.insert(name.to_owned(), written);
        } else {
            self.own.remove(name);
        }
        self.settle(name);
    }

    /// A write that was not made is believed to stand, as if nobody had to store anything first.
    pub(crate) fn pretend(&mut self, write: &RecordWrite) {
        let view = Arc::make_mut(&mut self.view);
        match write {
            RecordWrite::Put(record) => drop(view.insert(record.name(), Record::clone(record))),
            RecordWrite::Delete(name) => drop(view.remove(name)),
        }
    }

    fn list(&mut self, store: &Store) {
        self.synced = true;
        self.epoch = store.epoch;
        self.heard.clone_from(&store.records);
        self.version = store.version;
        self.read = store.log.len();
        self.own.clear();
        let record =
            |(name, stored): (&String, &Stored)| (name.clone(), Record::clone(&stored.record));
        let view: BTreeMap<String, Record> = self.heard.iter().map(record).collect();
        if view != *self.view {
            self.view = Arc::new(view);
        }
    }

    fn stands(&self, name: &str) -> Option<&Stored> {
        let heard = self.heard.get(name);
        match self.own.get(name) {
            Some(own @ Written::Put(stored)) if is_ahead(&self.heard, self.version, name, own) => {
                Some(stored)
            }
            Some(Written::Deleted { uid, .. }) => heard.filter(|heard| heard.uid != *uid),
            _ => heard,
        }
    }

    /// Brings one record of the view up to date.
    fn settle(&mut self, name: &str) {
        let stands = self.stands(name).map(|stored| Arc::clone(&stored.record));
        if self.view.get(name) == stands.as_deref() {
            return;
        }
        let view = Arc::make_mut(&mut self.view);
        match stands {
            Some(record) => drop(view.insert(name.to_owned(), Record::clone(&record))),
            None => drop(view.remove(name)),
        }
    }
}

/// Whether the informer has not yet shown what was written.
fn is_ahead(heard: &BTreeMap<String, Stored>, version: u64, name: &str, written: &Written) -> bool {
    match written {
        Written::Put(own) => version < own.version,
        Written::Deleted {
            uid,
            version: deleted,
        } => match heard.get(name) {
            Some(heard) => heard.uid == *uid && heard.version <= *deleted,
            None => version < *deleted,
        },
    }
}
