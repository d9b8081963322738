//! Nodes behind agents: the same answers and outcomes, one channel each, and the way round an agent
//! that cannot be used.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the failure")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use kubomesh_agent_api::{ApiVersions, Channels};
use kubomesh_core::{Access, FailureKind, Inquiry, MemberName, Path, PathTaken, PeerId, Timestamp};
use kubomesh_executor::Executor;
use kubomesh_model::{Stop, peer_id};
use kubomesh_testkit::{FakeKubo, Fleet};

use common::agents::{agent, by_agent};
use common::{LONG, MANY, fakes, inquiries, name, sequence, with_channels};

/// The first fake's inquiry by this way.
fn inquiry(fakes: &[FakeKubo], access: &Access) -> BTreeMap<MemberName, Inquiry> {
    let mut asked = inquiries(&fakes[..1]);
    for inquiry in asked.values_mut() {
        inquiry.access = access.clone();
    }
    asked
}

/// What asking the first fake comes to: its peers or its failure, and the way.
async fn ask(
    executor: &Executor,
    fakes: &[FakeKubo],
    access: &Access,
) -> (Result<Vec<PeerId>, FailureKind>, Option<PathTaken>) {
    let mut known = BTreeMap::new();
    executor
        .observe(inquiry(fakes, access), true, &mut known)
        .await;
    let seen = Arc::clone(&known[&name(0)]);
    let peers = match (&seen.failure, &seen.state) {
        (Some(failure), _) => Err(failure.kind),
        (None, state) => {
            let state = state.as_ref().unwrap();
            Ok(state.connections().map(|listed| listed.peer).collect())
        }
    };
    (peers, seen.path.clone())
}

fn is_by(path: Option<&PathTaken>, expected: Path) -> bool {
    path.is_some_and(|taken| taken.path == expected)
}

/// What is asked and sent by way of an agent is as directly, on one channel.
#[tokio::test]
async fn asked_and_told_by_way_of_an_agent() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 41, 6).await;
    let channels = Channels::default();
    let executor = with_channels(MANY, &channels);
    let beside = agent(&fakes[0], ApiVersions::OWN, 0).await;
    let access = by_agent(&fakes[0], beside.endpoint.port, true);
    let dials = (1..fakes.len()).map(|to| {
        let mut dial = sequence(&fakes, 0, vec![common::dial(&fakes, 0, to)]);
        dial.access = access.clone();
        dial
    });
    let outcomes = executor.apply(dials.collect()).await;
    assert_eq!(outcomes.len(), 5);
    assert!(
        outcomes.iter().all(|outcome| outcome.result.is_ok()),
        "{outcomes:?}"
    );
    let (peers, path) = ask(&executor, &fakes, &access).await;
    assert_eq!(peers.unwrap().len(), 5);
    assert!(is_by(path.as_ref(), Path::Agent));
    assert_eq!(
        channels.open(),
        1,
        "five dials side by side share one channel"
    );
    executor.forget();
    none_open(&channels).await;
    beside.end().await;
}

/// No agent, or one of another age: directly, with the reason; with `Required` not at all.
#[tokio::test]
async fn the_way_round() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 42, 1).await;
    let absent = by_agent(&fakes[0], 9, false);
    let (peers, path) = ask(&common::executor(MANY), &fakes, &absent).await;
    assert!(peers.is_ok());
    assert!(
        path.unwrap()
            .why
            .starts_with("no agent answers at http://127.21.42.1:9")
    );
    let absent = by_agent(&fakes[0], 9, true);
    let (peers, path) = ask(&common::executor(MANY), &fakes, &absent).await;
    assert_eq!((peers, path), (Err(FailureKind::Refused), None));
    for (current, min, usable) in [(0, 0, false), (1, 1, true), (2, 1, true), (2, 2, false)] {
        let beside = agent(&fakes[0], ApiVersions { current, min }, 0).await;
        let access = by_agent(&fakes[0], beside.endpoint.port, false);
        let (peers, path) = ask(&common::executor(MANY), &fakes, &access).await;
        assert!(peers.is_ok(), "{current}");
        let path = path.unwrap();
        assert_eq!(path.path == Path::Agent, usable, "{current}");
        assert_eq!(path.why.is_empty(), usable, "{}", path.why);
        beside.end().await;
    }
}

