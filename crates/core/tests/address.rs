//! What the product reads from a multiaddr.

use kubomesh_core::{Address, PeerId};

const ID: &str = "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M";
const RELAY: &str = "12D3KooWHQb7MX7pT9sB1L5epFAkfXaf3HqGu2oRuBZMchSV5roK";

#[test]
fn a_tcp_address_tells_ip_and_port() {
    let address = Address::parse("/ip4/10.77.1.4/tcp/4001").unwrap();
    assert_eq!(address.ip(), Some("10.77.1.4".parse().unwrap()));
    assert_eq!(address.port(), Some(4001));
    assert!(!address.is_relayed());
    assert_eq!(address.peer(), None);
    assert_eq!(address, Address::tcp("10.77.1.4".parse().unwrap(), 4001));
}

#[test]
fn ipv6_and_quic_are_read() {
    let address = Address::parse("/ip6/fd00::4/udp/4001/quic-v1").unwrap();
    assert_eq!(address.ip(), Some("fd00::4".parse().unwrap()));
    assert_eq!(address.port(), Some(4001));
    assert_eq!(
        Address::tcp("fd00::4".parse().unwrap(), 1).as_str(),
        "/ip6/fd00::4/tcp/1"
    );
}

#[test]
fn a_circuit_is_relayed_and_its_peer_is_the_far_end() {
    let text = format!("/ip4/10.0.0.1/tcp/4001/p2p/{RELAY}/p2p-circuit");
    let open = Address::parse(&text).unwrap();
    assert!(open.is_relayed());
    assert_eq!(open.peer(), None, "the relay is not the far end");
    let id: PeerId = ID.parse().unwrap();
    let whole = open.with_peer(id);
    assert_eq!(whole.peer(), Some(id));
    assert_eq!(whole.as_str(), format!("{text}/p2p/{ID}"));
    assert_eq!(Address::parse(whole.as_str()).unwrap().peer(), Some(id));
}

#[test]
fn text_that_is_no_multiaddr_is_refused_with_the_text_and_kept_leniently() {
    let refused = Address::parse("10.0.0.1:4001").unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("`10.0.0.1:4001` is not a multiaddr: ")
    );
    let kept = Address::lenient("/ip4/10.0.0.1/nosuch/1");
    assert_eq!(kept.as_str(), "/ip4/10.0.0.1/nosuch/1");
    assert_eq!(kept.ip(), None);
    assert!(
        Address::parse(&"/ip4/1.2.3.4".repeat(200)).is_err(),
        "longer than 1,024 characters"
    );
}

#[test]
fn a_dns_address_has_no_ip() {
    let address = Address::parse("/dns4/node-0.kubo/tcp/4001").unwrap();
    assert_eq!((address.ip(), address.port()), (None, Some(4001)));
}
