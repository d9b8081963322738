//! A pass waits while its nodes get on, within reason.

use std::time::Duration;

use kubomesh_core::Patience;

/// How long a pass waits when so many answers have come by each look.
fn waited(answers: impl Fn(u32) -> u64) -> Duration {
    let mut patience = Patience::default();
    let looks = (1..).take_while(|look| patience.lasts(answers(*look), Patience::LOOK * *look));
    Patience::LOOK * (looks.last().unwrap_or(0) + 1)
}

#[test]
fn silence_is_waited_for_no_longer_than_its_second() {
    assert_eq!(waited(|_| 0), Patience::SILENCE);
}

#[test]
fn silence_counts_from_the_last_answer() {
    let until_the_third = |look: u32| u64::from(look.min(3));
    assert_eq!(
        waited(until_the_third),
        Patience::LOOK * 3 + Patience::SILENCE
    );
    let every_fourth = |look: u32| u64::from(look / 4);
    assert_eq!(waited(every_fourth), Patience::LONGEST);
}

#[test]
fn endless_progress_is_left_to_itself() {
    assert_eq!(waited(u64::from), Patience::LONGEST);
}
