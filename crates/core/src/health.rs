//! Which nodes do not answer, and when each is asked again.
//!
//! A node that timed out is *suspect*: it holds a place at the executor's gate for as long as its
//! deadline, so suspects are probed ever more rarely (rules.md, Limits). One whose port refuses is
//! asked often: it costs nothing and is how a restart looks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{FailureKind, MemberUid, Timestamp};

/// First wait after a failure; doubles at each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait for a node whose failures come at once (refused, reset, unauthorised).
const QUICK_MAX: Duration = Duration::from_secs(5);

/// The nodes of a mesh that do not answer, by life. Who answers is not in it.
#[derive(Debug, Clone)]
pub struct HealthBook {
    probe_max: Duration,
    nodes: BTreeMap<MemberUid, Health>,
}

#[derive(Debug, Clone, Copy)]
struct Health {
    failures: u32,
    suspect: bool,
    due: Timestamp,
    /// It is being asked.
    asked: bool,
}

/// Whether a node may be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It answered when it was last asked, or was never asked.
    Healthy,
    /// It failed; it is due.
    Due {
        /// Whether it timed out: it is asked through the suspects' door, and nobody waits for it.
        suspect: bool,
    },
    /// It failed and is not due yet.
    Waiting,
}

// === impl HealthBook ===

impl HealthBook {
    /// Everybody is healthy. `probe_max`: the longest back-off, [`Timings::probe_max`](crate::Timings::probe_max).
    #[must_use]
    pub fn new(probe_max: Duration) -> Self {
        Self {
            probe_max,
            nodes: BTreeMap::new(),
        }
    }

    /// Whether a node may be asked now.
    #[must_use]
    pub fn standing(&self, uid: &MemberUid, now: Timestamp) -> Standing {
        match self.nodes.get(uid) {
            None => Standing::Healthy,
            Some(health) if health.due <= now => Standing::Due {
                suspect: health.suspect,
            },
            Some(_) => Standing::Waiting,
        }
    }

    /// Whether its last failure was that it timed out.
    #[must_use]
    pub fn is_suspect(&self, uid: &MemberUid) -> bool {
        self.nodes.get(uid).is_some_and(|health| health.suspect)
    }

    /// It answered.
    pub fn answered(&mut self, uid: &MemberUid) {
        self.nodes.remove(uid);
    }

    /// Notes a failure and returns how many there were in a row.
    pub fn failed(&mut self, uid: &MemberUid, kind: FailureKind, now: Timestamp) -> u32 {
        let before = self.nodes.get(uid).map_or(0, |health| health.failures);
        let failures = before.saturating_add(1);
        let suspect = kind == FailureKind::TimedOut;
        let longest = if suspect {
            self.probe_max
        } else {
            QUICK_MAX.min(self.probe_max)
        };
        let wait = FIRST_WAIT
            .saturating_mul(1 << (failures - 1).min(20))
            .min(longest);
        self.nodes.insert(
            uid.clone(),
            Health {
                failures,
                suspect,
                due: now + wait,
                asked: false,
            },
        );
        failures
    }

    /// It is asked now: until it answers or fails nothing is due.
    pub fn asks(&mut self, uid: &MemberUid) {
        if let Some(health) = self.nodes.get_mut(uid) {
            health.asked = true;
        }
    }

    /// Whether it failed and is to be asked again now.
    #[must_use]
    pub fn is_due(&self, uid: &MemberUid, now: Timestamp) -> bool {
        let health = self.nodes.get(uid);
        health.is_some_and(|health| !health.asked && health.due <= now)
    }

    /// When the next one is due that was not due already at `looked`: those were offered then, and
    /// who was not asked is not to be asked.
    #[must_use]
    pub fn next_probe(&self, looked: Timestamp) -> Option<Timestamp> {
        let waiting = self.nodes.values().filter(|health| !health.asked);
        waiting
            .map(|health| health.due)
            .filter(|due| *due > looked)
            .min()
    }

    /// Its back-off ends: it became ready, or its container started.
    pub fn renew(&mut self, uid: &MemberUid) {
        self.nodes.remove(uid);
    }

    /// Forgets every life but these.
    pub fn retain(&mut self, uids: &BTreeSet<MemberUid>) {
        self.nodes.retain(|uid, _| uids.contains(uid));
    }
}
