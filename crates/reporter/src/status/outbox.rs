//! Which statuses are written now: a pure choice under a budget.

use std::collections::BTreeMap;
use std::time::Duration;

use kubomesh_api::RecordKey;
use kubomesh_core::{MeshId, Timestamp};

use super::StatusTimings;

/// The object whose status it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// A mesh.
    Mesh(MeshId),
    /// A record.
    Peer(RecordKey),
}

/// What differs from the status that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// A condition's status or reason: first.
    Conditions,
    /// Anything else.
    Counts,
}

/// When each status was last written, and how many may be now.
#[derive(Debug)]
pub(super) struct Outbox {
    timings: StatusTimings,
    /// Last attempts, and after what time those that failed are repeated.
    last: BTreeMap<Target, (Timestamp, Option<Duration>)>,
    /// Writes that may be made now, refilled with time.
    tokens: f64,
    refilled: Timestamp,
}

/// What is chosen.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Choice {
    /// To be written now, in this order.
    pub(super) now: Vec<Target>,
    /// How long until something else is due; `None`: nothing waits.
    pub(super) next: Option<Duration>,
}

// === impl Outbox ===

impl Outbox {
    pub(super) fn new(timings: StatusTimings, now: Timestamp) -> Self {
        Self {
            timings,
            last: BTreeMap::new(),
            tokens: 1.0,
            refilled: now,
        }
    }

    /// Chooses among the statuses that differ, at most `per_second` in a second.
    pub(super) fn choose(
        &mut self,
        differing: &BTreeMap<Target, Change>,
        per_second: u32,
        now: Timestamp,
    ) -> Choice {
        // What does not differ any more may be written at once when it does again, unless it was
        // written a moment ago.
        let keep = self.timings.peer_counts.max(self.timings.mesh_counts);
        self.last
            .retain(|target, (at, _)| differing.contains_key(target) || now.since(*at) < keep);
        self.refill(per_second, now);
        let mut due = Vec::new();
        let mut choice = Choice::default();
        let mut later = |wait: Duration| {
            choice.next = Some(choice.next.map_or(wait, |next| next.min(wait)));
        };
        for (target, change) in differing {
            match self.wait(target, *change, now) {
                Duration::ZERO => due.push((*change, self.last_at(target), target)),
                wait => later(wait),
            }
        }
        // Who waited longest comes first, so that nobody starves.
        due.sort_unstable();
        for (_, _, target) in due {
            if self.tokens < 1.0 {
                later(Duration::from_secs_f64(
                    (1.0 - self.tokens) / f64::from(per_second.max(1)),
                ));
                break;
            }
            self.tokens -= 1.0;
            choice.now.push(target.clone());
        }
        choice
    }

    /// A write was attempted; `retry` after what time again if it failed.
    pub(super) fn attempted(&mut self, target: Target, retry: Option<Duration>, now: Timestamp) {
        self.last.insert(target, (now, retry));
    }

    fn wait(&self, target: &Target, change: Change, now: Timestamp) -> Duration {
        let Some((at, retry)) = self.last.get(target) else {
            return Duration::ZERO;
        };
        let spacing = match (retry, change, target) {
            (Some(retry), _, _) => *retry,
            (None, Change::Conditions, _) => Duration::ZERO,
            (None, Change::Counts, Target::Mesh(_)) => self.timings.mesh_counts,
            (None, Change::Counts, Target::Peer(_)) => self.timings.peer_counts,
        };
        spacing.saturating_sub(now.since(*at))
    }

    fn last_at(&self, target: &Target) -> Timestamp {
        self.last.get(target).map_or(Timestamp(0), |(at, _)| *at)
    }

    /// A tenth of a second's worth may be saved up, so that no second has many more than its share.
    fn refill(&mut self, per_second: u32, now: Timestamp) {
        let rate = f64::from(per_second.max(1));
        let gained = now.since(self.refilled).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min((rate / 10.0).max(1.0));
        self.refilled = now;
    }
}
