//! Nodes on two networks: what they know of each other, what they listen on, where they come from.

#[cfg(test)]
mod common;

use common::*;
use kubomesh_core::{Address, Network, Timestamp};
use kubomesh_model::{Cut, Event, Interface, NodeSpec, Overlap, Settings, Stop, World};

fn both(number: u8) -> NodeSpec {
    spec(number).on_storage(storage(number))
}

fn at_storage(number: u8) -> String {
    format!("/ip4/{}/tcp/4001/p2p/{}", storage(number), id(number))
}

fn ip_of(world: &World, node: u8) -> Option<std::net::IpAddr> {
    listed(world, node)[0].address.ip()
}

/// A peer says over the connection where it is, on every network: the next dial finds it there.
#[test]
fn one_connection_tells_of_both_networks() {
    let mut world = with(&Settings::certain(), (1..=2).map(both));
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    assert_eq!(ip_of(&world, 1), Some(storage(2)), "nothing else was known");
    apart(&mut world, 1, 2);
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    assert_eq!(ip_of(&world, 1), Some(pod(2)), "row 3");
}

/// Seen on Kubo 0.42 and 0.43 (`swarm/addrs`): an address that was given by hand goes with identify
/// unless its peer announces it, so that nodes prepared as in row 25 need no steering even after
/// they met on the pod network.
#[test]
fn what_a_peer_does_not_announce_is_forgotten() {
    let specs = (1..=2).map(|number| both(number).announce_not(&[pods()]));
    let mut world = with(&Settings::certain(), specs);
    connect(&mut world, 1, 2).expect("it still accepts there");
    assert_eq!(ip_of(&world, 1), Some(pod(2)));
    apart(&mut world, 1, 2);
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    assert_eq!(ip_of(&world, 1), Some(storage(2)));
}

/// Seen on the same: what is given while connected is known beyond the connection.
#[test]
fn what_is_given_while_connected_is_kept() {
    let specs = (1..=2).map(|number| both(number).announce_not(&[pods()]));
    let mut world = with(&Settings::certain(), specs);
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    connect(&mut world, 1, 2).expect("row 11");
    apart(&mut world, 1, 2);
    pass(&mut world, 5 * 60);
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    assert_eq!(ip_of(&world, 1), Some(pod(2)));
}

/// Row 26: a bound node listens at one address, says one address, and is nowhere else.
#[test]
fn a_bound_node_is_on_one_network() {
    let bound = |number| both(number).bound_to(Network::Storage);
    let mut world = with(&Settings::certain(), [bound(1), bound(2), both(3)]);
    let texts =
        |list: Vec<Address>| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
    let own = "/ip4/192.168.77.1/tcp/4001";
    assert_eq!(
        texts(world.listen(n(1)).expect("it runs")),
        [own, "/p2p-circuit"]
    );
    let said = world.id(n(1)).expect("it runs").addresses.expect("online");
    assert_eq!(texts(said), [format!("{own}/p2p/{}", id(1))]);

    let refused = message(connect(&mut world, 3, 1));
    assert!(
        refused.ends_with("connect: connection refused"),
        "{refused}"
    );
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    assert_eq!(
        listed(&world, 1)[0].address.as_str(),
        "/ip4/192.168.77.2/tcp/4001"
    );
    assert_eq!(listed(&world, 2)[0].address.as_str(), own);
}

/// The kernel chooses the source: a bound node dials the other network from its address there, and
/// from a port of the kernel's (row 31).
#[test]
fn a_bound_node_dials_the_other_network_from_there() {
    let specs = [both(1).bound_to(Network::Storage), both(2)];
    let mut world = with(&Settings::certain(), specs);
    connect(&mut world, 1, 2).expect("it works");
    let seen = listed(&world, 2)[0].address.clone();
    assert_eq!(seen.ip(), Some(pod(1)));
    assert_ne!(seen.as_str(), "/ip4/10.77.1.1/tcp/4001");
}

/// Row 31: never the other network's address where the node does not listen there.
#[test]
fn a_bound_node_is_not_seen_at_its_other_address() {
    let swapped = Settings {
        other_source: 1000,
        ..Settings::certain()
    };
    let mut world = with(
        &swapped,
        [both(1).bound_to(Network::Storage), both(2), both(3)],
    );
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    assert_eq!(ip_of(&world, 2), Some(storage(1)));
    connect_to(&mut world, 3, &at_storage(2)).expect("it works");
    let sources: Vec<_> = listed(&world, 2)
        .iter()
        .filter_map(|c| c.address.ip())
        .collect();
    assert!(sources.contains(&pod(3)), "{sources:?}");
}

/// A start script binds to the address of the day.
#[test]
fn a_bound_node_moves_with_its_network() {
    let mut world = with(
        &Settings::certain(),
        [both(1).bound_to(Network::Storage), both(2)],
    );
    let there = |network, ip| Interface { network, ip };
    let moved = vec![
        there(Network::Pod, pod(11)),
        there(Network::Storage, storage(11)),
    ];
    world.step(Event::Move(n(1), moved));
    let new = format!("/ip4/{}/tcp/4001/p2p/{}", storage(11), id(1));
    connect_to(&mut world, 2, &new).expect("it works");
    let listens = world.listen(n(1)).expect("it runs");
    assert!(listens.iter().all(|address| address.ip() != Some(pod(11))));
}

/// Row 5: a filter of the pod network on both ends leaves the storage network alone, both ways.
#[test]
fn filters_of_the_pod_network_are_strict() {
    let mut world = with(&Settings::certain(), (1..=2).map(both));
    for node in 1..=2 {
        let added = world.filters_add(n(node), &["/ip4/10.77.0.0/ipcidr/16"], Overlap::None);
        added.expect("added");
    }
    let refused = message(connect(&mut world, 1, 2));
    assert!(
        refused.ends_with("gater disallows connection to peer"),
        "{refused}"
    );
    for (from, to) in [(1, 2), (2, 1)] {
        connect_to(&mut world, from, &at_storage(to)).expect("it works");
        assert_eq!(ip_of(&world, from), Some(storage(to)));
        apart(&mut world, from, to);
    }
    world.step(Event::Restart(n(1), Stop::Closed, None));
    assert_eq!(
        world.filters(n(1)).expect("it runs").len(),
        1,
        "saved: row 4"
    );
}

/// With the storage network down the pod network is used, and nothing but it.
#[test]
fn a_network_that_is_down_is_gone_round() {
    let mut world = with(&Settings::certain(), (1..=2).map(both));
    connect(&mut world, 1, 2).expect("it works");
    apart(&mut world, 1, 2);
    world.step(Event::Cut(Cut::Network(Network::Storage)));
    connect_to(&mut world, 1, &at_storage(2)).expect("it works");
    assert_eq!(ip_of(&world, 1), Some(pod(2)));
    apart(&mut world, 1, 2);
    world
        .filters_add(n(1), &["/ip4/10.77.1.2/ipcidr/32"], Overlap::None)
        .expect("added");
    let before = world.now();
    let failed = message(connect_to(&mut world, 1, &at_storage(2)));
    assert!(failed.contains("i/o timeout"), "{failed}");
    assert!(failed.contains("gater disallows"), "row 35: {failed}");
    assert_eq!(world.now().since(before), secs(5));
    assert!(before > Timestamp(0));
}