/// Where the way round is closed while it is taken, the agent is tried at once.
#[tokio::test]
async fn the_way_round_is_closed() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 46, 1).await;
    let executor = common::executor(MANY);
    let beside = agent(&fakes[0], ApiVersions { current: 0, min: 0 }, 0).await;
    let port = beside.endpoint.port;
    let (peers, path) = ask(&executor, &fakes, &by_agent(&fakes[0], port, false)).await;
    assert!(peers.is_ok() && is_by(path.as_ref(), Path::Direct));
    beside.end().await;
    let beside = agent(&fakes[0], ApiVersions::OWN, port).await;
    let (peers, path) = ask(&executor, &fakes, &by_agent(&fakes[0], port, true)).await;
    assert!(
        peers.is_ok() && is_by(path.as_ref(), Path::Agent),
        "{peers:?}"
    );
    beside.end().await;
}

/// Where no agent is to be used any more, its channel is closed.
#[tokio::test]
async fn no_agent_any_more() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 47, 1).await;
    let channels = Channels::default();
    let executor = with_channels(MANY, &channels);
    let beside = agent(&fakes[0], ApiVersions::OWN, 0).await;
    let access = by_agent(&fakes[0], beside.endpoint.port, false);
    let (peers, path) = ask(&executor, &fakes, &access).await;
    assert!(peers.is_ok() && is_by(path.as_ref(), Path::Agent));
    let (peers, path) = ask(&executor, &fakes, &common::direct(&fakes[0])).await;
    assert_eq!((peers, path), (Ok(Vec::new()), None));
    none_open(&channels).await;
    beside.end().await;
}

/// A thousand channels are opened and closed, and none stays.
#[tokio::test]
async fn a_thousand_channels() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 48, 50).await;
    let channels = Channels::default();
    let executor = with_channels(MANY, &channels);
    let mut asked = inquiries(&fakes);
    let mut beside = Vec::new();
    for (fake, inquiry) in fakes.iter().zip(asked.values_mut()) {
        let agent = agent(fake, ApiVersions::OWN, 0).await;
        inquiry.access = by_agent(fake, agent.endpoint.port, true);
        beside.push(agent);
    }
    for _ in 0..20 {
        let mut known = BTreeMap::new();
        executor.observe(asked.clone(), true, &mut known).await;
        assert!(known.values().all(|seen| seen.failure.is_none()));
        assert_eq!((known.len(), channels.open()), (50, 50));
        executor.forget();
        none_open(&channels).await;
    }
    for agent in beside {
        agent.end().await;
    }
}

async fn none_open(channels: &Channels) {
    let closed = async {
        while channels.open() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, closed).await.unwrap();
}

/// The agent goes and comes back, older and newer, under one executor: each answer is there, by the way
/// that there is.
#[tokio::test]
async fn agents_come_and_go() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 43, 2).await;
    let executor = common::executor(MANY);
    let beside = agent(&fakes[0], ApiVersions::OWN, 0).await;
    let access = by_agent(&fakes[0], beside.endpoint.port, false);
    let (peers, path) = ask(&executor, &fakes, &access).await;
    assert!(peers.is_ok() && is_by(path.as_ref(), Path::Agent));
    let port = beside.end().await;
    // Its end is told, so that it is not found out by a call.
    tokio::time::timeout(LONG, executor.woken()).await.unwrap();
    let (peers, path) = ask(&executor, &fakes, &access).await;
    assert!(peers.is_ok() && is_by(path.as_ref(), Path::Direct));
    let mut dial = sequence(&fakes, 0, vec![common::dial(&fakes, 0, 1)]);
    dial.access = access.clone();
    let outcomes = executor.apply(vec![dial]).await;
    assert!(outcomes[0].result.is_ok(), "{outcomes:?}");
    let beside = agent(&fakes[0], ApiVersions { current: 2, min: 1 }, port).await;
    executor.forget();
    let (peers, path) = ask(&executor, &fakes, &access).await;
    assert_eq!(peers.unwrap().len(), 1);
    assert!(is_by(path.as_ref(), Path::Agent));
    beside.end().await;
}

