//! The records as a controller knows them: what its informer heard, with its own writes over it
//! until the informer has caught up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Found, MemberName, OwnWrites, Record, RecordWrite, Timestamp};

use crate::rules::{Rule, Rules};
use crate::truth::store::{Store, Stored, Write};

/// What a controller knows of the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    heard: BTreeMap<String, Stored>,
    version: u64,
    read: usize,
    epoch: u32,
    synced: bool,
    own: OwnWrites<String, Stored>,
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
        let mut changed = Vec::new();
        while let Some(change) = store.log.get(self.read).filter(|c| c.at + self.lag <= now) {
            self.read += 1;
            self.version = change.version;
            match &change.stored {
                Some(stored) => drop(self.heard.insert(change.name.clone(), stored.clone())),
                None => drop(self.heard.remove(&change.name)),
            }
            changed.push(&change.name);
        }
        self.own.heard(self.version, &self.heard);
        for name in changed {
            self.settle(name);
        }
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
    pub(crate) fn prepared(&self, rules: Rules, write: RecordWrite) -> Option<Write> {
        let name = write.name();
        let stands = self.stands(&name);
        let used = self.used.get(&name);
        let due = match write.finds(stands.map(|stored| &*stored.record), used) {
            Found::AsWanted => false,
            Found::AsUsed => true,
            Found::Changed => rules.lacks(Rule::WriteAsPlanned),
        };
        due.then(|| Write {
            write,
            expected: stands.map(|stored| stored.version),
            used: used.cloned(),
        })
    }

    /// A record stands as this, as an answer to this controller showed; `None`: it is gone.
    pub(crate) fn told(&mut self, name: &str, stored: Option<Stored>) {
        let key = name.to_owned();
        match (stored, self.stands(name).cloned()) {
            (Some(stored), _) => self.own.stands(key, stored, self.version),
            (None, Some(before)) => self.own.gone(key, before),
            (None, None) => return,
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
        self.own.over(name, self.heard.get(name))
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
