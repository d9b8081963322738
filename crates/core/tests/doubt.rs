//! Whether what is absent may be believed gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use kubomesh_core::{Doubt, DoubtMachine, DoubtTimings, MemberName, Timestamp};

const MINUTE: u64 = 60_000;

struct Case {
    machine: DoubtMachine,
    recorded: BTreeSet<MemberName>,
    now: Timestamp,
}

impl Case {
    /// Listed once with everything present.
    fn with(recorded: usize) -> Self {
        let mut case = Self::unlisted(recorded);
        case.list(0..recorded);
        case
    }

    fn unlisted(recorded: usize) -> Self {
        let now = Timestamp(1_000_000);
        Self {
            machine: DoubtMachine::new(DoubtTimings::default(), now),
            recorded: names(0..recorded),
            now,
        }
    }

    fn list(&mut self, present: std::ops::Range<usize>) {
        self.machine
            .listed(names(present), Some(&self.recorded), self.now);
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
        self.machine.heard(self.now);
    }

    fn doubt(&self) -> Option<Doubt> {
        self.machine.doubt(self.now)
    }

    fn agreeing(&self) -> u32 {
        match self.doubt() {
            Some(Doubt::ManyMissing { agreeing, .. }) => agreeing,
            other => panic!("{other:?}"),
        }
    }
}

fn names(which: std::ops::Range<usize>) -> BTreeSet<MemberName> {
    which
        .map(|n| MemberName::from(format!("kubo-{n}")))
        .collect()
}

#[test]
fn nothing_is_believed_before_the_first_list() {
    let mut case = Case::unlisted(3);
    assert_eq!(case.doubt(), Some(Doubt::NotSynced));
    case.list(0..3);
    assert_eq!(case.doubt(), None);
}

#[test]
fn a_list_waits_for_the_records() {
    let mut case = Case::unlisted(10);
    case.machine.listed(names(0..0), None, case.now);
    assert_eq!(case.doubt(), Some(Doubt::NotSynced));
    let recorded = case.recorded.clone();
    case.machine.recorded(&recorded, case.now);
    assert_eq!(
        case.doubt(),
        Some(Doubt::ManyMissing {
            missing: 10,
            recorded: 10,
            agreeing: 1
        })
    );
}

#[test]
fn a_few_missing_are_believed() {
    // Two of three: fewer than three. Three of ten: not more than 30 %.
    for (recorded, present) in [(3, 1), (10, 7)] {
        let mut case = Case::with(recorded);
        case.list(0..present);
        assert_eq!(case.doubt(), None, "{present} of {recorded}");
    }
    let mut case = Case::with(9);
    case.list(0..6);
    assert!(case.doubt().is_some(), "three of nine are more than 30 %");
}

#[test]
fn many_missing_are_believed_after_three_lists_a_minute_apart() {
    let mut case = Case::with(10);
    case.list(0..0);
    assert_eq!(case.agreeing(), 1);
    case.pass(MINUTE - 1);
    case.list(0..0);
    assert_eq!(case.agreeing(), 1, "too soon to count");
    case.pass(1);
    case.list(0..0);
    assert_eq!(case.agreeing(), 2);
    case.pass(MINUTE);
    case.list(0..0);
    assert_eq!(case.doubt(), None);
    case.pass(MINUTE);
    case.list(0..0);
    assert_eq!(case.doubt(), None, "what was believed once stays believed");
}

#[test]
fn lists_that_differ_start_anew() {
    let mut case = Case::with(10);
    case.list(0..0);
    case.pass(MINUTE);
    case.list(0..1);
    assert_eq!(case.agreeing(), 1);
    case.pass(MINUTE);
    case.list(0..1);
    assert_eq!(case.agreeing(), 2);
}

#[test]
fn the_doubt_ends_when_they_are_back() {
    let mut case = Case::with(10);
    case.list(0..0);
    case.list(0..10);
    assert_eq!(case.doubt(), None);
}

#[test]
fn seen_deletions_are_no_surprise() {
    let mut case = Case::with(10);
    for name in names(2..10) {
        case.machine.deleted(&name);
    }
    case.list(0..2);
    assert_eq!(case.doubt(), None);
}

#[test]
fn a_pod_that_came_back_after_its_deletion_counts_again() {
    let mut case = Case::with(10);
    for name in names(0..10) {
        case.machine.deleted(&name);
        case.machine.seen(&name);
    }
    case.list(0..0);
    assert_eq!(case.agreeing(), 1);
}

#[test]
fn a_stale_watch_is_doubted_after_twice_its_timeout() {
    let mut case = Case::with(3);
    let timeout = DoubtTimings::WATCH_TIMEOUT;
    case.now = case.now + timeout * 2;
    assert_eq!(case.doubt(), None);
    case.now = case.now + Duration::from_millis(1);
    assert_eq!(case.doubt(), Some(Doubt::WatchStale { age: timeout * 2 }));
    case.now = case.now + Duration::from_secs(1);
    assert_eq!(
        case.doubt(),
        Some(Doubt::WatchStale { age: timeout * 2 }),
        "told in steps"
    );
    case.machine.heard(case.now);
    assert_eq!(case.doubt(), None);
}

#[test]
fn a_restored_store_is_doubted_for_five_minutes() {
    let mut case = Case::with(3);
    case.machine.restored(case.now);
    let until = case.now + DoubtTimings::RESTORED_HOLD;
    assert_eq!(case.doubt(), Some(Doubt::StoreRestored { until }));
    case.pass(5 * MINUTE - 1);
    assert!(case.doubt().is_some());
    case.pass(1);
    assert_eq!(case.doubt(), None);
}

#[test]
fn lists_are_made_more_often_in_doubt() {
    let mut case = Case::with(10);
    assert_eq!(case.machine.list_interval(), DoubtTimings::LIST_INTERVAL);
    case.list(0..0);
    assert_eq!(case.machine.list_interval(), DoubtTimings::DOUBT_INTERVAL);
}

/// The figures of rules.md: whoever changes one changes the rule.
#[test]
fn the_defaults_are_the_rules() {
    let timings = DoubtTimings::default();
    let seconds = |span: Duration| span.as_secs();
    assert_eq!(seconds(timings.watch_timeout), 30);
    assert_eq!(seconds(timings.list_interval), 600);
    assert_eq!(seconds(timings.doubt_interval), 60);
    assert_eq!(seconds(timings.restored_hold), 300);
}
