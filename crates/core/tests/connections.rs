//! Packed connections are the connections that were packed.
#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the failure, with its cause"
)]

use kubomesh_core::{Address, Connection, Connections, Direction, PeerId};

const PEER: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
const RSA: &str = "QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ";

fn listed(texts: &[&str]) -> Vec<Connection> {
    let peers = [PEER, RSA];
    let directions = [Direction::Outbound, Direction::Inbound, Direction::Unknown];
    let one = |(at, text): (usize, &&str)| Connection {
        peer: peers[at % 2].parse::<PeerId>().unwrap(),
        address: Address::lenient(text),
        direction: directions[at % 3],
    };
    texts.iter().enumerate().map(one).collect()
}

#[test]
fn what_was_packed_comes_out() {
    let circuit = format!("/ip4/10.0.0.1/tcp/4001/p2p/{PEER}/p2p-circuit");
    let whole = format!("/ip6/fd00::1/udp/4001/quic-v1/p2p/{RSA}");
    let long = format!("/dns4/{}/tcp/1", "x".repeat(990));
    let all = listed(&[
        "/ip4/10.0.0.1/tcp/4001",
        "/ip6/fd00::1/udp/4001/quic-v1",
        &circuit,
        &whole,
        "/dns4/example.com/tcp/443/tls/ws",
        "/of-the-future/é",
        &long,
        "/",
    ]);
    let packed: Connections = all.iter().cloned().collect();
    assert_eq!(packed.len(), all.len());
    assert_eq!(packed.iter().count(), all.len());
    for (was, is) in all.iter().zip(&packed) {
        assert_eq!(&Connection::from(is), was);
        assert_eq!(
            (is.ip, is.is_relayed),
            (was.address.ip(), was.address.is_relayed())
        );
        assert_eq!(
            (is.text, is.address().peer()),
            (was.address.as_str(), was.address.peer())
        );
    }
    assert!(Connections::default().is_empty());
}

#[test]
fn a_connection_takes_some_eighty_bytes() {
    let usual: Connections = listed(&["/ip4/203.0.113.77/udp/4001/quic-v1"; 1_000])
        .into_iter()
        .map(|one| Connection {
            peer: PEER.parse().unwrap(),
            ..one
        })
        .collect();
    assert_eq!(usual.bytes(), 81 * usual.len());
}

/// A difference, held against the same of a plain list.
#[test]
fn a_difference() {
    let texts = [
        "/ip4/10.0.0.1/tcp/1",
        "/dns4/example.com/tcp/443",
        "/ip6/fd00::1/tcp/3",
        "/",
    ];
    let before = listed(&texts);
    let packed: Connections = before.iter().cloned().collect();
    let new = listed(&["/ip4/10.0.0.9/tcp/9"]);
    let other_way = Connection {
        direction: Direction::Unknown,
        ..before[3].clone()
    };
    let gone = [before[1].clone(), other_way];
    let after = [&before[..1], &before[2..], &new[..]].concat();
    let changed = packed.changed(&gone, &new);
    assert_eq!(changed, after.into_iter().collect::<Connections>());
    assert_eq!(packed.changed(&before, &[]), Connections::default());
}
