//! When the loop of a mesh looks again, and at whom.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Doubt, MemberName, Membership, Outcome, Plan, Timestamp};

/// How long the first lists are waited for before it is said that they are missing.
const FIRST_LISTS: Duration = Duration::from_secs(5);

/// Least wait for something that is due.
const LEAST_WAIT: Duration = Duration::from_millis(50);

/// Passes that may follow each other at once: record, dial, read back, protect, read back, and one to
/// spare.
const AT_ONCE: u32 = 6;

/// First wait after that; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait: a node that takes a call and shows no effect costs a call in this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the loop of a mesh carries from pass to pass to know when the next one is.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    passes: u64,
    /// Passes in a row that acted. What a node shows after a call is read back at once, a few times;
    /// a node that never shows it does not make the loop spin.
    acting: u32,
    looked: Timestamp,
    /// Since when a first list is waited for.
    waiting_since: Option<Timestamp>,
    /// Whether the pass that runs, or the last one, asks everybody.
    full: bool,
    /// When the last pass ended that asked everybody.
    swept: Option<Timestamp>,
    sweep: Timestamp,
    /// When the last plan has something due.
    due: Option<Timestamp>,
    /// When what the last pass did is read back, and at whom.
    read_back: Option<(Timestamp, BTreeSet<MemberName>)>,
}

/// When the next pass begins if nothing else wakes the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Everybody is asked again.
    pub sweep: Timestamp,
    /// What the last pass did is read back.
    pub read_back: Option<Timestamp>,
    /// Something is due: a link's next attempt, a node that did not answer.
    pub due: Option<Timestamp>,
}

// === impl Schedule ===

impl Schedule {
    /// How many passes there were.
    #[must_use]
    pub fn passes(&self) -> u64 {
        self.passes
    }

    /// When the last pass began: whoever was due then had their turn.
    #[must_use]
    pub fn looked(&self) -> Timestamp {
        self.looked
    }

    /// Whether it is too early to conclude anything: before the first lists are complete a fleet
    /// looks empty, and to say so would change the status of every mesh at every start. Lists that
    /// do not come are told after a while.
    pub fn is_early(&mut self, membership: &Membership, now: Timestamp) -> bool {
        if self.passes > 0 || membership.doubt != Some(Doubt::NotSynced) {
            return false;
        }
        let since = *self.waiting_since.get_or_insert(now);
        self.sweep = since + FIRST_LISTS;
        self.sweep > now
    }

    /// There is nothing to look at until then.
    pub fn postpone(&mut self, until: Timestamp) {
        self.sweep = until;
    }

    /// A pass begins that was woken for these members; `None`: for everybody. Returns whom it looks
    /// at: what was done is read back, and the first pass looks at everybody, whatever woke it.
    pub fn begin(
        &mut self,
        now: Timestamp,
        woken_for: Option<BTreeSet<MemberName>>,
    ) -> Option<BTreeSet<MemberName>> {
        self.looked = now;
        let read_back = self.read_back.take().map(|(_, members)| members);
        let touched = woken_for.filter(|_| self.passes > 0);
        self.full = touched.is_none();
        let mut touched = touched?;
        touched.extend(read_back.into_iter().flatten());
        Some(touched)
    }

    /// Calls were answered: whom they touch is read back, at once.
    pub fn acted(&mut self, outcomes: &[Outcome]) {
        if outcomes.is_empty() {
            return;
        }
        let touched = outcomes.iter().flat_map(Outcome::touches);
        self.read_back.get_or_insert_default().1.extend(touched);
    }

    /// A pass ends that carried this plan out. `resync`: time between two sweeps, which counts from
    /// the last one whenever it changes; `next_due`: from now on.
    pub fn end(
        &mut self,
        now: Timestamp,
        resync: Duration,
        plan: &Plan,
        next_due: Option<Duration>,
    ) {
        self.passes += 1;
        if self.full {
            self.swept = Some(now);
        }
        if let Some(swept) = self.swept {
            self.sweep = swept + resync;
        }
        self.due = next_due.map(|wait| now + wait);
        let earlier = self.read_back.take().map(|(_, members)| members);
        self.read_back = self.pause(!plan.is_empty()).map(|pause| {
            let mut touched = plan.touches();
            touched.extend(earlier.into_iter().flatten());
            (now + pause, touched)
        });
    }

    /// When the next pass begins, for a loop that waits since `now`. `probe`: when the next node that
    /// does not answer is asked again.
    #[must_use]
    pub fn timers(&self, now: Timestamp, probe: Option<Timestamp>) -> Timers {
        let due = self.due.into_iter().chain(probe).min();
        Timers {
            sweep: self.sweep,
            read_back: self.read_back.as_ref().map(|(at, _)| *at),
            // What is due was already due in the pass that named it: a little patience keeps a due
            // time that nothing can be done about from spinning the loop.
            due: due.map(|at| at.max(now + LEAST_WAIT)),
        }
    }

    /// How long to wait before the pass that reads back what this one did; `None` when it did
    /// nothing.
    fn pause(&mut self, acted: bool) -> Option<Duration> {
        if !acted {
            self.acting = 0;
            return None;
        }
        self.acting = self.acting.saturating_add(1);
        let over = self.acting.saturating_sub(AT_ONCE);
        Some(match over {
            0 => Duration::ZERO,
            _ => FIRST_PAUSE
                .saturating_mul(1 << (over - 1).min(10))
                .min(LONGEST_PAUSE),
        })
    }
}
