//! How nodes are asked, and what becomes of answers: on fakes, over real sockets.
#![allow(clippy::unwrap_used, reason = "in a test it is the failure")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kubomesh_core::{Connections, FailureKind, Kept, MemberName, Patience, Timestamp};
use kubomesh_executor::{Executor, Observations};
use kubomesh_model::Stop;
use kubomesh_testkit::{Faults, Fleet};

use crate::common::{
    FEW, LONG, MANY, calls, dial, executor, fakes, inquiries, moment, name, sequence,
};

fn names(at: impl IntoIterator<Item = usize>) -> BTreeSet<MemberName> {
    at.into_iter().map(name).collect()
}

async fn woken(executor: &Executor) -> BTreeSet<MemberName> {
    tokio::time::timeout(LONG, executor.woken()).await.unwrap()
}

/// Nodes that found no place when the pass began are asked as soon as one is free.
#[tokio::test]
async fn more_nodes_than_places_are_all_asked() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 20, 13).await;
    fakes[0].set_faults(Faults::slow(Patience::SILENCE * 3));
    let (executor, mut known) = (executor(FEW), Observations::new());
    let renewed = executor.observe(inquiries(&fakes), true, &mut known).await;
    assert_eq!(renewed, names(1..13), "one place is taken for long");
    fakes[0].set_faults(moment());
    assert_eq!(woken(&executor).await, names([0]));
    executor.close().await;
}

#[tokio::test]
async fn a_late_answer_wakes_and_is_taken_by_the_next_pass() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 21, 3).await;
    fakes[1].set_faults(Faults::slow(Patience::SILENCE * 3));
    let (executor, mut known) = (executor(MANY), Observations::new());
    let renewed = executor.observe(inquiries(&fakes), true, &mut known).await;
    assert_eq!(renewed, names([0, 2]));
    assert!(!known.contains_key(&name(1)), "nobody knows it yet");

    // It is still being asked: not twice.
    let renewed = executor.observe(inquiries(&fakes), true, &mut known).await;
    assert_eq!(renewed, names([0, 2]));
    fakes[1].set_faults(moment());
    assert_eq!(woken(&executor).await, names([1]));
    let renewed = executor.observe(BTreeMap::new(), true, &mut known).await;
    assert_eq!(renewed, names([1]));
    assert!(known[&name(1)].state.is_some());
    assert_eq!(calls(&fakes[1], "id"), 1);
    executor.close().await;
}

/// A replica that lost the lease forgets everything; it may have it again when an old inquiry ends.
#[tokio::test]
async fn a_late_answer_does_not_bring_back_what_was_forgotten_meanwhile() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 29, 1).await;
    let (executor, mut known) = (executor(MANY), Observations::new());
    executor.observe(inquiries(&fakes), true, &mut known).await;
    assert!(known[&name(0)].sighting.is_some());
    fakes[0].set_faults(Faults::slow(Patience::SILENCE * 3));
    executor.observe(inquiries(&fakes), true, &mut known).await;
    known.clear();
    fakes[0].kill(Stop::Closed);
    assert_eq!(woken(&executor).await, names([0]));
    let renewed = executor.observe(BTreeMap::new(), true, &mut known).await;
    assert_eq!(renewed, names([0]));
    let seen = &known[&name(0)];
    assert!(seen.failure.is_some());
    assert_eq!((&seen.sighting, &seen.state), (&None, &None));
    executor.close().await;
}

#[tokio::test]
async fn a_kept_connection_is_used_however_long_it_was_idle() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 22, 1).await;
    let (executor, mut known) = (executor(MANY), Observations::new());
    for _ in 0..2 {
        let renewed = executor.observe(inquiries(&fakes), true, &mut known).await;
        assert_eq!(renewed, names([0]));
        // Nothing is under way: time may pass.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(3_600)).await;
        tokio::time::resume();
    }
    assert_eq!(calls(&fakes[0], "id"), 1);
    assert_eq!(calls(&fakes[0], "swarm/peers"), 2);
    executor.close().await;
}

