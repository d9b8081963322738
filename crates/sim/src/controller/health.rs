//! Which nodes do not answer, and when each is asked again: as the executor keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kubomesh_core::{FailureKind, MemberUid, Timestamp};

/// First wait after a failure; doubles at each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait for a node whose failures come at once.
const QUICK_MAX: Duration = Duration::from_secs(5);

/// The nodes that do not answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct HealthBook {
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
pub(crate) enum Standing {
    /// It answered, or was never asked.
    Healthy,
    /// It failed and is due; a suspect is waited for by nobody.
    Due {
        /// Whether it timed out.
        suspect: bool,
    },
    /// It failed and is not due yet.
    Waiting,
}

// === impl HealthBook ===

impl HealthBook {
    pub(crate) fn standing(&self, uid: &MemberUid, now: Timestamp) -> Standing {
        match self.nodes.get(uid) {
            None => Standing::Healthy,
            Some(health) if health.due <= now => Standing::Due {
                suspect: health.suspect,
            },
            Some(_) => Standing::Waiting,
        }
    }

    pub(crate) fn answered(&mut self, uid: &MemberUid) {
        self.nodes.remove(uid);
    }

    /// Notes a failure and returns how many there were in a row.
    pub(crate) fn failed(
        &mut self,
        uid: &MemberUid,
        kind: FailureKind,
        probe_max: Duration,
        now: Timestamp,
    ) -> u32 {
        let failures = self.nodes.get(uid).map_or(0, |health| health.failures) + 1;
        let suspect = kind == FailureKind::TimedOut;
        let longest = if suspect {
            probe_max
        } else {
            QUICK_MAX.min(probe_max)
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
    pub(crate) fn asks(&mut self, uid: &MemberUid) {
        if let Some(health) = self.nodes.get_mut(uid) {
            health.asked = true;
        }
    }

    /// Whether it failed and is to be asked again now.
    pub(crate) fn is_due(&self, uid: &MemberUid, now: Timestamp) -> bool {
        let nodes = &self.nodes;
        let health = nodes.get(uid);
        health.is_some_and(|health| !health.asked && health.due <= now)
    }

    /// When the next one is due that was not due already at `looked`: those were offered then, and
    /// who was not asked is not to be asked.
    pub(crate) fn next_probe(&self, looked: Timestamp) -> Option<Timestamp> {
        let nodes = &self.nodes;
        let waiting = nodes.values().filter(|health| !health.asked);
        waiting
            .map(|health| health.due)
            .filter(|due| *due > looked)
            .min()
    }

    pub(crate) fn renew(&mut self, uid: &MemberUid) {
        self.nodes.remove(uid);
    }

    pub(crate) fn retain(&mut self, uids: &BTreeSet<MemberUid>) {
        self.nodes.retain(|uid, _| uids.contains(uid));
    }
}
