//! A watch tells what is there, what changes, and when Kubo was away.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the failure"
)]

mod common;

use std::sync::Arc;

use kubomesh_agent_api::{AgentNode, Event, Seen, Watch, Whole};
use kubomesh_core::{Address, Call, FailureKind};
use kubomesh_model::{Stop, peer_id};
use kubomesh_testkit::{FakeKubo, Fleet};

use common::{LONG, dialler, fake, node, plain};

fn swarm(kubo: &FakeKubo) -> Address {
    Address::tcp(kubo.api().ip(), 4001).with_peer(kubo.peer_id())
}

async fn event(watch: &mut Watch) -> Event {
    watch.next(LONG).await.unwrap()
}

async fn whole(watch: &mut Watch) -> (Event, Whole) {
    let event = event(watch).await;
    match event.seen.clone() {
        Seen::Whole(whole) => (event, *whole),
        other => panic!("no whole state: {other:?}"),
    }
}

/// The first event that says more than that nothing has changed.
async fn news(watch: &mut Watch) -> Event {
    loop {
        let event = event(watch).await;
        if event.seen != Seen::Still {
            return event;
        }
    }
}

async fn apply(node: &mut AgentNode, call: Call) {
    node.apply(&call, LONG).await.unwrap();
}

#[tokio::test]
async fn whole_then_differences() {
    let fleet = Fleet::certain();
    let (one, other) = (fake(&fleet, 21, 1).await, fake(&fleet, 21, 2).await);
    let agent = plain(&one).await;
    let mut node = node(&dialler(), &agent, &one).await;
    let mut watch = node.watch(LONG).await.unwrap();
    let (first, state) = whole(&mut watch).await;
    assert!(state.peers.entries.is_empty());
    assert!(!state.listen.unwrap().entries.is_empty());
    apply(
        &mut node,
        Call::Connect {
            address: swarm(&other),
        },
    )
    .await;
    let told = news(&mut watch).await;
    let Seen::Delta(delta) = told.seen else {
        panic!("{told:?}");
    };
    assert_eq!((told.epoch, delta.added.len()), (first.epoch, 1));
    assert!(told.look > node.look(), "a look that began after the call");
    let added = delta.added[0].clone();
    assert_eq!(added.peer, other.peer_id());
    apply(
        &mut node,
        Call::PeeringAdd {
            addresses: vec![swarm(&other)],
        },
    )
    .await;
    let told = news(&mut watch).await;
    let Seen::Delta(delta) = told.seen else {
        panic!("{told:?}");
    };
    assert_eq!(delta.peering_set.len(), 1);
    assert!(delta.added.is_empty() && delta.filters.is_none());
    apply(
        &mut node,
        Call::PeeringRemove {
            peers: vec![other.peer_id()],
        },
    )
    .await;
    let told = news(&mut watch).await;
    let Seen::Delta(delta) = told.seen else {
        panic!("{told:?}");
    };
    assert_eq!(delta.peering_removed, [other.peer_id()]);
    let filter: Arc<str> = "/ip4/10.9.0.0/ipcidr/16".into();
    apply(
        &mut node,
        Call::FiltersAdd {
            entries: vec![Arc::clone(&filter)],
        },
    )
    .await;
    let told = news(&mut watch).await;
    let Seen::Delta(delta) = told.seen else {
        panic!("{told:?}");
    };
    assert_eq!(delta.filters.unwrap().unwrap().entries, [filter]);
    // A link that breaks by itself is seen too.
    other.kill(Stop::Closed);
    let told = news(&mut watch).await;
    let Seen::Delta(delta) = told.seen else {
        panic!("{told:?}");
    };
    assert_eq!(delta.removed, [added]);
    agent.end().await;
}

/// A call that changes nothing is answered by a look all the same: who waits for it is told.
#[tokio::test]
async fn a_look_after_each_call() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 22, 1).await;
    let agent = plain(&one).await;
    let mut node = node(&dialler(), &agent, &one).await;
    let mut watch = node.watch(LONG).await.unwrap();
    whole(&mut watch).await;
    let asked = node.ping(true, LONG).await.unwrap();
    let told = event(&mut watch).await;
    assert_eq!(told.seen, Seen::Still);
    assert!(told.look > asked);
    let nobody = vec![peer_id(99)];
    apply(&mut node, Call::PeeringRemove { peers: nobody }).await;
    let told = watch
        .next(kubomesh_agent::Waits::HEARTBEAT / 2)
        .await
        .unwrap();
    assert!(told.look > node.look());
    agent.end().await;
}

/// Kubo away: said with its failure; back: the whole state in a new epoch. Another Kubo: the watch ends.
#[tokio::test]
async fn restarts_and_swaps() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 23, 1).await;
    let agent = plain(&one).await;
    let mut node = node(&dialler(), &agent, &one).await;
    let mut watch = node.watch(LONG).await.unwrap();
    let (first, _) = whole(&mut watch).await;
    one.kill(Stop::Closed);
    let told = loop {
        match news(&mut watch).await.seen {
            // The kept connection may break first.
            Seen::Down(failure) if failure.kind == FailureKind::Disconnected => {}
            Seen::Down(failure) => break failure,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told.kind, FailureKind::Refused);
    one.start().await.unwrap();
    let (back, _) = whole(&mut watch).await;
    assert!(back.epoch > first.epoch);
    one.restart(Stop::Closed, Some(peer_id(78))).await.unwrap();
    let error = loop {
        match watch.next(LONG).await {
            Ok(event) => assert!(matches!(event.seen, Seen::Down(_)), "{event:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), FailureKind::WrongIdentity);
    agent.end().await;
}

/// Two watchers: Kubo is looked at once for both. None: not at all.
#[tokio::test]
async fn one_look_for_all() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 24, 1).await;
    let agent = plain(&one).await;
    let mut node = node(&dialler(), &agent, &one).await;
    let (mut a, mut b) = (
        node.watch(LONG).await.unwrap(),
        node.watch(LONG).await.unwrap(),
    );
    let (first, _) = whole(&mut a).await;
    whole(&mut b).await;
    let looked = node.ping(true, LONG).await.unwrap() - first.look + 2;
    let listed = one
        .counts()
        .by_verb
        .get("swarm/peers")
        .copied()
        .unwrap_or_default();
    assert!(listed <= looked + 1, "{listed} for {looked} looks");
    drop((a, b));
    // Without a watcher a look is not waited for.
    node.ping(true, LONG).await.unwrap();
    agent.end().await;
}
