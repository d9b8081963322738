//! When nothing may be removed (rules.md, Removal): by what each controller was shown of the pods
//! and the store and when, whatever it makes of it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use kubomesh_core::{MemberName, Timestamp};

use super::Audit;
use crate::controller::Who;

/// A watch that said nothing for longer, twice its timeout, is stale.
const STALE: Duration = Duration::from_secs(60);

/// How long a restored store is not trusted.
const RESTORED: Duration = Duration::from_secs(300);

/// Time between lists that agree.
const APART: Duration = Duration::from_secs(60);

/// Lists that have to agree.
const LISTS: u32 = 3;

/// Something that a controller was shown of the pods.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// All the pods that there are, as the API server said.
    List(BTreeSet<MemberName>),
    /// A pod, by the watch.
    Pod(MemberName),
    /// A pod's deletion, by the watch.
    Deletion(MemberName),
}

/// Why nothing may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    NotListed,
    WatchStale,
    StoreRestored,
    ManyMissing,
}

/// What one life of a controller was shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched {
    listed: bool,
    silent_since: Option<Timestamp>,
    restored: Option<Timestamp>,
    /// Whose deletion was shown, and whose absence may be believed.
    gone: BTreeSet<MemberName>,
    /// A list that was shown before the records were.
    uncompared: Option<BTreeSet<MemberName>>,
    missing: Option<Missing>,
}

/// Too many recorded members are missing from the last list.
#[derive(Debug, Clone)]
struct Missing {
    names: BTreeSet<MemberName>,
    /// Lists that agreed, and when the last one was counted.
    lists: u32,
    counted: Timestamp,
}

impl Audit {
    /// A controller was shown pods. `recorded`: the members with an identity in the records that it
    /// has.
    pub(crate) fn shown(
        &mut self,
        who: Who,
        shown: Vec<Shown>,
        recorded: Option<&BTreeSet<MemberName>>,
        now: Timestamp,
    ) {
        let watched = self.watched.entry(who).or_default();
        watched.compare(recorded, now);
        for one in shown {
            match one {
                Shown::Pod(name) => watched.saw(&name),
                Shown::Deletion(name) => drop(watched.gone.insert(name)),
                Shown::List(names) => {
                    watched.listed = true;
                    watched.uncompared = Some(names);
                    watched.compare(recorded, now);
                }
            }
        }
    }

    /// A controller hears nothing more of the pods.
    pub(crate) fn silenced(&mut self, who: Who, now: Timestamp) {
        let watched = self.watched.entry(who).or_default();
        watched.silent_since.get_or_insert(now);
    }

    /// A controller hears of the pods again.
    pub(crate) fn unsilenced(&mut self, who: Who) {
        self.watched.entry(who).or_default().silent_since = None;
    }

    /// A controller saw that the store was restored.
    pub(crate) fn saw_restore(&mut self, who: Who, now: Timestamp) {
        self.watched.entry(who).or_default().restored = Some(now);
    }

    /// Why a pass that a controller begins now may remove nothing.
    pub(crate) fn ground(&self, who: Who, now: Timestamp) -> Option<Ground> {
        let Some(watched) = self.watched.get(&who) else {
            return Some(Ground::NotListed);
        };
        let within = |at: Option<Timestamp>, span| at.is_some_and(|at| now < at + span);
        if !watched.listed || watched.uncompared.is_some() {
            return Some(Ground::NotListed);
        }
        if within(watched.restored, RESTORED) {
            return Some(Ground::StoreRestored);
        }
        if watched.silent_since.is_some_and(|at| now > at + STALE) {
            return Some(Ground::WatchStale);
        }
        watched.missing.as_ref().map(|_| Ground::ManyMissing)
    }
}

// === impl Watched ===

impl Watched {
    fn saw(&mut self, name: &MemberName) {
        self.gone.remove(name);
        if let Some(missing) = &mut self.missing {
            missing.names.remove(name);
        }
        if let Some(names) = &mut self.uncompared {
            names.insert(name.clone());
        }
    }

    /// Compares the last list with the records, once both are known.
    fn compare(&mut self, recorded: Option<&BTreeSet<MemberName>>, now: Timestamp) {
        let Some(recorded) = recorded else { return };
        let Some(names) = self.uncompared.take() else {
            return;
        };
        self.gone.retain(|name| !names.contains(name));
        let unseen = recorded.difference(&names);
        let unseen: BTreeSet<MemberName> = unseen
            .filter(|name| !self.gone.contains(*name))
            .cloned()
            .collect();
        // At least 3, and more than 30 in a hundred.
        if unseen.len() < 3 || unseen.len() * 10 <= recorded.len() * 3 {
            self.missing = None;
            return self.gone.extend(unseen);
        }
        let (lists, counted) = match self.missing.take() {
            Some(before) if before.names != unseen => (1, now),
            Some(before) if now < before.counted + APART => (before.lists, before.counted),
            Some(before) => (before.lists + 1, now),
            None => (1, now),
        };
        if lists >= LISTS {
            return self.gone.extend(unseen);
        }
        self.missing = Some(Missing {
            names: unseen,
            lists,
            counted,
        });
    }
}

// === impl Ground ===

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotListed => "no list was compared with the records yet",
            Self::WatchStale => "its watch is stale",
            Self::StoreRestored => "the store was restored a moment ago",
            Self::ManyMissing => "its last list lacks many members",
        })
    }
}
