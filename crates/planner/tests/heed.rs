//! Calls that a node answers with success and that its lists show nothing of (rules.md, Limits).

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{Fleet, name, secs};
use kubomesh_core::*;
use kubomesh_planner::Planned;

/// Calls that are no dials, in passes a second apart, before each of which something happens.
fn other_calls(fleet: &mut Fleet, seconds: usize, before: impl Fn(&mut Fleet)) -> usize {
    let mut calls = 0;
    for _ in 0..seconds {
        before(fleet);
        let planned = fleet.pass_after(secs(1));
        let all = planned.plan.sequences.iter().flat_map(|one| &one.actions);
        calls += all
            .filter(|one| !matches!(one.call, Call::Connect { .. }))
            .count();
    }
    calls
}

#[test]
fn a_member_that_says_yes_and_lists_nothing_is_asked_less_and_less() {
    let mut fleet = Fleet::meshed(3);
    let calls = other_calls(&mut fleet, 600, |fleet| fleet.node("a").peering.clear());
    assert!((7..10).contains(&calls), "{calls}");
    fleet.node("a").peering.clear();
    let told = fleet.told();
    assert!(
        told.contains("a says yes to calls and its lists show no change"),
        "{told}"
    );
    // Once it does as it says, nothing is held against it.
    fleet.ends_well_after(secs(300));
    fleet.restart("a");
    let again = other_calls(&mut fleet, 1, |_| ());
    assert_eq!(again, 1);
    fleet.ends_well();
}

#[test]
fn a_member_that_says_yes_and_keeps_its_entries_is_asked_less_and_less() {
    let mut fleet = Fleet::meshed(3);
    let entries = fleet.node("a").peering.clone();
    fleet.leave("c");
    let _ = fleet.settle();
    fleet.wait(secs(120));
    let calls = other_calls(&mut fleet, 600, |fleet| {
        fleet.node("a").peering.clone_from(&entries);
    });
    assert!((8..11).contains(&calls), "{calls}");
    fleet.ends_well_after(secs(300));
}

/// How many calls for a member are no dials.
fn calls_on(planned: &Planned, member: &str) -> usize {
    let on = planned.plan.sequences.iter();
    on.filter(|one| one.member == name(member))
        .flat_map(|one| &one.actions)
        .filter(|one| !matches!(one.call, Call::Connect { .. }))
        .count()
}

#[test]
fn calls_that_failed_are_not_held_against_a_member_once_one_succeeded() {
    let mut fleet = Fleet::meshed(3);
    fleet.restart("a");
    for _ in 0..5 {
        fleet.wait(secs(300));
        let planned = fleet.plan_now();
        assert_eq!(calls_on(&planned, "a"), 1);
        fleet.node("a").failure = Some(Failure::new(FailureKind::Refusal, "no"));
        fleet.apply(&planned);
        fleet.node("a").failure = None;
    }
    assert_eq!(calls_on(&fleet.pass_after(secs(300)), "a"), 1);
    fleet.join("d");
    let _ = fleet.pass_after(secs(1));
    assert_eq!(calls_on(&fleet.pass_after(secs(1)), "a"), 1);
    fleet.ends_well();
}

#[test]
fn nothing_is_held_against_a_member_that_did_as_it_was_told_after_all() {
    let mut fleet = Fleet::meshed(3);
    let entries = fleet.node("a").peering.clone();
    let _ = other_calls(&mut fleet, 600, |fleet| fleet.node("a").peering.clear());
    fleet.node("a").peering = entries;
    fleet.join("d");
    let _ = fleet.pass_after(secs(1));
    assert_eq!(calls_on(&fleet.pass_after(secs(1)), "a"), 1);
    fleet.ends_well();
}
