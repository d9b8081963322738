//! What a stop drops, what it refuses and what it waits for: on fakes, over real sockets.
#![allow(clippy::unwrap_used, reason = "in a test it is the failure")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kubomesh_core::{Action, Busy, Call, FailureKind, Patience, Sequence};
use kubomesh_executor::{Executor, Observations};
use kubomesh_testkit::{FakeKubo, Fault, Faults, Fleet};

use crate::common::{
    FEW, MANY, action, calls, dial, dials, executor, fakes, inquiries, kinds, name, sequence, until,
};

fn hang(verbs: &[&str]) -> Faults {
    Faults::of(Fault::Hang).only(verbs)
}

/// A call with more time than a pass waits.
fn patient(action: Action) -> Action {
    Action {
        deadline: Patience::SILENCE * 3,
        ..action
    }
}

/// Sends sequences, and closes when the first of their calls has arrived. What became of them when
/// both have ended.
async fn close_once_called(
    executor: &Executor,
    fake: &FakeKubo,
    verb: &str,
    all: Vec<Sequence>,
) -> Vec<Option<FailureKind>> {
    let closing = async {
        until(verb, || calls(fake, verb) > 0).await;
        executor.close().await;
    };
    let (mut outcomes, ()) = tokio::join!(executor.apply(all), closing);
    outcomes.extend(executor.late_outcomes());
    kinds(&outcomes)
}

fn requests(fakes: &[FakeKubo]) -> usize {
    fakes.iter().map(|fake| fake.requests().len()).sum()
}

#[tokio::test]
async fn reads_under_way_are_dropped_and_those_that_wait_are_not_begun() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 31, 6).await;
    fakes.iter().for_each(|fake| fake.set_faults(hang(&[])));
    let (executor, mut known) = (executor(FEW), Observations::new());
    let renewed = executor.observe(inquiries(&fakes), true, &mut known).await;
    assert_eq!(renewed, BTreeSet::new());
    until("a read for each place", || requests(&fakes) == 4).await;
    executor.close().await;
    // Had they been waited for, their deadlines would be their answers.
    let renewed = executor.observe(BTreeMap::new(), true, &mut known).await;
    assert_eq!(renewed, BTreeSet::new());
    assert_eq!(requests(&fakes), 4);
}

#[tokio::test]
async fn a_pass_that_waits_for_answers_goes_on_at_once() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 32, 3).await;
    fakes[1].set_faults(hang(&["swarm/peers"]));
    let (executor, mut known) = (executor(MANY), Observations::new());
    let stop = async {
        until("the read", || calls(&fakes[1], "swarm/peers") > 0).await;
        executor.close().await;
    };
    let observing = executor.observe(inquiries(&fakes[..2]), true, &mut known);
    let (renewed, ()) = tokio::join!(observing, stop);
    assert!(!renewed.contains(&name(1)), "it hangs");

    // Nobody is asked any more.
    executor.observe(inquiries(&fakes), true, &mut known).await;
    assert_eq!(requests(&fakes[2..]), 0);
}

#[tokio::test]
async fn a_call_that_changes_something_is_waited_for_and_its_outcome_is_there() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 33, 3).await;
    fakes[0].set_faults(hang(&["swarm/connect"]));
    fakes[1].set_faults(hang(&["swarm/peers"]));
    let (executor, mut known) = (executor(MANY), Observations::new());
    executor.observe(inquiries(&fakes), true, &mut known).await;
    let hung = dials(&fakes, 0).split_off(1);
    let ended = close_once_called(&executor, &fakes[0], "swarm/connect", hung).await;
    assert_eq!(ended, [Some(FailureKind::TimedOut)]);
    assert_eq!(executor.busy(), Busy::default());
}

