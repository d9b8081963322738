//! Samples of healed links.

use std::net::SocketAddr;

use kubomesh_core::PeerId;

use super::samples;
use crate::desired::Pairs;
use crate::stage::{Event, FleetNode};

const IDS: [&str; 3] = [
    "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
    "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X",
    "12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3",
];

fn nodes() -> Vec<FleetNode> {
    let node = |id: &&str| FleetNode {
        name: id[..12].into(),
        api: SocketAddr::from(([127, 0, 0, 1], 5001)),
        peer_id: id.parse::<PeerId>().unwrap(),
        zone: String::new(),
    };
    IDS.iter().map(node).collect()
}

fn event(at_ms: u64, node: usize, what: &str, peer: usize) -> Event {
    let peer = Some(nodes()[peer].peer_id);
    Event {
        at_ms,
        node: nodes()[node].name.clone(),
        what: what.into(),
        peer,
    }
}

#[test]
fn a_link_counts_from_its_later_start_to_its_later_end() {
    let pairs = Pairs::from([(0, 1), (0, 2), (1, 2)]);
    let events = [
        event(100, 0, "started", 0),
        event(130, 1, "started", 1),
        event(150, 0, "opened", 1),
        event(151, 1, "opened", 0),
        event(110, 0, "opened", 2),
        event(112, 2, "opened", 0),
        // Broke and came again.
        event(118, 2, "opened", 0),
        event(119, 0, "opened", 2),
        event(160, 1, "opened", 2),
        event(160, 2, "opened", 1),
    ];
    assert_eq!(
        samples(&nodes(), &pairs, &events, None).unwrap(),
        [21.0, 19.0, 30.0]
    );
}

#[test]
fn with_a_ready_event_a_link_counts_from_that() {
    let pairs = Pairs::from([(0, 1)]);
    let events = [
        event(100, 0, "started", 0),
        event(150, 0, "opened", 1),
        event(151, 1, "opened", 0),
    ];
    let taken = |written| samples(&nodes(), &pairs, &events, Some(written)).unwrap();
    assert_eq!(taken(120), [31.0]);
    assert_eq!(taken(160), [0.0], "it was back before anybody wrote it");
}

#[test]
fn links_of_others_do_not_count() {
    let pairs = Pairs::from([(1, 2)]);
    assert!(
        samples(&nodes(), &pairs, &[event(100, 0, "started", 0)], None)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_link_that_one_end_does_not_list_is_an_error() {
    let pairs = Pairs::from([(0, 1)]);
    let events = [
        event(100, 0, "started", 0),
        event(105, 0, "opened", 1),
        event(99, 1, "opened", 0),
    ];
    let error = samples(&nodes(), &pairs, &events, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not list"), "{error}");
}
