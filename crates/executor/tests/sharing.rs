//! How calls share connections and places: on fakes, over real sockets.
#![allow(clippy::unwrap_used, reason = "in a test it is the failure")]

mod common;

use std::collections::BTreeSet;

use kubomesh_core::{Action, Address, Busy, Call, Limits, Patience, Timestamp};
use kubomesh_testkit::{FakeKubo, Fault, Faults, Fleet};

use crate::common::{
    FEW, MANY, SHORT, action, connections, dials, executor, fakes, name, sequence, until,
};

#[tokio::test]
async fn calls_to_one_node_share_as_many_connections_as_run_side_by_side() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 1, 25).await;
    let executor = executor(FEW);
    let outcomes = executor.apply(dials(&fakes, 0)).await;
    assert_eq!(outcomes.len(), 24);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    let counts = fakes[0].counts();
    assert_eq!(counts.by_verb["swarm/connect"], 24);
    let connections = connections(&fakes[0]);
    assert!(
        connections <= 4,
        "{connections} connections for 4 calls in flight"
    );
    assert_eq!(counts.by_verb["id"], connections as u64);

    // One of them is kept.
    executor.apply(dials(&fakes, 0)).await;
    assert_eq!(fakes[0].counts().by_verb["id"], connections as u64 + 3);
    executor.close().await;
}

#[tokio::test]
async fn nodes_take_turns() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 2, 21).await;
    let executor = executor(FEW);
    let sequences = (0..8).flat_map(|from| dials(&fakes, from)).collect();
    executor.apply(sequences).await;
    let all: Vec<Vec<Timestamp>> = fakes[..8].iter().map(dialled).collect();
    let last_first = all.iter().filter_map(|times| times.first()).max();
    let first_last = all.iter().filter_map(|times| times.last()).min();
    assert!(
        last_first < first_last,
        "a node waited until another was done"
    );
    executor.close().await;
}

#[tokio::test]
async fn a_node_that_hangs_delays_no_other() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 3, 12).await;
    fakes[0].set_faults(Faults::of(Fault::Hang).only(&["swarm/connect"]));
    let executor = executor(MANY);
    // A pair is dialled from one end only.
    let sequences = (0..3)
        .flat_map(|from| dials(&fakes, from).split_off(2))
        .collect();
    let outcomes = executor.apply(sequences).await;
    assert_eq!(outcomes.len(), 18);
    // Nobody waited for its deadline: it has not ended.
    assert_eq!(executor.busy().links.len(), 9);
    // Their answer is the deadline's, and it wakes who waits.
    assert_eq!(executor.woken().await, BTreeSet::from(["n00".into()]));
    executor.close().await;
}

#[tokio::test]
async fn no_more_calls_are_in_flight_than_allowed() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 4, 12).await;
    for fake in &fakes {
        fake.set_faults(Faults::of(Fault::Hang).only(&["swarm/connect"]));
    }
    // Twelve calls that take their whole deadline each, in one node at most two at a time.
    let limits = Limits {
        in_flight_per_node: 2,
        ..FEW
    };
    let executor = executor(limits);
    let one_each = (0..6).flat_map(|from| dials(&fakes, from).split_off(10));
    let all_of_one = dials(&fakes, 6).split_off(5);
    executor.apply(one_each.chain(all_of_one).collect()).await;
    until("all ended", || executor.busy() == Busy::default()).await;
    executor.close().await;
    let mut all: Vec<Timestamp> = fakes.iter().flat_map(dialled).collect();
    all.sort();
    assert_eq!(all.len(), 12);
    // A place is free again after a deadline; half of one is granted to the way of a request.
    let apart = |times: &[Timestamp], places: usize| {
        let later = times.iter().zip(times.iter().skip(places));
        later.map(|(early, late)| late.since(*early)).min()
    };
    assert!(apart(&all, 4) > Some(SHORT / 2), "{all:?}");
    let one = dialled(&fakes[6]);
    assert!(apart(&one, 2) > Some(SHORT / 2), "{one:?}");
}

/// When a fake was asked to dial, in order.
fn dialled(fake: &FakeKubo) -> Vec<Timestamp> {
    let requests = fake.requests().into_iter();
    let dials = requests.filter(|request| request.verb == "swarm/connect");
    dials.map(|request| request.at).collect()
}

#[tokio::test]
async fn a_member_is_busy_until_all_its_calls_have_ended() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 5, 2).await;
    fakes[0].set_faults(Faults::of(Fault::Hang).only(&["swarm/peering/add"]));
    let executor = executor(MANY);
    let address = Address::tcp(fakes[1].api().ip(), 4001).with_peer(fakes[1].peer_id());
    let add = Call::PeeringAdd {
        addresses: vec![address],
    };
    let remove = Call::PeeringRemove {
        peers: vec![fakes[1].peer_id()],
    };
    // Longer than anybody waits for it.
    let patient = |call| Action {
        deadline: Patience::SILENCE * 2,
        ..action(call, None)
    };
    let sequences = [add, remove].map(|call| sequence(&fakes, 0, vec![patient(call)]));
    let outcomes = executor.apply(sequences.to_vec()).await;
    assert_eq!(outcomes.len(), 1, "the other one hangs");
    assert!(executor.busy().members.contains_key(&name(0)));
    assert_eq!(executor.woken().await, BTreeSet::from([name(0)]));
    assert!(executor.busy().members.is_empty());
    executor.close().await;
}
