//! Every verb by way of the agent does what it does directly, and fails as it does directly.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the failure")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use kubomesh_agent_api::{ApiVersions, Unusable};
use kubomesh_core::{Address, Call, Expected, Failure, FailureKind, PeerId};
use kubomesh_model::{Stop, peer_id};
use kubomesh_testkit::{FakeKubo, Fault, Faults, Fleet};

use common::{LONG, POD, dialler, fake, introduced, node, of_version, plain};

/// Deadline of a dial.
const A_DIAL: Duration = Duration::from_secs(1);

fn swarm(kubo: &FakeKubo) -> Address {
    Address::tcp(kubo.api().ip(), 4001).with_peer(kubo.peer_id())
}

async fn direct(kubo: &FakeKubo) -> kubomesh_kubo::Node {
    let connection = kubomesh_conn::open(&kubo.endpoint(), None, LONG)
        .await
        .unwrap();
    let introduction = kubomesh_kubo::introduce(connection, None, LONG)
        .await
        .unwrap();
    introduction.accept(Expected::Anyone).unwrap()
}

#[tokio::test]
async fn what_is_read_is_the_same() {
    let fleet = Fleet::certain();
    let (one, other) = (fake(&fleet, 1, 1).await, fake(&fleet, 1, 2).await);
    let agent = plain(&one).await;
    let mut by_agent = node(&dialler(), &agent, &one).await;
    let mut directly = direct(&one).await;
    assert_eq!(by_agent.agent_version(), directly.agent_version());
    let calls = [
        Call::Connect {
            address: swarm(&other),
        },
        Call::PeeringAdd {
            addresses: vec![swarm(&other)],
        },
        Call::FiltersAdd {
            entries: vec![Arc::from("/ip4/10.9.0.0/ipcidr/16")],
        },
    ];
    for call in &calls {
        by_agent.apply(call, LONG).await.unwrap();
    }
    let peers = by_agent.peers(LONG).await.unwrap();
    assert_eq!(peers.entries.len(), 1);
    assert_eq!(peers, directly.peers(LONG).await.unwrap());
    let peering = by_agent.peering(LONG).await.unwrap();
    assert_eq!(peering.entries.len(), 1);
    assert_eq!(peering, directly.peering(LONG).await.unwrap());
    let filters = by_agent.filters(LONG).await.unwrap();
    assert_eq!(filters.entries.len(), 1);
    assert_eq!(filters, directly.filters(LONG).await.unwrap());
    assert_eq!(
        by_agent.listen(LONG).await,
        Ok(directly.listen(LONG).await.unwrap())
    );
    let limits = by_agent.conn_limits(LONG).await.unwrap();
    assert_eq!(limits, directly.conn_limits(LONG).await.unwrap());
    let address = peers.entries.iter().next().unwrap().address();
    let back = [
        Call::FiltersRemove {
            entries: vec![Arc::from("/ip4/10.9.0.0/ipcidr/16")],
        },
        Call::PeeringRemove {
            peers: vec![other.peer_id()],
        },
        Call::Disconnect {
            address: address.with_peer(other.peer_id()),
        },
    ];
    for call in &back {
        by_agent.apply(call, LONG).await.unwrap();
    }
    assert!(by_agent.peers(LONG).await.unwrap().entries.is_empty());
    assert!(by_agent.peering(LONG).await.unwrap().entries.is_empty());
    assert!(by_agent.filters(LONG).await.unwrap().entries.is_empty());
    agent.end().await;
}

/// What went wrong has the class and the words of the direct way.
#[tokio::test]
async fn failures_are_the_same() {
    let fleet = Fleet::certain();
    let (one, other) = (fake(&fleet, 2, 1).await, fake(&fleet, 2, 2).await);
    let agent = plain(&one).await;
    let stranger: PeerId = peer_id(99);
    let nobody = Address::tcp("127.22.2.77".parse().unwrap(), 4001).with_peer(stranger);
    let calls = [
        Call::Disconnect {
            address: swarm(&other),
        },
        Call::Connect {
            address: swarm(&one),
        },
        Call::Connect { address: nobody },
        Call::Connect {
            address: swarm(&other).without_peer().with_peer(stranger),
        },
    ];
    for call in calls {
        let mut by_agent = node(&dialler(), &agent, &one).await;
        // Kubo gives a dial into the void up by then, and says so.
        let told = by_agent.apply(&call, A_DIAL).await.unwrap_err();
        let known = direct(&one).await.apply(&call, A_DIAL).await.unwrap_err();
        assert_eq!(Failure::from(&told), Failure::from(&known), "{call}");
        assert_eq!(
            (told.answered(), told.found()),
            (known.answered(), known.found())
        );
        assert!(by_agent.is_open(), "{call}");
    }
    agent.end().await;
}

/// A Kubo that is away, hangs or talks nonsense: the class of the direct way, in time, and the channel
/// stays.
#[tokio::test]
async fn a_kubo_that_does_not_answer() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 3, 1).await;
    let agent = plain(&one).await;
    let dialler = dialler();
    let node = node(&dialler, &agent, &one).await;
    let hang = Faults {
        fault: Some(Fault::Hang),
        ..Faults::default()
    };
    let garbage = Faults {
        fault: Some(Fault::Garbage),
        ..Faults::default()
    };
    for (faults, kind, open) in [
        (garbage, FailureKind::BadBody, true),
        (hang, FailureKind::TimedOut, false),
    ] {
        one.set_faults(faults);
        let mut asked = node.clone();
        let deadline = Duration::from_secs(2);
        let failure = asked.peers(deadline).await.unwrap_err();
        assert_eq!(failure.kind(), kind);
        assert_eq!(asked.is_open(), open, "{failure}");
    }
    one.kill(Stop::Closed);
    let mut asked = node.clone();
    // A kept connection is seen to be closed, or breaks; the next one is refused.
    let failures = [asked.peers(LONG).await, asked.peers(LONG).await];
    let last = failures[1].as_ref().unwrap_err();
    assert_eq!(last.kind(), FailureKind::Refused, "{last}");
    assert!(!asked.is_open());
    assert!(node.is_open(), "the channel has nothing to do with it");
    assert_eq!(dialler.channels.open(), 1);
    agent.end().await;
}