#[tokio::test]
async fn what_waits_for_its_place_is_not_sent() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 34, 9).await;
    for fake in &fakes {
        fake.set_faults(hang(&["swarm/connect"]));
    }
    let (executor, all) = (executor(FEW), dials(&fakes, 0));
    let ended = close_once_called(&executor, &fakes[0], "swarm/connect", all).await;
    let sent = usize::try_from(fakes[0].counts().mutating).unwrap();
    assert!((1..=4).contains(&sent), "{sent} in 4 places");
    let mut ended = ended;
    ended.sort();
    let mut expected = vec![Some(FailureKind::TimedOut); sent];
    expected.resize(8, Some(FailureKind::Fenced));
    assert_eq!(ended, expected, "one outcome an action");
    assert_eq!(executor.busy(), Busy::default());

    // Nor is what comes later.
    let outcomes = executor.apply(dials(&fakes, 1)).await;
    assert_eq!(kinds(&outcomes), vec![Some(FailureKind::Fenced); 8]);
    assert_eq!(requests(&fakes[1..]), 0);
}

#[tokio::test]
async fn a_node_that_does_not_show_who_it_is_gets_no_call_and_is_not_waited_for() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 35, 3).await;
    fakes[0].set_faults(hang(&["id"]));
    let executor = executor(MANY);
    let ended = close_once_called(&executor, &fakes[0], "id", dials(&fakes, 0)).await;
    assert_eq!(ended, [Some(FailureKind::Fenced); 2], "no deadline's");
    assert_eq!(fakes[0].counts().mutating, 0);
}

#[tokio::test]
async fn a_call_that_waits_for_its_turn_is_not_sent() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 36, 1).await;
    let verb = "swarm/filters/add";
    fakes[0].set_faults(hang(&[verb]));
    let executor = executor(MANY);
    let filter = |number: u8| {
        let entries = vec![format!("/ip4/10.9.0.{number}/ipcidr/32").as_str().into()];
        sequence(
            &fakes,
            0,
            vec![patient(action(Call::FiltersAdd { entries }, None))],
        )
    };
    let ended = close_once_called(&executor, &fakes[0], verb, (0..3).map(filter).collect()).await;
    assert_eq!(calls(&fakes[0], verb), 1);
    let mut ended = ended;
    ended.sort();
    let [waited, fenced] = [FailureKind::TimedOut, FailureKind::Fenced].map(Some);
    assert_eq!(ended, [waited, fenced, fenced]);
}

/// What was closed to be dialled anew is dialled.
#[tokio::test]
async fn a_sequence_that_has_begun_goes_to_its_end() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 37, 3).await;
    let executor = executor(MANY);
    fakes[0].set_faults(Faults::slow(Duration::from_millis(600)));
    let both = [1, 2].map(|to| patient(dial(&fakes, 0, to)));
    let begun = vec![sequence(&fakes, 0, both.to_vec())];
    let ended = close_once_called(&executor, &fakes[0], "swarm/connect", begun).await;
    assert_eq!(ended, [None, None]);
    assert_eq!(calls(&fakes[0], "swarm/connect"), 2);
}

/// On a connection of its own, which first shows who is there: the former one hangs.
#[tokio::test]
async fn what_a_sequence_took_is_given_back_though_it_stops() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 38, 3).await;
    let executor = executor(MANY);
    fakes[0].set_faults(hang(&["swarm/connect"]));
    let entries = vec!["/ip4/10.9.0.1/ipcidr/32".into()];
    let guarded = Action {
        on_failure: vec![Call::FiltersRemove { entries }],
        ..dial(&fakes, 0, 1)
    };
    let begun = vec![sequence(&fakes, 0, vec![guarded, dial(&fakes, 0, 2)])];
    let ended = close_once_called(&executor, &fakes[0], "swarm/connect", begun).await;
    let [failed, given_back, skipped] = ended[..] else {
        unreachable!("one outcome a call");
    };
    assert_eq!(failed, Some(FailureKind::TimedOut));
    assert_eq!(given_back, None);
    assert_eq!(skipped, Some(FailureKind::Skipped));
    assert_eq!(calls(&fakes[0], "swarm/filters/rm"), 1);
    assert_eq!(calls(&fakes[0], "id"), 2);
}
