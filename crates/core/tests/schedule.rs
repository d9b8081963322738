//! When the loop of a mesh looks again, and at whom.

use std::collections::BTreeSet;
use std::time::Duration;

use kubomesh_core::{
    Call, Doubt, Link, MemberName, Membership, MeshId, Outcome, Plan, RecordWrite, Schedule,
    Timestamp,
};

const NOW: Timestamp = Timestamp(1_000_000);
const RESYNC: Duration = Duration::from_secs(30);

fn membership(doubt: Option<Doubt>) -> Membership {
    let mesh = MeshId {
        namespace: "ipfs".into(),
        name: "fleet".into(),
        uid: "mesh".into(),
    };
    Membership {
        doubt,
        ..Membership::empty(mesh)
    }
}

fn acting() -> Plan {
    Plan {
        records: vec![RecordWrite::Delete("kubo-0".into())],
        sequences: Vec::new(),
    }
}

fn names(all: &[&str]) -> BTreeSet<MemberName> {
    all.iter().map(|name| MemberName::from(*name)).collect()
}

/// A schedule after a first pass that asked everybody and did nothing.
fn at_rest() -> Schedule {
    let mut schedule = Schedule::default();
    schedule.begin(NOW, None);
    schedule.end(NOW, RESYNC, &Plan::default(), None);
    schedule
}

/// A node that never shows an effect does not make the loop spin.
#[test]
fn a_few_passes_follow_at_once_then_ever_more_slowly_until_one_does_nothing() {
    let mut schedule = at_rest();
    let mut wait = |plan: &Plan| {
        schedule.end(NOW, RESYNC, plan, None);
        let at = schedule.timers(NOW, None).read_back;
        at.map(|at| at.since(NOW).as_millis())
    };
    let waits: Vec<_> = (0..20).filter_map(|_| wait(&acting())).collect();
    assert_eq!(&waits[..9], [0, 0, 0, 0, 0, 0, 100, 200, 400]);
    assert_eq!((waits.len(), waits.last()), (20, Some(&5_000)));
    assert_eq!(wait(&Plan::default()), None);
    assert_eq!(wait(&acting()), Some(0));
}

#[test]
fn the_first_lists_are_waited_for_five_seconds() {
    let mut schedule = Schedule::default();
    let unsynced = membership(Some(Doubt::NotSynced));
    assert!(schedule.is_early(&unsynced, NOW));
    assert_eq!(schedule.timers(NOW, None).sweep, Timestamp(NOW.0 + 5_000));
    assert!(schedule.is_early(&unsynced, Timestamp(NOW.0 + 4_999)));
    assert!(!schedule.is_early(&membership(None), NOW), "they are there");
    assert!(!schedule.is_early(&unsynced, Timestamp(NOW.0 + 5_000)));
    schedule.end(NOW, RESYNC, &Plan::default(), None);
    assert!(!schedule.is_early(&unsynced, NOW), "there was a pass");
}

#[test]
fn the_first_pass_looks_at_everybody_whatever_woke_it() {
    let mut schedule = Schedule::default();
    assert_eq!(schedule.begin(NOW, Some(names(&["a"]))), None);
    schedule.end(NOW, RESYNC, &Plan::default(), None);
    assert_eq!(
        schedule.begin(NOW, Some(names(&["a"]))),
        Some(names(&["a"]))
    );
    assert_eq!((schedule.passes(), schedule.looked()), (1, NOW));
}

#[test]
fn another_interval_counts_from_the_last_sweep_and_not_from_the_next() {
    let mut schedule = at_rest();
    let later = NOW + Duration::from_secs(1);
    schedule.begin(later, Some(names(&[])));
    schedule.end(later, Duration::from_secs(3), &Plan::default(), None);
    let sweep = schedule.timers(later, None).sweep;
    assert_eq!(sweep, NOW + Duration::from_secs(3));
}

#[test]
fn only_a_pass_that_asked_everybody_puts_the_next_sweep_off() {
    let mut schedule = at_rest();
    let later = NOW + Duration::from_secs(10);
    schedule.begin(later, Some(names(&[])));
    schedule.end(later, RESYNC, &Plan::default(), None);
    assert_eq!(schedule.timers(later, None).sweep, NOW + RESYNC);
    schedule.begin(later, None);
    schedule.end(later, RESYNC, &Plan::default(), None);
    assert_eq!(schedule.timers(later, None).sweep, later + RESYNC);
    schedule.postpone(NOW);
    assert_eq!(schedule.timers(later, None).sweep, NOW);
}

#[test]
fn what_was_answered_is_read_back_at_once_and_only_once() {
    let mut schedule = at_rest();
    schedule.acted(&[]);
    assert_eq!(schedule.timers(NOW, None).read_back, None);
    schedule.acted(&[Outcome {
        member: "a".into(),
        call: Call::PeeringRemove { peers: Vec::new() },
        link: Some(Link {
            a: "b".into(),
            b: "c".into(),
        }),
        at: NOW,
        result: Ok(()),
    }]);
    let read_back = schedule.timers(NOW, None).read_back;
    assert!(read_back.is_some_and(|at| at <= NOW));
    assert_eq!(
        schedule.begin(NOW, Some(names(&["d"]))),
        Some(names(&["a", "b", "c", "d"]))
    );
    assert_eq!(schedule.timers(NOW, None).read_back, None);
}

/// Else a due time that nothing can be done about would make the loop spin.
#[test]
fn what_is_due_waits_a_little() {
    let mut schedule = at_rest();
    let due = |schedule: &Schedule, probe| schedule.timers(NOW, probe).due;
    assert_eq!(due(&schedule, None), None);
    assert_eq!(
        due(&schedule, Some(NOW - Duration::from_secs(1))),
        Some(Timestamp(NOW.0 + 50))
    );
    schedule.end(NOW, RESYNC, &Plan::default(), Some(Duration::from_secs(2)));
    assert_eq!(due(&schedule, None), Some(Timestamp(NOW.0 + 2_000)));
    let sooner = Timestamp(NOW.0 + 500);
    assert_eq!(due(&schedule, Some(sooner)), Some(sooner));
}
