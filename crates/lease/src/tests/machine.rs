//! The decisions, one by one.

use std::time::Duration;

use crate::Timing;
use crate::machine::{Machine, Moment, Sight, Step, Write};

const ME: &str = "me";
const OTHER: &str = "other";

fn at(millis: u64) -> Moment {
    Duration::from_millis(millis)
}

fn sight(version: &str, holder: &str) -> Sight {
    let holder = Some(holder.to_owned()).filter(|holder| !holder.is_empty());
    Sight {
        version: version.into(),
        holder,
        duration: Some(Duration::from_secs(6)),
    }
}

fn machine() -> Machine {
    Machine::new(ME.into(), Timing::default())
}

/// One that took the lease with a request from 10.0 s to 10.1 s.
fn holder() -> Machine {
    let mut machine = machine();
    machine.read(at(10_000), None);
    assert_eq!(machine.next(at(10_000)), Step::Write(Write::Create));
    machine.wrote(at(10_000), at(10_100), sight("1", ME));
    machine
}

#[test]
fn it_reads_first_and_creates_what_is_not_there() {
    let mut machine = machine();
    assert_eq!(machine.next(at(0)), Step::Read);
    machine.read(at(5), None);
    assert_eq!(machine.next(at(5)), Step::Write(Write::Create));
    assert_eq!(machine.term_end(), None);
}

#[test]
fn a_term_counts_from_before_the_request_and_ends_before_the_lease() {
    let machine = holder();
    assert_eq!(machine.term_end(), Some(at(10_000 + 6_000 - 1_000)));
    assert_eq!(machine.holder(), Some(ME));
}

#[test]
fn it_renews_from_request_to_request() {
    let mut machine = holder();
    assert_eq!(machine.next(at(10_100)), Step::Wait(at(12_000)));
    assert_eq!(machine.next(at(12_000)), Step::Write(Write::Renew));
    machine.wrote(at(12_000), at(13_500), sight("2", ME));
    assert_eq!(machine.term_end(), Some(at(17_000)));
    assert_eq!(machine.next(at(13_500)), Step::Wait(at(14_000)));
}

#[test]
fn another_holder_is_given_its_whole_duration_from_when_it_was_first_seen() {
    let mut machine = machine();
    machine.read(at(1_000), Some(sight("8", OTHER)));
    assert_eq!(machine.next(at(1_000)), Step::Wait(at(2_000)));
    assert_eq!(machine.next(at(2_000)), Step::Read);
    machine.read(at(6_900), Some(sight("8", OTHER)));
    assert_eq!(machine.next(at(6_999)), Step::Wait(at(7_000)));
    assert_eq!(machine.next(at(7_000)), Step::Write(Write::Take));
}

#[test]
fn a_renewal_that_is_seen_starts_the_wait_anew() {
    let mut machine = machine();
    machine.read(at(1_000), Some(sight("8", OTHER)));
    machine.read(at(6_900), Some(sight("9", OTHER)));
    assert_eq!(machine.next(at(7_000)), Step::Wait(at(7_900)));
    machine.read(at(12_899), Some(sight("9", OTHER)));
    assert_eq!(machine.next(at(12_900)), Step::Write(Write::Take));
}

#[test]
fn a_holder_with_a_longer_duration_is_given_that_and_never_less_than_ours() {
    let mut long = sight("8", OTHER);
    long.duration = Some(Duration::from_secs(20));
    let mut machine = machine();
    machine.read(at(0), Some(long));
    machine.read(at(19_999), machine_sight("8", 20));
    assert_eq!(machine.next(at(19_999)), Step::Wait(at(20_000)));
    assert_eq!(machine.next(at(20_000)), Step::Write(Write::Take));

    let mut machine = Machine::new(ME.into(), Timing::default());
    machine.read(at(0), machine_sight("8", 1));
    assert_ne!(machine.next(at(5_999)), Step::Write(Write::Take));
    assert_eq!(machine.next(at(6_000)), Step::Write(Write::Take));
}

