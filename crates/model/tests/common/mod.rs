//! What the tests of the model share: small worlds and short ways to ask them.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use kubomesh_core::{Connection, PeerId, Timestamp};
use kubomesh_model::{Filter, NodeIndex, NodeSpec, Refusal, Settings, World, peer_id};

pub(crate) fn pod(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 77, 1, last).into()
}

pub(crate) fn storage(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 168, 77, last).into()
}

pub(crate) fn id(number: u8) -> PeerId {
    peer_id(u64::from(number))
}

/// Node `number` on the pod network.
pub(crate) fn spec(number: u8) -> NodeSpec {
    NodeSpec::new(&format!("n{number}"), id(number), pod(number))
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Nodes 1 to `count` on the pod network, running, nothing left to chance.
pub(crate) fn world(count: u8) -> World {
    with(&Settings::certain(), (1..=count).map(spec))
}

pub(crate) fn with(settings: &Settings, specs: impl IntoIterator<Item = NodeSpec>) -> World {
    let mut world = World::new(
        Settings {
            history: true,
            ..settings.clone()
        },
        7,
        Timestamp(1_000_000),
    );
    for spec in specs {
        world.launch(spec);
    }
    world
}

/// The index of node `number`.
pub(crate) fn n(number: u8) -> NodeIndex {
    NodeIndex(u32::from(number) - 1)
}

/// What node `number` is told to connect to, on the pod network.
pub(crate) fn at(number: u8) -> String {
    format!("/ip4/{}/tcp/4001/p2p/{}", pod(number), id(number))
}

/// `connect` on one node to another, waited for.
pub(crate) fn connect(world: &mut World, from: u8, to: u8) -> Result<Vec<String>, Refusal> {
    connect_to(world, from, &at(to))
}

pub(crate) fn connect_to(world: &mut World, from: u8, to: &str) -> Result<Vec<String>, Refusal> {
    let begun = world.connect(n(from), &[to], Some(secs(15)));
    world.wait(begun)
}

pub(crate) fn pass(world: &mut World, seconds: u64) {
    world.advance(world.now() + secs(seconds));
    world.audit().expect("no contradiction");
}

pub(crate) fn listed(world: &World, node: u8) -> Vec<Connection> {
    world.peers(n(node)).expect("it runs")
}

/// The peers that a node lists, by number.
pub(crate) fn peers(world: &World, node: u8) -> Vec<u8> {
    let list = listed(world, node);
    let mut numbers: Vec<u8> = list
        .iter()
        .filter_map(|c| (0..=255).find(|number| id(*number) == c.peer))
        .collect();
    numbers.sort_unstable();
    numbers
}

pub(crate) fn message(end: Result<Vec<String>, Refusal>) -> String {
    end.expect_err("it fails").to_string()
}

/// The pod network as a filter.
pub(crate) fn pods() -> Filter {
    Filter::parse("/ip4/10.77.0.0/ipcidr/16").expect("a filter")
}

/// `disconnect` of all connections of one node with another.
pub(crate) fn apart(world: &mut World, from: u8, to: u8) {
    let peer = format!("/p2p/{}", id(to));
    world.disconnect(n(from), &[&peer]).expect("200");
}
