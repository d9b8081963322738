//! Every fault of a fake shows as what it is.

#[cfg(test)]
mod common;

use std::time::{Duration, Instant};

use common::*;
use kubomesh_core::Direction;
use kubomesh_model::peer_id;
use kubomesh_testkit::{Claim, FakeKubo, Fault, Faults, Fleet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HOST: u8 = 33;

async fn with_fault(fleet: &Fleet, number: u8, fault: Fault) -> FakeKubo {
    let one = fake(fleet, HOST, number).await;
    one.set_faults(Faults::of(fault));
    one
}

#[tokio::test]
async fn it_hangs_only_where_it_is_told_to() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, HOST, 1).await;
    one.set_faults(Faults::of(Fault::Hang).only(&["swarm/peers"]));
    json(&one, "id").await;
    let (bytes, _) = raw(&one, "swarm/peers", Duration::from_millis(200)).await;
    assert!(bytes.is_empty());
    one.set_faults(Faults::default());
    json(&one, "swarm/peers").await;
    fleet.end().await;
}

#[tokio::test]
async fn latency_is_added_to_each_call() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, HOST, 2).await;
    one.set_faults(Faults::slow(Duration::from_millis(120)));
    let started = Instant::now();
    json(&one, "id").await;
    assert!(started.elapsed() >= Duration::from_millis(120));
    fleet.end().await;
}

#[tokio::test]
async fn dials_take_as_long_as_the_fault_says() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 3).await, fake(&fleet, HOST, 4).await);
    one.set_faults(Faults {
        dial_ms: Some(150),
        ..Faults::default()
    });
    let started = Instant::now();
    json(&one, &format!("swarm/connect?arg={}", to(&two))).await;
    assert!(started.elapsed() >= Duration::from_millis(150));
    fleet.end().await;
}

#[tokio::test]
async fn a_slow_body_is_whole_in_the_end() {
    let fleet = Fleet::certain();
    let one = with_fault(&fleet, 5, Fault::SlowBody { pause_ms: 2 }).await;
    let started = Instant::now();
    assert_eq!(
        json(&one, "swarm/peering/ls").await,
        serde_json::json!({"Peers": []})
    );
    assert!(started.elapsed() >= Duration::from_millis(20));
    fleet.end().await;
}

#[tokio::test]
async fn an_endless_body_never_ends() {
    let fleet = Fleet::certain();
    let one = with_fault(&fleet, 6, Fault::EndlessBody).await;
    let mut stream = TcpStream::connect(one.api()).await.expect("it listens");
    let request = "POST /api/v0/swarm/peers HTTP/1.1\r\nHost: x\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut buffer = vec![0u8; 1 << 16];
    let mut total = 0;
    while total < 32 << 20 {
        let read = stream.read(&mut buffer).await.expect("it goes on");
        assert_ne!(read, 0, "it ended after {total} bytes");
        total += read;
    }
    fleet.end().await;
}

#[tokio::test]
async fn wrong_bodies() {
    let fleet = Fleet::certain();
    let one = with_fault(&fleet, 7, Fault::Html).await;
    let (status, body) = call(&one, "id").await.expect("it answers");
    assert_eq!((status, &body[..9]), (200, &b"<!DOCTYPE"[..]));

    one.set_faults(Faults::of(Fault::Garbage));
    let (status, body) = call(&one, "id").await.expect("it answers");
    assert_eq!(status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err());

    let text = r#"{"ID":"nobody"}"#.to_owned();
    one.set_faults(Faults::of(Fault::Body { text }));
    assert_eq!(json(&one, "id").await, serde_json::json!({"ID": "nobody"}));

    one.set_faults(Faults::of(Fault::NullLists));
    let nulls = json(&one, "swarm/peering/ls").await;
    assert_eq!(nulls, serde_json::json!({"Peers": null}));

    one.set_faults(Faults::of(Fault::DeepNesting));
    let (_, body) = call(&one, "swarm/peers").await.expect("it answers");
    assert_eq!((body.len(), body[body.len() - 1]), (10_000_000, b'['));

    one.set_faults(Faults::of(Fault::Status { code: 502 }));
    assert_eq!(call(&one, "id").await.expect("it answers").0, 502);

    one.set_faults(Faults::of(Fault::ManyPeers { count: 2_000 }).only(&["swarm/peers"]));
    let list = peers(&one).await;
    assert_eq!(list.len(), 2_000);
    assert!(
        list.iter()
            .all(|peer| peer.parse::<kubomesh_core::PeerId>().is_ok())
    );
    fleet.end().await;
}

#[tokio::test]
async fn a_reset_comes_in_the_middle_of_the_answer() {
    let fleet = Fleet::certain();
    let one = with_fault(&fleet, 8, Fault::Reset).await;
    let (bytes, error) = raw(&one, "id", PATIENCE).await;
    let reset = error.map(|error| error.kind());
    assert_eq!(reset, Some(std::io::ErrorKind::ConnectionReset));
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");
    one.set_faults(Faults::default());
    json(&one, "id").await;
    fleet.end().await;
}

#[tokio::test]
async fn lies_are_told_to_callers_and_not_to_the_world() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 9).await, fake(&fleet, HOST, 10).await);
    json(&one, &format!("swarm/connect?arg={}", to(&two))).await;
    assert_eq!(
        peers(&one).await.len(),
        1,
        "and the truth is kept in the cache"
    );
    let claim = Claim {
        peer: peer_id(77),
        address: "/ip4/10.77.1.77/tcp/4001".into(),
        direction: Direction::Outbound,
    };
    one.set_faults(Faults {
        claims: vec![claim],
        denies: vec![two.peer_id()],
        lists_itself: true,
        identity: Some(peer_id(78)),
        ..Faults::default()
    });
    let listed = peers(&one).await;
    assert_eq!(listed, [peer_id(77).to_string(), one.peer_id().to_string()]);
    let id = json(&one, "id").await;
    assert_eq!(id["ID"], peer_id(78).to_string());
    let address = id["Addresses"][0].as_str().expect("an address");
    assert!(address.ends_with(&peer_id(78).to_string()));
    one.set_faults(Faults::default());
    assert_eq!(peers(&one).await, [two.peer_id().to_string()]);
    assert_eq!(json(&one, "id").await["ID"], one.peer_id().to_string());
    fleet.end().await;
}

#[tokio::test]
async fn pretending_says_success_and_does_nothing() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 11).await, fake(&fleet, HOST, 12).await);
    one.set_faults(Faults {
        pretends: true,
        ..Faults::default()
    });
    let said = json(&one, &format!("swarm/connect?arg={}", to(&two))).await;
    assert_eq!(
        said["Strings"][0],
        format!("connect {} success", two.peer_id())
    );
    call(&one, &format!("swarm/peering/add?arg={}", to(&two)))
        .await
        .expect("it answers");
    assert!(peers(&two).await.is_empty());
    assert_eq!(
        json(&one, "swarm/peering/ls").await,
        serde_json::json!({"Peers": []})
    );
    fleet.end().await;
}

#[test]
fn faults_are_written_as_json() {
    let text = r#"{"rtt_ms": 5, "fault": {"slow_body": {"pause_ms": 1}}, "only": ["id"]}"#;
    let faults: Faults = serde_json::from_str(text).expect("it is right");
    let expected = Faults {
        rtt_ms: 5,
        ..Faults::of(Fault::SlowBody { pause_ms: 1 })
    };
    assert_eq!(faults, expected.only(&["id"]));
    assert!(serde_json::from_str::<Faults>(r#"{"rtt": 5}"#).is_err());
}
