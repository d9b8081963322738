//! Which nodes do not answer, and when each is asked again. A pure book over time stamps.
//!
//! A node that timed out is *suspect*: it holds a place at the gate for as long as its deadline, so
//! suspects are probed ever more rarely. One whose port refuses is asked often: it costs nothing and
//! is how a restart looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use kubomesh_core::{FailureKind, MemberUid, Timestamp};

use crate::lock;

/// First wait after a failure; doubles at each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait for a node whose failures come at once (refused, reset, unauthorised).
const QUICK_MAX: Duration = Duration::from_secs(5);

pub(crate) struct HealthBook {
    probe_max: Duration,
    nodes: Mutex<BTreeMap<MemberUid, Health>>,
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
    /// It answered when it was last asked, or was never asked.
    Healthy,
    /// It failed; it is due.
    Due {
        /// Whether it is asked through the suspects' door.
        suspect: bool,
    },
    /// It failed and is not due yet.
    Waiting,
}

impl HealthBook {
    pub(crate) fn new(probe_max: Duration) -> Self {
        Self {
            probe_max,
            nodes: Mutex::default(),
        }
    }

    pub(crate) fn standing(&self, uid: &MemberUid, now: Timestamp) -> Standing {
        match lock(&self.nodes).get(uid) {
            None => Standing::Healthy,
            Some(health) if health.due <= now => Standing::Due {
                suspect: health.suspect,
            },
            Some(_) => Standing::Waiting,
        }
    }

    pub(crate) fn is_suspect(&self, uid: &MemberUid) -> bool {
        lock(&self.nodes)
            .get(uid)
            .is_some_and(|health| health.suspect)
    }

    pub(crate) fn answered(&self, uid: &MemberUid) {
        lock(&self.nodes).remove(uid);
    }

    /// Notes a failure and returns how many there were in a row.
    pub(crate) fn failed(&self, uid: &MemberUid, kind: FailureKind, now: Timestamp) -> u32 {
        let mut nodes = lock(&self.nodes);
        let failures = nodes
            .get(uid)
            .map_or(0, |health| health.failures)
            .saturating_add(1);
        let suspect = kind == FailureKind::TimedOut;
        let longest = if suspect {
            self.probe_max
        } else {
            QUICK_MAX.min(self.probe_max)
        };
        let wait = FIRST_WAIT
            .saturating_mul(1 << (failures - 1).min(20))
            .min(longest);
        nodes.insert(
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
    pub(crate) fn asks(&self, uid: &MemberUid) {
        if let Some(health) = lock(&self.nodes).get_mut(uid) {
            health.asked = true;
        }
    }

    /// Whether it failed and is to be asked again now.
    pub(crate) fn is_due(&self, uid: &MemberUid, now: Timestamp) -> bool {
        let nodes = lock(&self.nodes);
        let health = nodes.get(uid);
        health.is_some_and(|health| !health.asked && health.due <= now)
    }

    /// When the next one is due that was not due already at `looked`: those were offered then, and
    /// who was not asked is not to be asked.
    pub(crate) fn next_probe(&self, looked: Timestamp) -> Option<Timestamp> {
        let nodes = lock(&self.nodes);
        let waiting = nodes.values().filter(|health| !health.asked);
        waiting
            .map(|health| health.due)
            .filter(|due| *due > looked)
            .min()
    }

    pub(crate) fn renew(&self, uid: &MemberUid) {
        lock(&self.nodes).remove(uid);
    }

    pub(crate) fn retain(&self, uids: &BTreeSet<MemberUid>) {
        lock(&self.nodes).retain(|uid, _| uids.contains(uid));
    }
}

#[cfg(test)]
mod tests;
