//! Back-off of nodes that do not answer.

use super::*;

const LIMIT: Duration = Duration::from_secs(300);

fn uid() -> MemberUid {
    "a".into()
}

#[test]
fn waits_double_and_end_at_five_minutes_for_a_node_that_times_out() {
    let book = HealthBook::new(LIMIT);
    let mut now = Timestamp(0);
    let mut waits = Vec::new();
    for _ in 0..14 {
        book.failed(&uid(), FailureKind::TimedOut, now);
        let due = book.next_probe().unwrap();
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
    let book = HealthBook::new(LIMIT);
    for _ in 0..40 {
        book.failed(&uid(), FailureKind::Refused, Timestamp(0));
    }
    assert_eq!(book.next_probe(), Some(Timestamp(5_000)));
    assert!(!book.is_suspect(&uid()));
}

#[test]
fn an_answer_or_a_fresh_start_ends_it() {
    let book = HealthBook::new(LIMIT);
    book.failed(&uid(), FailureKind::TimedOut, Timestamp(0));
    book.answered(&uid());
    assert_eq!(book.standing(&uid(), Timestamp(0)), Standing::Healthy);
    assert_eq!(book.failed(&uid(), FailureKind::TimedOut, Timestamp(0)), 1);
    book.renew(&uid());
    assert_eq!(book.next_probe(), None);
}
