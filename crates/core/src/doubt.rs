//! Whether what is absent may be believed gone (rules.md, Removal): discovery asks it for each mesh.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Doubt, MemberName, Timestamp};

/// A list with fewer recorded members missing than this is believed.
const FEW_MISSING: usize = 3;

/// Percent of the recorded members that may be missing from a list that is believed.
const PERCENT_MISSING: usize = 30;

/// So many lists in a row must agree before many missing members are believed gone.
const AGREEING_LISTS: u32 = 3;

/// Time constants of doubt: flags of the controller, so that a test can shorten them. The defaults
/// are the figures of rules.md, Removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtTimings {
    /// How long the API server keeps a watch open; one that says nothing for 5 s longer is given
    /// up, and the view is in doubt when nothing was heard for twice this. 30 s.
    pub watch_timeout: Duration,
    /// Time between two consistent lists of each kind. 10 min.
    pub list_interval: Duration,
    /// Time between the lists that must agree before many missing members are believed gone. 60 s.
    pub doubt_interval: Duration,
    /// How long removals are held after the store was restored. 5 min.
    pub restored_hold: Duration,
}

/// Follows the lists and deletions of one mesh's pods.
#[derive(Debug, Clone)]
pub struct DoubtMachine {
    timings: DoubtTimings,
    synced: bool,
    heard: Timestamp,
    /// Members whose deletion was seen, or whose absence three lists agreed on.
    gone: BTreeSet<MemberName>,
    /// The members that the last list showed, while the records that it is to be compared with are
    /// not known yet.
    uncompared: Option<BTreeSet<MemberName>>,
    suspicion: Option<Suspicion>,
    restored_until: Option<Timestamp>,
}

/// Many recorded members are missing from the last list.
#[derive(Debug, Clone)]
struct Suspicion {
    missing: BTreeSet<MemberName>,
    recorded: usize,
    agreeing: u32,
    /// When the last agreeing list was counted.
    counted: Timestamp,
}

// === impl DoubtTimings ===

impl DoubtTimings {
    /// Default of [`DoubtTimings::watch_timeout`].
    pub const WATCH_TIMEOUT: Duration = Duration::from_secs(30);
    /// Default of [`DoubtTimings::list_interval`].
    pub const LIST_INTERVAL: Duration = Duration::from_secs(600);
    /// Default of [`DoubtTimings::doubt_interval`].
    pub const DOUBT_INTERVAL: Duration = Duration::from_secs(60);
    /// Default of [`DoubtTimings::restored_hold`].
    pub const RESTORED_HOLD: Duration = Duration::from_secs(300);
}

impl Default for DoubtTimings {
    fn default() -> Self {
        Self {
            watch_timeout: Self::WATCH_TIMEOUT,
            list_interval: Self::LIST_INTERVAL,
            doubt_interval: Self::DOUBT_INTERVAL,
            restored_hold: Self::RESTORED_HOLD,
        }
    }
}

// === impl DoubtMachine ===

impl DoubtMachine {
    /// A mesh whose pods were not listed yet.
    #[must_use]
    pub fn new(timings: DoubtTimings, now: Timestamp) -> Self {
        Self {
            timings,
            synced: false,
            heard: now,
            gone: BTreeSet::new(),
            uncompared: None,
            suspicion: None,
            restored_until: None,
        }
    }

    /// Something was heard of the pod watch.
    pub fn heard(&mut self, now: Timestamp) {
        self.heard = self.heard.max(now);
    }

    /// A pod was seen outside a list.
    pub fn seen(&mut self, name: &MemberName) {
        self.gone.remove(name);
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.missing.remove(name);
        }
        if let Some(listed) = &mut self.uncompared {
            listed.insert(name.clone());
        }
    }

    /// A pod's deletion was seen: its absence is no surprise.
    pub fn deleted(&mut self, name: &MemberName) {
        self.gone.insert(name.clone());
    }

    /// A complete consistent list. `recorded` are the members that have a record with an identity;
    /// `None` while the records themselves are not known.
    pub fn listed(
        &mut self,
        present: BTreeSet<MemberName>,
        recorded: Option<&BTreeSet<MemberName>>,
        now: Timestamp,
    ) {
        self.heard(now);
        self.synced = true;
        match recorded {
            Some(recorded) => self.compare(&present, recorded, now),
            None => self.uncompared = Some(present),
        }
    }

    /// The records became known: a list that waited for them is compared.
    pub fn recorded(&mut self, recorded: &BTreeSet<MemberName>, now: Timestamp) {
        if let Some(present) = self.uncompared.take() {
            self.compare(&present, recorded, now);
        }
    }

    /// Whether a list waits for the records.
    #[must_use]
    pub fn awaits_records(&self) -> bool {
        self.uncompared.is_some()
    }

    /// The store was restored to an older state.
    pub fn restored(&mut self, now: Timestamp) {
        self.restored_until = Some(now + self.timings.restored_hold);
    }

    /// The selector changed, or the watch starts anew: what was listed no longer counts.
    pub fn unsync(&mut self) {
        self.synced = false;
    }

    /// Whether the first list is complete.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.synced
    }

    /// How often a consistent list is to be made now.
    #[must_use]
    pub fn list_interval(&self) -> Duration {
        match self.suspicion {
            Some(_) => self.timings.doubt_interval,
            None => self.timings.list_interval,
        }
    }

    /// Why removals are held now, if they are. The age of a stale watch is told in steps of its
    /// timeout, so that the value changes seldom.
    #[must_use]
    pub fn doubt(&self, now: Timestamp) -> Option<Doubt> {
        if !self.synced || self.uncompared.is_some() {
            return Some(Doubt::NotSynced);
        }
        if let Some(until) = self.restored_until.filter(|until| now < *until) {
            return Some(Doubt::StoreRestored { until });
        }
        let step = self.timings.watch_timeout.max(Duration::from_millis(1));
        let age = now.since(self.heard);
        if age > step * 2 {
            let steps = u32::try_from(age.as_millis() / step.as_millis()).unwrap_or(u32::MAX);
            return Some(Doubt::WatchStale {
                age: step.saturating_mul(steps),
            });
        }
        self.suspicion.as_ref().map(|suspicion| Doubt::ManyMissing {
            missing: suspicion.missing.len(),
            recorded: suspicion.recorded,
            agreeing: suspicion.agreeing,
        })
    }

    fn compare(
        &mut self,
        present: &BTreeSet<MemberName>,
        recorded: &BTreeSet<MemberName>,
        now: Timestamp,
    ) {
        // A member that is present again, or whose record is gone, need not be remembered.
        self.gone
            .retain(|name| recorded.contains(name) && !present.contains(name));
        let missing: BTreeSet<_> = recorded
            .iter()
            .filter(|name| !present.contains(*name) && !self.gone.contains(*name))
            .cloned()
            .collect();
        let many =
            missing.len() >= FEW_MISSING && missing.len() * 100 > recorded.len() * PERCENT_MISSING;
        if !many {
            self.gone.extend(missing);
            self.suspicion = None;
            return;
        }
        let agreeing = match &self.suspicion {
            Some(before) if before.missing != missing => 1,
            Some(before) if now.since(before.counted) < self.timings.doubt_interval => {
                // Too soon to count; it agrees, so the count stands.
                return;
            }
            Some(before) => before.agreeing + 1,
            None => 1,
        };
        self.suspicion = (agreeing < AGREEING_LISTS).then(|| Suspicion {
            missing: missing.clone(),
            recorded: recorded.len(),
            agreeing,
            counted: now,
        });
        if self.suspicion.is_none() {
            self.gone.extend(missing);
        }
    }
}
