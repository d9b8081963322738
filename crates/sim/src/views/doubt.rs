//! Whether what is absent may be believed gone: rules.md, Removal, written anew for the simulation,
//! which must not depend on the crate that watches Kubernetes.

use std::collections::BTreeSet;
use std::time::Duration;

use kubomesh_core::{Doubt, MemberName, Timestamp};

/// How long the API server keeps a watch open; the view is stale after twice this.
const WATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Time between two lists.
const LIST_INTERVAL: Duration = Duration::from_secs(600);

/// Time between lists in doubt.
const DOUBT_INTERVAL: Duration = Duration::from_secs(60);

/// How long removals are held after a restore.
const RESTORED_HOLD: Duration = Duration::from_secs(300);

/// Fewer missing members than this are believed gone, and so is less than 30 %.
const FEW: usize = 3;

/// Lists in a row that must agree.
const LISTS: u32 = 3;

/// The doubt of one controller about one mesh.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doubts {
    synced: bool,
    heard: Timestamp,
    /// Members whose absence is believed.
    gone: BTreeSet<MemberName>,
    suspicion: Option<Suspicion>,
    restored_until: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Suspicion {
    missing: BTreeSet<MemberName>,
    recorded: usize,
    agreeing: u32,
    counted: Timestamp,
}

// === impl Doubts ===

impl Doubts {
    pub(crate) fn heard(&mut self, now: Timestamp) {
        self.heard = self.heard.max(now);
    }

    pub(crate) fn seen(&mut self, name: &MemberName) {
        self.gone.remove(name);
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.missing.remove(name);
        }
    }

    pub(crate) fn deleted(&mut self, name: &MemberName) {
        self.gone.insert(name.clone());
    }

    pub(crate) fn restored(&mut self, now: Timestamp) {
        self.restored_until = Some(now + RESTORED_HOLD);
    }

    /// How long until the next list.
    pub(crate) fn interval(&self) -> Duration {
        if self.suspicion.is_some() {
            DOUBT_INTERVAL
        } else {
            LIST_INTERVAL
        }
    }

    /// A complete list showed these; those are recorded.
    pub(crate) fn listed(
        &mut self,
        present: &BTreeSet<MemberName>,
        recorded: &BTreeSet<MemberName>,
        now: Timestamp,
    ) {
        self.heard(now);
        self.synced = true;
        self.gone
            .retain(|name| recorded.contains(name) && !present.contains(name));
        let missing: BTreeSet<MemberName> = recorded
            .difference(present)
            .filter(|name| !self.gone.contains(*name))
            .cloned()
            .collect();
        if missing.len() < FEW || missing.len() * 10 <= recorded.len() * 3 {
            self.gone.extend(missing);
            self.suspicion = None;
            return;
        }
        let before = self
            .suspicion
            .take()
            .filter(|before| before.missing == missing);
        let (agreeing, counted) = match before {
            None => (1, now),
            Some(before) if now.since(before.counted) < DOUBT_INTERVAL => {
                (before.agreeing, before.counted)
            }
            Some(before) => (before.agreeing + 1, now),
        };
        if agreeing >= LISTS {
            self.gone.extend(missing);
        } else {
            let recorded = recorded.len();
            self.suspicion = Some(Suspicion {
                missing,
                recorded,
                agreeing,
                counted,
            });
        }
    }

    /// Why removals are held now.
    pub(crate) fn doubt(&self, now: Timestamp) -> Option<Doubt> {
        if !self.synced {
            return Some(Doubt::NotSynced);
        }
        if let Some(until) = self.restored_until.filter(|until| now < *until) {
            return Some(Doubt::StoreRestored { until });
        }
        let age = now.since(self.heard);
        if age > WATCH_TIMEOUT * 2 {
            let steps = u32::try_from(age.as_secs() / WATCH_TIMEOUT.as_secs()).unwrap_or(u32::MAX);
            return Some(Doubt::WatchStale {
                age: WATCH_TIMEOUT.saturating_mul(steps),
            });
        }
        self.suspicion.as_ref().map(|suspicion| Doubt::ManyMissing {
            missing: suspicion.missing.len(),
            recorded: suspicion.recorded,
            agreeing: suspicion.agreeing,
        })
    }
}
