//! What is sent, on which connection, and what is not: on fakes, over real sockets.
#![allow(clippy::unwrap_used, reason = "in a test it is the failure")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kubomesh_core::{Action, Busy, Call, FailureKind, Fence};
use kubomesh_model::{Settings, peer_id};
use kubomesh_testkit::{Fault, Faults, Fleet};

use crate::common::{
    LONG, MANY, action, calls, connections, dial, dials, executor, fakes, fenced, kinds, moment,
    name, sequence,
};

fn filter(number: u8) -> Action {
    let entries = vec![format!("/ip4/10.9.0.{number}/ipcidr/32").as_str().into()];
    action(Call::FiltersAdd { entries }, None)
}

#[tokio::test]
async fn filters_calls_to_one_node_come_one_at_a_time() {
    // The second of two at once always meets what it sometimes meets in Kubo: a handler that falls
    // over.
    let settings = Settings {
        filters_stick: 1_000,
        ..Settings::certain()
    };
    let fleet = Fleet::new(settings, 0);
    let fakes = fakes(&fleet, 11, 1).await;
    let executor = executor(MANY);
    let all = (0..6).map(|number| sequence(&fakes, 0, vec![filter(number)]));
    let outcomes = executor.apply(all.collect()).await;
    assert_eq!(kinds(&outcomes), vec![None; 6]);
    assert_eq!(calls(&fakes[0], "swarm/filters/add"), 6);
    assert!(connections(&fakes[0]) > 1, "nothing ran side by side");
    executor.close().await;
}

#[tokio::test]
async fn a_request_that_broke_off_is_not_sent_again() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 12, 3).await;
    let executor = executor(MANY);
    // A connection is kept, and breaks in the middle of the next call.
    executor
        .apply(vec![sequence(&fakes, 0, vec![dial(&fakes, 0, 1)])])
        .await;
    fakes[0].set_faults(Faults::of(Fault::Reset).only(&["swarm/connect"]));
    let broken = vec![sequence(&fakes, 0, vec![dial(&fakes, 0, 2)])];
    let outcomes = executor.apply(broken).await;
    assert_eq!(kinds(&outcomes), [Some(FailureKind::Disconnected)]);
    assert_eq!(calls(&fakes[0], "swarm/connect"), 2);
    assert_eq!(connections(&fakes[0]), 1);

    // What comes later goes on a connection of its own, which first shows who is there.
    fakes[0].set_faults(moment());
    let later = vec![sequence(&fakes, 0, vec![dial(&fakes, 0, 2)])];
    assert_eq!(kinds(&executor.apply(later).await), [None]);
    let verbs: Vec<String> = fakes[0].requests().into_iter().map(|r| r.verb).collect();
    let connect = "swarm/connect";
    assert_eq!(verbs, ["id", connect, connect, "id", connect]);
    executor.close().await;
}

#[tokio::test]
async fn a_late_outcome_is_the_deadlines_and_ends_its_connection() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 13, 3).await;
    let executor = executor(MANY);
    let last = || dials(&fakes, 0).split_off(1);
    fakes[0].set_faults(Faults::of(Fault::Hang).only(&["swarm/connect"]));
    assert_eq!(executor.apply(last()).await, [], "it was waited for");
    let links: Vec<_> = executor.busy().links.into_keys().collect();
    assert_eq!(links, [dial(&fakes, 0, 2).link.unwrap()]);

    let woken = tokio::time::timeout(LONG, executor.woken()).await.unwrap();
    assert_eq!(woken, BTreeSet::from([name(0)]));
    let late = executor.late_outcomes();
    assert_eq!(kinds(&late), [Some(FailureKind::TimedOut)]);
    assert_eq!(executor.busy(), Busy::default());
    assert_eq!(executor.late_outcomes(), [], "it was taken");

    fakes[0].set_faults(moment());
    assert_eq!(kinds(&executor.apply(last()).await), [None]);
    assert_eq!(calls(&fakes[0], "id"), 2);
    executor.close().await;
}

#[tokio::test]
async fn another_identity_gets_no_command() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 14, 2).await;
    let executor = executor(MANY);
    fakes[0].set_faults(Faults {
        identity: Some(peer_id(99)),
        ..moment()
    });
    let outcomes = executor.apply(dials(&fakes, 0)).await;
    assert_eq!(kinds(&outcomes), [Some(FailureKind::WrongIdentity)]);
    let counts = fakes[0].counts();
    assert_eq!((counts.calls, counts.by_verb["id"]), (1, 1));
    executor.close().await;
}

#[tokio::test]
async fn another_life_of_a_member_has_connections_of_its_own() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 15, 2).await;
    let executor = executor(MANY);
    executor.apply(dials(&fakes, 0)).await;
    let mut reborn = dials(&fakes, 0);
    reborn[0].uid = "uid-0-again".into();
    assert_eq!(kinds(&executor.apply(reborn).await), [None]);
    assert_eq!(calls(&fakes[0], "id"), 2);
    executor.close().await;
}

#[tokio::test]
async fn a_sequence_stops_at_the_first_failure_and_gives_back() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 16, 3).await;
    let executor = executor(MANY);
    fakes[0].set_faults(Faults::of(Fault::Status { code: 500 }).only(&["swarm/connect"]));
    let Call::FiltersAdd { entries } = filter(1).call else {
        unreachable!("it is one");
    };
    let guarded = Action {
        on_failure: vec![Call::FiltersRemove { entries }],
        ..dial(&fakes, 0, 1)
    };
    let actions = vec![filter(1), guarded, dial(&fakes, 0, 2)];
    let outcomes = executor.apply(vec![sequence(&fakes, 0, actions)]).await;
    let [added, failed, given_back, skipped] = kinds(&outcomes)[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!((added, given_back), (None, None));
    assert!(failed.is_some() && skipped == Some(FailureKind::Skipped));
    assert_eq!(calls(&fakes[0], "swarm/connect"), 1);
    assert_eq!(calls(&fakes[0], "swarm/filters/rm"), 1);
    executor.close().await;
}

/// Open for one call.
struct Once(AtomicBool);

impl Fence for Once {
    fn may_write(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn each_call_asks_the_fence_when_it_is_sent() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 17, 3).await;
    let executor = fenced(MANY, Arc::new(Once(AtomicBool::new(true))));
    let both = vec![dial(&fakes, 0, 1), dial(&fakes, 0, 2)];
    let outcomes = executor.apply(vec![sequence(&fakes, 0, both)]).await;
    assert_eq!(kinds(&outcomes), [None, Some(FailureKind::Fenced)]);
    assert_eq!(fakes[0].counts().mutating, 1);
    executor.close().await;
}