/// Another Kubo behind the agent: no call reaches it.
#[tokio::test]
async fn kubo_swapped_behind_the_agent() {
    let fleet = Fleet::certain();
    let (one, other) = (fake(&fleet, 4, 1).await, fake(&fleet, 4, 2).await);
    let agent = plain(&one).await;
    let before = node(&dialler(), &agent, &one).await;
    let new = peer_id(77);
    one.restart(Stop::Closed, Some(new)).await.unwrap();
    let add = Call::PeeringAdd {
        addresses: vec![swarm(&other)],
    };
    // Whichever connections were kept: at the latest the second call meets the new Kubo.
    let mut refused = before.clone();
    for _ in 0..2 {
        refused = before.clone();
        refused.apply(&add, LONG).await.unwrap_err();
    }
    let error = refused.apply(&add, LONG).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::WrongIdentity, "{error}");
    assert!(!error.answered() && !refused.is_open());
    assert!(
        direct(&one)
            .await
            .peering(LONG)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    // And nobody who expects the old one gets a node.
    let introduction = introduced(&dialler(), &agent.endpoint, None).await.unwrap();
    assert_eq!(introduction.peer_id(), new);
    assert!(
        introduction
            .accept(Expected::Peer(before.peer_id()))
            .is_err()
    );
    agent.end().await;
}

/// An address that leads to another pod's agent.
#[tokio::test]
async fn another_pod() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 5, 1).await;
    let agent = plain(&one).await;
    let gated = dialler().open(&agent.endpoint, None, LONG).await.unwrap();
    let gated = gated.gate(LONG).await.unwrap().unwrap();
    let refused = gated.introduce(Some("another"), LONG).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::WrongIdentity);
    assert!(refused.to_string().contains(POD), "{refused}");
    agent.end().await;
}

/// None, 0, older, same, newer, too old, too new.
#[tokio::test]
async fn the_version_matrix() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 6, 1).await;
    let ours = ApiVersions { current: 3, min: 2 };
    let dialler = kubomesh_agent_api::Dialler {
        versions: ours,
        ..dialler()
    };
    let absent = kubomesh_core::Endpoint::http(one.api().ip(), 9);
    let refused = dialler.open(&absent, None, LONG).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Refused);
    for (current, min, usable) in [
        (0, 0, false),
        (1, 1, false),
        (2, 1, true),
        (3, 2, true),
        (4, 3, true),
        (4, 4, false),
    ] {
        let theirs = ApiVersions { current, min };
        let agent = of_version(&one, theirs).await;
        let channel = dialler.open(&agent.endpoint, None, LONG).await.unwrap();
        let gated = channel.gate(LONG).await.unwrap();
        assert_eq!(gated.is_ok(), usable, "{theirs}");
        let expected = match current {
            0 => Some(Unusable::None),
            1 => Some(Unusable::TooOld { theirs, ours }),
            4 if min == 4 => Some(Unusable::TooNew { theirs, ours }),
            _ => None,
        };
        assert_eq!(gated.err(), expected);
        agent.end().await;
    }
}

/// A channel that is lost stays lost, also when an agent listens there again.
#[tokio::test]
async fn a_lost_channel_stays_lost() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 7, 1).await;
    let dialler = dialler();
    let agent = plain(&one).await;
    let mut node = node(&dialler, &agent, &one).await;
    let port = agent.endpoint.port;
    agent.end().await;
    tokio::time::timeout(LONG, node.closed()).await.unwrap();
    assert!(!node.is_open());
    let security = kubomesh_agent::Security::Plaintext;
    let again = common::started(&one, security, ApiVersions::OWN, port).await;
    let error = node.peers(LONG).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Disconnected, "{error}");
    assert_eq!(one.counts().by_verb.get("swarm/peers"), None);
    drop(node);
    dialler.tasks.close();
    tokio::time::timeout(LONG, dialler.tasks.wait())
        .await
        .unwrap();
    assert_eq!(dialler.channels.open(), 0);
    again.end().await;
}

/// A thousand channels opened and closed: none is left, on either side.
#[tokio::test]
async fn channels_do_not_leak() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 8, 1).await;
    let agent = plain(&one).await;
    let dialler = dialler();
    let kept = node(&dialler, &agent, &one).await;
    assert_eq!(dialler.channels.open(), 1);
    for _ in 0..100 {
        let some = (0..10).map(|_| dialler.open(&agent.endpoint, None, LONG));
        let some = futures::future::try_join_all(some).await.unwrap();
        assert_eq!(dialler.channels.open(), 11);
        drop(some);
        let closed = async {
            while dialler.channels.open() > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, closed).await.unwrap();
    }
    assert!(kept.is_open());
    drop(kept);
    dialler.tasks.close();
    tokio::time::timeout(LONG, dialler.tasks.wait())
        .await
        .unwrap();
    assert_eq!(dialler.channels.open(), 0);
    agent.end().await;
}