fn machine_sight(version: &str, seconds: u64) -> Option<Sight> {
    let duration = Some(Duration::from_secs(seconds));
    Some(Sight {
        duration,
        ..sight(version, OTHER)
    })
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once() {
    let mut machine = machine();
    machine.read(at(1_000), Some(sight("8", OTHER)));
    machine.read(at(2_000), Some(sight("9", "")));
    assert_eq!(machine.next(at(2_000)), Step::Write(Write::Take));
}

#[test]
fn a_lease_that_was_deleted_waits_for_the_holder_that_may_not_know() {
    let mut machine = machine();
    machine.read(at(1_000), Some(sight("8", OTHER)));
    machine.read(at(2_000), None);
    assert_eq!(machine.next(at(2_000)), Step::Wait(at(3_000)));
    assert_eq!(machine.next(at(3_000)), Step::Read);
    machine.read(at(7_500), None);
    assert_eq!(machine.next(at(7_999)), Step::Wait(at(8_000)));
    assert_eq!(machine.next(at(8_000)), Step::Write(Write::Create));

    machine.read(at(8_000), Some(sight("9", OTHER)));
    assert_eq!(
        machine.next(at(8_000)),
        Step::Wait(at(9_000)),
        "the holder made it anew"
    );

    let mut own = holder();
    own.read(at(12_000), None);
    assert_eq!(own.term_end(), None);
    assert_eq!(own.next(at(12_000)), Step::Write(Write::Create));
}

#[test]
fn who_sees_another_holder_stops_at_once() {
    let mut machine = holder();
    machine.conflicted(at(12_100));
    assert_eq!(
        machine.term_end(),
        Some(at(15_000)),
        "a conflict alone says nothing"
    );
    assert_eq!(machine.next(at(12_100)), Step::Read);
    machine.read(at(12_200), Some(sight("5", OTHER)));
    assert_eq!(machine.term_end(), None);
    assert_eq!(machine.holder(), Some(OTHER));
}

#[test]
fn a_write_by_a_third_hand_costs_nothing() {
    let mut machine = holder();
    machine.conflicted(at(12_100));
    machine.read(at(12_200), Some(sight("5", ME)));
    assert_eq!(machine.term_end(), Some(at(15_000)));
    assert_eq!(machine.next(at(12_200)), Step::Write(Write::Renew));
}

#[test]
fn conflict_after_conflict_pauses() {
    let mut machine = holder();
    machine.conflicted(at(12_000));
    machine.read(at(12_000), Some(sight("5", ME)));
    machine.conflicted(at(12_001));
    assert_eq!(machine.next(at(12_001)), Step::Wait(at(12_251)));
    assert_eq!(machine.next(at(12_251)), Step::Read);
    machine.read(at(12_251), Some(sight("6", ME)));
    machine.wrote(at(12_251), at(12_252), sight("7", ME));
    machine.conflicted(at(14_251));
    assert_eq!(
        machine.next(at(14_251)),
        Step::Read,
        "a success ends the row"
    );
}

#[test]
fn a_failed_renewal_is_tried_again_and_does_not_stretch_the_term() {
    let mut machine = holder();
    machine.failed(at(14_000));
    assert_eq!(machine.next(at(14_000)), Step::Wait(at(14_250)));
    assert_eq!(machine.next(at(14_250)), Step::Write(Write::Renew));
    assert_eq!(machine.term_end(), Some(at(15_000)));
    machine.end_term();
    assert_eq!(machine.next(at(15_000)), Step::Write(Write::Renew));
}

#[test]
fn a_write_that_landed_unheard_is_found_and_renewed() {
    let mut machine = machine();
    machine.read(at(0), None);
    machine.failed(at(2_000));
    assert_eq!(machine.next(at(2_250)), Step::Write(Write::Create));
    machine.conflicted(at(2_300));
    machine.read(at(2_400), Some(sight("1", ME)));
    assert_eq!(machine.term_end(), None, "nobody told when it landed");
    assert_eq!(machine.next(at(2_400)), Step::Write(Write::Renew));
}

#[test]
fn a_conflict_does_not_forget_since_when_a_version_is_seen() {
    let mut machine = machine();
    machine.read(at(0), Some(sight("8", OTHER)));
    machine.read(at(5_900), Some(sight("8", OTHER)));
    machine.conflicted(at(6_100));
    machine.read(at(6_200), Some(sight("8", OTHER)));
    assert_eq!(machine.next(at(6_200)), Step::Write(Write::Take));
}
