//! The connection manager and the limits per address (kubo.md 2).

#[cfg(test)]
mod common;

use std::net::{IpAddr, Ipv6Addr};

use common::*;
use kubomesh_model::{Closing, NodeSpec, RateLimits, Settings, What, World, peer_id};

const MANY: u32 = 40;

fn numbered(number: u32) -> IpAddr {
    std::net::Ipv4Addr::from(0x0a4e_0000 + number).into()
}

/// A hub with low marks and many nodes that connect to it.
fn hub(low: i64, high: i64) -> World {
    let mut world = with(&Settings::certain(), [spec(1).water(low, high)]);
    for number in 1..=MANY {
        let peer = peer_id(1000 + u64::from(number));
        world.launch(NodeSpec::new(&format!("m{number}"), peer, numbered(number)));
    }
    world
}

fn dial_hub(world: &mut World, number: u32) {
    let begun = world.connect(kubomesh_model::NodeIndex(number), &[&at(1)], None);
    assert!(world.wait(begun).is_ok());
}

fn trimmed(world: &mut World) -> usize {
    let trimmed = |what| matches!(what, What::Closed(_, Closing::Trimmed));
    world
        .history()
        .iter()
        .filter(|happening| trimmed(happening.what))
        .count()
}

#[test]
fn trimming_waits_for_the_mark_and_for_the_grace_to_end() {
    let mut world = hub(4, 12);
    (1..=11).for_each(|number| dial_hub(&mut world, number));
    pass(&mut world, 60);
    assert_eq!(trimmed(&mut world), 0, "below HighWater nothing is trimmed");
    dial_hub(&mut world, 12);
    pass(&mut world, 11);
    // The twelfth is in grace; of the eleven others LowWater stay.
    assert_eq!(trimmed(&mut world), 7);
    assert_eq!(world.node(n(1)).open_connections(), 5);
    world.audit().expect("no contradiction");
}

#[test]
fn new_peers_are_in_grace() {
    let mut world = hub(2, 6);
    (1..=10).for_each(|number| dial_hub(&mut world, number));
    pass(&mut world, 15);
    assert_eq!(trimmed(&mut world), 0);
    pass(&mut world, 15);
    assert_eq!(world.node(n(1)).open_connections(), 2);
}

#[test]
fn protected_peers_stay_and_valued_ones_go_last() {
    let mut world = hub(2, 10);
    for number in 1..=6 {
        let peer = peer_id(1000 + number);
        let address = format!(
            "/ip4/{}/tcp/4001/p2p/{peer}",
            numbered(u32::try_from(number).expect("small"))
        );
        if number <= 4 {
            world.peering_add(n(1), &[&address]).expect("200");
        }
        // The hub dials: outgoing, and tagged.
        connect_to(&mut world, 1, &address).expect("it works");
    }
    (7..=12).for_each(|number| dial_hub(&mut world, number));
    pass(&mut world, 31);
    assert_eq!(trimmed(&mut world), 6, "the untagged ones");
    let left: Vec<_> = listed(&world, 1).iter().map(|c| c.peer).collect();
    for number in 1..=6 {
        assert!(
            left.contains(&peer_id(1000 + number)),
            "peer {number} stays"
        );
    }
}

#[test]
fn incoming_connections_go_before_outgoing_ones() {
    let mut world = hub(2, 4);
    world.settings_mut().dial_time = std::time::Duration::from_millis(1);
    for number in [1, 2] {
        // A dial by the node's own wish is not tagged.
        let peer = peer_id(1000 + number);
        let address = format!(
            "/ip4/{}/tcp/4001/p2p/{peer}",
            numbered(u32::try_from(number).expect("small"))
        );
        let ping = world.ping(n(1), &address, None);
        world.wait(ping).expect("it works");
    }
    (3..=6).for_each(|number| dial_hub(&mut world, number));
    pass(&mut world, 31);
    let mut left: Vec<_> = listed(&world, 1).iter().map(|c| c.peer).collect();
    left.sort();
    let mut outgoing = vec![peer_id(1001), peer_id(1002)];
    outgoing.sort();
    assert_eq!(left, outgoing);
}

#[test]
fn no_manager_no_trimming() {
    let mut spec = spec(1).water(1, 2);
    spec.conn_limits.kind = Some("none".into());
    let mut world = with(&Settings::certain(), [spec]);
    for number in 1..=8 {
        let peer = peer_id(1000 + u64::from(number));
        world.launch(NodeSpec::new(&format!("m{number}"), peer, numbered(number)));
        dial_hub(&mut world, number);
    }
    pass(&mut world, 120);
    assert_eq!(world.node(n(1)).open_connections(), 8);
}

/// kubo.md 2.3: all pods of one /56 share its limits.
#[test]
fn ipv6_neighbours_share_a_limit() {
    let ip = |last: u16| IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, last));
    let mut settings = Settings::certain();
    settings.rate_limits = RateLimits::Kubo;
    let mut world = with(&settings, [NodeSpec::new("hub", peer_id(1), ip(1))]);
    let mut refused = 0;
    for number in 2..=22 {
        let own = peer_id(u64::from(number));
        let node = world.launch(NodeSpec::new(&format!("v6-{number}"), own, ip(number)));
        let address = format!("/ip6/{}/tcp/4001/p2p/{}", ip(1), peer_id(1));
        let begun = world.connect(node, &[&address], None);
        refused += usize::from(world.wait(begun).is_err());
    }
    assert_eq!(refused, 5, "16 of 21 are admitted");
    pass(&mut world, 600);
    let late = world.launch(NodeSpec::new("late", peer_id(99), ip(99)));
    let begun = world.connect(
        late,
        &[&format!("/ip6/{}/tcp/4001/p2p/{}", ip(1), peer_id(1))],
        None,
    );
    assert!(message(world.wait(begun)).ends_with("failed to negotiate security protocol: EOF"));
}
