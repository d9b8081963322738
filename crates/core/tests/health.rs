//! Back-off of nodes that do not answer.

use std::time::Duration;

use kubomesh_core::{FailureKind, HealthBook, MemberUid, Standing, Timestamp};

const LIMIT: Duration = Duration::from_secs(300);

fn uid() -> MemberUid {
    "a".into()
}

#[test]
fn waits_double_and_end_at_five_minutes_for_a_node_that_times_out() {
    let mut book = HealthBook::new(LIMIT);
    let mut now = Timestamp(0);
    let mut waits = Vec::new();
    for _ in 0..14 {
        book.failed(&uid(), FailureKind::TimedOut, now);
        let due = book.next_probe(now).unwrap();
        waits.push(due.since(now).as_millis());
        assert_eq!(book.standing(&uid(), now), Standing::Waiting);
        now = due;
        assert_eq!(book.standing(&uid(), now), Standing::Due { suspect: true });
    }
    assert_eq!(&waits[..4], [250, 500, 1_000, 2_000]);
    assert_eq!(waits.last(), Some(&300_000));
}

#[test]
fn a_port_that_refuses_is_asked_every_five_seconds_and_is_no_suspect() {
    let mut book = HealthBook::new(LIMIT);
    for _ in 0..40 {
        book.failed(&uid(), FailureKind::Refused, Timestamp(0));
    }
    assert_eq!(book.next_probe(Timestamp(0)), Some(Timestamp(5_000)));
    assert!(!book.is_suspect(&uid()));
}

#[test]
fn an_answer_or_a_fresh_start_ends_it() {
    let mut book = HealthBook::new(LIMIT);
    book.failed(&uid(), FailureKind::TimedOut, Timestamp(0));
    book.answered(&uid());
    assert_eq!(book.standing(&uid(), Timestamp(0)), Standing::Healthy);
    assert_eq!(book.failed(&uid(), FailureKind::TimedOut, Timestamp(0)), 1);
    book.renew(&uid());
    assert_eq!(book.next_probe(Timestamp(0)), None);
}

/// Else the loop would look for it again and again until it answers.
#[test]
fn nothing_is_due_while_a_node_is_being_asked() {
    let mut book = HealthBook::new(LIMIT);
    book.failed(&uid(), FailureKind::TimedOut, Timestamp(0));
    assert!(!book.is_due(&uid(), Timestamp(249)));
    assert!(book.is_due(&uid(), Timestamp(250)));
    book.asks(&uid());
    assert!(!book.is_due(&uid(), Timestamp(10_000)));
    assert_eq!(book.next_probe(Timestamp(0)), None);
    book.failed(&uid(), FailureKind::TimedOut, Timestamp(5_250));
    assert_eq!(book.next_probe(Timestamp(5_250)), Some(Timestamp(5_750)));
}

/// Such as one that two members claim, or that is not to be asked for another reason.
#[test]
fn a_node_that_was_due_and_not_asked_does_not_wake_anybody_again() {
    let mut book = HealthBook::new(LIMIT);
    book.failed(&uid(), FailureKind::Refused, Timestamp(0));
    assert_eq!(book.next_probe(Timestamp(249)), Some(Timestamp(250)));
    assert_eq!(book.next_probe(Timestamp(250)), None);
    assert!(book.is_due(&uid(), Timestamp(300)), "the next pass asks it");
}
