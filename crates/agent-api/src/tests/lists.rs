//! What an agent lists is believed as little as what a node does.

use kubomesh_core::{FailureKind, MAX_CONNECTIONS, MAX_PEERING, MAX_STRINGS, PeerId};

use crate::{read, wire};

const OWN: &str = "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M";
const OTHER: &str = "12D3KooWHQb7MX7pT9sB1L5epFAkfXaf3HqGu2oRuBZMchSV5roK";

fn own() -> PeerId {
    OWN.parse().unwrap()
}

fn connection(peer: &str, address: &str) -> wire::Connection {
    wire::Connection {
        peer_id: peer.into(),
        address: address.into(),
        direction: wire::Direction::Outbound.into(),
    }
}

#[test]
fn nonsense_is_left_out_and_told_of() {
    let listed = [
        connection(OTHER, "/ip4/10.0.0.1/tcp/4001"),
        connection("nobody", "/ip4/10.0.0.1/tcp/4001"),
        connection(OTHER, "ten"),
        connection(OWN, "/ip4/10.0.0.1/tcp/4001"),
    ];
    let listing = read::connections("swarm/peers", &listed, "", own()).unwrap();
    assert_eq!(listing.entries.len(), 1);
    let warning = listing.warning.unwrap();
    assert!(
        warning.starts_with("swarm/peers: 3 of 4 entries left out"),
        "{warning}"
    );
}

#[test]
fn lists_are_bounded() {
    let many = vec![wire::Connection::default(); MAX_CONNECTIONS + 1];
    let refused = read::connections("swarm/peers", &many, "", own()).unwrap_err();
    assert_eq!(refused.kind(), FailureKind::BodyTooLarge);
    let many = vec![wire::PeeringEntry::default(); MAX_PEERING + 1];
    let refused = read::peering("swarm/peering/ls", &many, "").unwrap_err();
    assert_eq!(refused.kind(), FailureKind::BodyTooLarge);
    let wide = wire::PeeringEntry {
        addresses: vec![String::new(); 70_000],
        ..wire::PeeringEntry::default()
    };
    let refused = read::peering("swarm/peering/ls", &[wide], "").unwrap_err();
    assert_eq!(refused.kind(), FailureKind::BodyTooLarge);
    let many = vec![String::new(); MAX_STRINGS + 1];
    let refused = read::texts("swarm/filters", &many, "").unwrap_err();
    assert_eq!(refused.kind(), FailureKind::BodyTooLarge);
}

/// What the agent itself had to leave out is passed on, as one line.
#[test]
fn a_warning_is_passed_on() {
    let listing = read::texts("swarm/filters", &[], "two\nlines").unwrap();
    assert_eq!(listing.warning.as_deref(), Some("two lines"));
}