#[tokio::test]
async fn none_is_kept_where_none_is_wanted() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 23, 1).await;
    let (executor, mut known) = (executor(MANY), Observations::new());
    for _ in 0..2 {
        executor.observe(inquiries(&fakes), false, &mut known).await;
    }
    assert_eq!(calls(&fakes[0], "id"), 2);
    executor.close().await;
}

#[tokio::test]
async fn a_node_that_ends_wakes_and_what_was_known_of_it_stays() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 24, 2).await;
    let (executor, mut known) = (executor(MANY), Observations::new());
    executor.observe(inquiries(&fakes), true, &mut known).await;
    let before = known.clone();
    fakes[1].kill(Stop::Closed);
    assert_eq!(woken(&executor).await, names([1]));

    let renewed = executor.observe(inquiries(&fakes), true, &mut known).await;
    assert_eq!(renewed, names([0, 1]));
    let (seen, was) = (&known[&name(1)], &before[&name(1)]);
    let failure = seen.failure.as_ref().map(|failure| failure.kind);
    assert_eq!(failure, Some(FailureKind::Refused));
    assert_eq!((&seen.state, &seen.sighting), (&was.state, &was.sighting));
    assert!(known[&name(0)].failure.is_none(), "another node's error");

    // Not due yet: not asked. Said to have started: asked at once.
    assert!(executor.next_probe(Timestamp::default()).is_some());
    fakes[1].start().await.unwrap();
    executor.renew(&"uid-1".into());
    let renewed = executor.observe(inquiries(&fakes), true, &mut known).await;
    assert!(renewed.contains(&name(1)));
    assert!(known[&name(1)].failure.is_none());
    executor.close().await;
}

#[tokio::test]
async fn an_observation_says_when_its_asking_began() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 27, 1).await;
    let (executor, mut known) = (executor(MANY), Observations::new());
    let _ = executor.observe(inquiries(&fakes), true, &mut known).await;
    let (asked, read) = {
        let seen = &known[&name(0)];
        (seen.asked, seen.state.as_ref().unwrap().at)
    };
    // Each of its calls takes 5 ms.
    assert!(asked < read, "{asked} {read}");
    executor.close().await;
}

#[tokio::test]
async fn an_answer_that_is_as_before_is_not_read_again_and_another_one_is() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 25, 3).await;
    let (executor, mut known) = (executor(MANY), Observations::new());
    let connections = |known: &Observations| {
        let state = known[&name(0)].state.as_ref().unwrap();
        state.peers.clone().unwrap()
    };
    let start = |all: &Kept<Connections>| all.iter().next().unwrap().text.as_ptr();
    let mut seen = Vec::new();
    for to in [1, 2] {
        let dial = vec![dial(&fakes, 0, to)];
        executor.apply(vec![sequence(&fakes, 0, dial)]).await;
        for _ in 0..3 {
            executor.observe(inquiries(&fakes), true, &mut known).await;
            seen.push(connections(&known));
        }
    }
    assert_eq!(
        seen.iter().map(|all| all.len()).collect::<Vec<_>>(),
        [1, 1, 1, 2, 2, 2]
    );
    // The same text in the same place is what was read before.
    let place = |at: usize| start(&seen[at]);
    assert_eq!((place(0), place(1)), (place(1), place(2)));
    assert_ne!(place(2), place(3));
    assert_eq!(place(3), place(5));

    // Another life of the member is read for itself.
    let mut reborn = inquiries(&fakes);
    reborn.get_mut(&name(0)).unwrap().uid = "again".into();
    executor.observe(reborn, true, &mut known).await;
    assert_eq!(connections(&known), seen[5]);
    assert_ne!(start(&connections(&known)), place(5));
    executor.close().await;
}
