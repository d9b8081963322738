//! How calls share connections and places: on fakes, over real sockets.
#![allow(clippy::unwrap_used, reason = "in a test it is the failure")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubomesh_core::{
    Access, Action, Address, Call, Limits, Link, NoCredentials, Open, Sequence, Timestamp,
};
use kubomesh_executor::{Executor, ExecutorMetrics, PATIENCE, Parts};
use kubomesh_model::{NodeSpec, peer_id};
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::{FakeKubo, FakeOptions, Fault, Faults, Fleet};

const FEW: Limits = Limits {
    in_flight: 4,
    in_flight_per_node: 8,
    dial_timeout: Duration::from_secs(15),
    dial_interval: Duration::from_secs(10),
    removal_percent_per_minute: 10,
    status_writes_per_second: 50,
};

fn executor(limits: Limits) -> Executor {
    let began = Instant::now();
    let now = move || Timestamp::default() + began.elapsed();
    Executor::new(Parts {
        limits,
        probe_max: Duration::from_secs(300),
        fence: Arc::new(Open),
        credentials: Arc::new(NoCredentials),
        metrics: ExecutorMetrics::register(&Catalog::new().unwrap()).unwrap(),
        now: Arc::new(now),
    })
}

/// Fakes on addresses of their own, each call of which takes a moment.
async fn fakes(fleet: &Fleet, third: u8, count: u8) -> Vec<FakeKubo> {
    let mut fakes = Vec::new();
    for number in 1..=count {
        let ip = IpAddr::V4(Ipv4Addr::new(127, 21, third, number));
        let spec = NodeSpec::new(&format!("n{number}"), peer_id(number.into()), ip);
        let options = FakeOptions::at(ip).faulty(Faults::slow(Duration::from_millis(5)));
        fakes.push(fleet.launch(spec, options).await.unwrap());
    }
    fakes
}

/// A dial of each other fake from one of them, each a sequence of its own.
fn dials(fakes: &[FakeKubo], from: usize) -> Vec<Sequence> {
    let others = (0..fakes.len()).filter(|to| *to != from);
    let name = |at: usize| format!("n{at:02}").as_str().into();
    let dial = |to: usize| Sequence {
        member: name(from),
        uid: format!("uid-{from}").as_str().into(),
        access: Access::Direct {
            endpoint: fakes[from].endpoint(),
            auth: None,
            ca_file: None,
        },
        expect: fakes[from].peer_id(),
        actions: vec![Action {
            call: Call::Connect {
                address: Address::tcp(fakes[to].api().ip(), 4001).with_peer(fakes[to].peer_id()),
            },
            deadline: Duration::from_millis(500),
            on_failure: None,
            link: Link::new(&name(from), &name(to)),
        }],
    };
    others.map(dial).collect()
}

fn connections(fake: &FakeKubo) -> usize {
    fake.requests()
        .iter()
        .map(|request| request.remote)
        .collect::<BTreeSet<_>>()
        .len()
}

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
    let times = |fake: &FakeKubo| {
        let dials = fake
            .requests()
            .into_iter()
            .filter(|request| request.verb == "swarm/connect");
        dials.map(|request| request.at).collect::<Vec<_>>()
    };
    let all: Vec<Vec<Timestamp>> = fakes[..8].iter().map(times).collect();
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
    let executor = executor(Limits {
        in_flight: 64,
        ..FEW
    });
    // A pair is dialled from one end only.
    let sequences = (0..3)
        .flat_map(|from| dials(&fakes, from).split_off(2))
        .collect();
    let began = Instant::now();
    let outcomes = executor.apply(sequences).await;
    assert!(began.elapsed() < PATIENCE * 3);
    assert_eq!(outcomes.len(), 18);
    assert_eq!(executor.busy().links.len(), 9);
    // Their answer is the deadline's, and it wakes who waits.
    assert_eq!(executor.woken().await, BTreeSet::from(["n00".into()]));
    executor.close().await;
}