/// An agent that comes later is used half a minute after it was last missed, and not asked for before.
#[tokio::test]
async fn an_agent_that_comes_later() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 51, 1).await;
    let passed = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&passed);
    let now = move || Timestamp::default() + Duration::from_secs(clock.load(Ordering::Relaxed));
    let executor = common::by_clock(Arc::new(now));
    // A port at which nobody listens, until the agent comes.
    let before = agent(&fakes[0], ApiVersions::OWN, 0).await;
    let access = by_agent(&fakes[0], before.endpoint.port, false);
    let port = before.end().await;
    let at = async |seconds| {
        passed.store(seconds, Ordering::Relaxed);
        let (peers, path) = ask(&executor, &fakes, &access).await;
        assert!(peers.is_ok(), "after {seconds} s: {peers:?}");
        path.unwrap().path
    };
    assert_eq!(at(0).await, Path::Direct);
    let beside = agent(&fakes[0], ApiVersions::OWN, port).await;
    assert_eq!(at(29).await, Path::Direct);
    assert_eq!(at(30).await, Path::Agent);
    // And for as long as it is there.
    assert_eq!(at(31).await, Path::Agent);
    beside.end().await;
}

/// An agent whose Kubo is away: a failure by way of the agent. Then it goes too: no way was taken.
#[tokio::test]
async fn a_kubo_that_is_away() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 53, 1).await;
    let beside = agent(&fakes[0], ApiVersions::OWN, 0).await;
    let access = by_agent(&fakes[0], beside.endpoint.port, true);
    let executor = common::executor(MANY);
    fakes[0].kill(Stop::Closed);
    let (peers, path) = ask(&executor, &fakes, &access).await;
    assert_eq!(peers, Err(FailureKind::Refused));
    assert!(is_by(path.as_ref(), Path::Agent), "{path:?}");
    beside.end().await;
    executor.renew(&inquiry(&fakes, &access)[&name(0)].uid);
    let (peers, path) = ask(&executor, &fakes, &access).await;
    assert_eq!((peers, path), (Err(FailureKind::Refused), None));
}

/// Another Kubo, or another pod: a failure, and no way round it.
#[tokio::test]
async fn not_who_was_meant() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 44, 1).await;
    let beside = agent(&fakes[0], ApiVersions::OWN, 0).await;
    let mut access = by_agent(&fakes[0], beside.endpoint.port, false);
    if let Access::Agent { pod_uid, .. } = &mut access {
        *pod_uid = Some("another".into());
    }
    let (peers, _) = ask(&common::executor(MANY), &fakes, &access).await;
    assert_eq!(peers, Err(FailureKind::WrongIdentity));
    let access = by_agent(&fakes[0], beside.endpoint.port, false);
    let executor = common::executor(MANY);
    assert!(ask(&executor, &fakes, &access).await.0.is_ok());
    let asked = inquiry(&fakes, &access);
    fakes[0]
        .restart(Stop::Closed, Some(peer_id(99)))
        .await
        .unwrap();
    // The agent's own connection may break first.
    let mut known = BTreeMap::new();
    for _ in 0..2 {
        executor.renew(&asked[&name(0)].uid);
        executor.observe(asked.clone(), true, &mut known).await;
    }
    let seen = &known[&name(0)];
    let failure = seen.failure.as_ref().unwrap();
    assert_eq!(failure.kind, FailureKind::WrongIdentity, "{failure}");
    let sighting = seen.sighting.as_ref().unwrap();
    assert_eq!(sighting.peer_id, peer_id(99), "who it is is told");
    beside.end().await;
}

/// A link that breaks is told by the agent, without anybody asking.
#[tokio::test]
async fn a_broken_link_rings() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 45, 3).await;
    let executor = common::executor(MANY);
    let beside = agent(&fakes[0], ApiVersions::OWN, 0).await;
    let access = by_agent(&fakes[0], beside.endpoint.port, true);
    let mut asked = inquiries(&fakes[..2]);
    asked.get_mut(&name(0)).unwrap().access = access.clone();
    let mut known = BTreeMap::new();
    executor.observe(asked.clone(), true, &mut known).await;
    for to in [2, 1] {
        let mut dial = sequence(&fakes, 0, vec![common::dial(&fakes, 0, to)]);
        dial.access = access.clone();
        let outcomes = executor.apply(vec![dial]).await;
        assert!(outcomes[0].result.is_ok(), "{outcomes:?}");
    }
    // The link is seen, and then that it is gone.
    for broken in [false, true] {
        if broken {
            // The ring may have been that of the watch's first state: the link is to be seen.
            executor.observe(asked.clone(), true, &mut known).await;
            while executor.woken().now_or_never().is_some() {}
            fakes[1].kill(Stop::Closed);
        }
        let told = async { while !executor.woken().await.contains(&name(0)) {} };
        tokio::time::timeout(LONG, told).await.unwrap();
    }
    executor.close().await;
    beside.end().await;
}
