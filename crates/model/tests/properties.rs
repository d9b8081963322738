//! What holds in every world, whatever happens in it.

use std::time::Duration;

use kubomesh_core::{Network, Timestamp};
use kubomesh_model::{
    Closing, Cut, Event, Interface, NodeIndex, NodeSpec, Overlap, Routing, Settings, Stop, What,
    World, peer_id,
};
use proptest::prelude::*;

const NODES: u32 = 6;

/// One thing that somebody does; nodes are taken modulo their number.
#[derive(Debug, Clone)]
enum Act {
    Connect(u32, u32),
    Disconnect(u32, u32),
    Protect(u32, u32),
    Unprotect(u32, u32),
    Filter(u32, u32),
    Unfilter(u32),
    Restart(u32, bool, bool),
    Stop(u32, bool),
    Start(u32),
    Move(u32, u8),
    Cut(u32, u32),
    Mend,
    Dial(u32, u32),
    Circuit(u32, u32, bool),
    Pass(u16),
}

fn act() -> impl Strategy<Value = Act> {
    let node = 0..NODES;
    let pair = || (0..NODES, 0..NODES);
    prop_oneof![
        6 => pair().prop_map(|(a, b)| Act::Connect(a, b)),
        2 => pair().prop_map(|(a, b)| Act::Disconnect(a, b)),
        4 => pair().prop_map(|(a, b)| Act::Protect(a, b)),
        1 => pair().prop_map(|(a, b)| Act::Unprotect(a, b)),
        1 => pair().prop_map(|(a, b)| Act::Filter(a, b)),
        1 => node.clone().prop_map(Act::Unfilter),
        1 => (0..NODES, any::<bool>(), any::<bool>()).prop_map(|(a, b, c)| Act::Restart(a, b, c)),
        1 => (0..NODES, any::<bool>()).prop_map(|(a, b)| Act::Stop(a, b)),
        2 => node.prop_map(Act::Start),
        1 => (0..NODES, 100u8..110).prop_map(|(a, b)| Act::Move(a, b)),
        1 => pair().prop_map(|(a, b)| Act::Cut(a, b)),
        1 => Just(Act::Mend),
        2 => pair().prop_map(|(a, b)| Act::Dial(a, b)),
        1 => (0..NODES, 0..NODES, any::<bool>()).prop_map(|(a, b, c)| Act::Circuit(a, b, c)),
        6 => (0u16..20_000).prop_map(Act::Pass),
    ]
}

fn ip(last: u8) -> std::net::IpAddr {
    std::net::Ipv4Addr::new(10, 77, 1, last).into()
}

fn build(seed: u64) -> World {
    let settings = Settings {
        history: true,
        routing: Routing::Everything,
        ..Settings::default()
    };
    let mut world = World::new(settings, seed, Timestamp(1_000));
    for number in 0..NODES {
        let last = u8::try_from(number + 1).unwrap_or(u8::MAX);
        let spec = NodeSpec::new(&format!("n{number}"), peer_id(number.into()), ip(last));
        world.launch(spec.water(1, 3));
    }
    world
}

fn own(world: &World, node: NodeIndex) -> (String, String) {
    let spec = world.node(node).spec();
    let to = format!(
        "/ip4/{}/tcp/4001/p2p/{}",
        spec.interfaces[0].ip, spec.peer_id
    );
    (to, spec.peer_id.to_string())
}

fn perform(world: &mut World, act: &Act, fresh: &mut u64) {
    let how = |silent: bool| if silent { Stop::Silent } else { Stop::Closed };
    let peer = |world: &World, node: u32| world.node(NodeIndex(node)).spec().peer_id;
    match *act {
        Act::Connect(a, b) => {
            let (to, _) = own(world, NodeIndex(b));
            let _ = world.connect(NodeIndex(a), &[&to], Some(Duration::from_secs(15)));
        }
        Act::Disconnect(a, b) => {
            let (_, id) = own(world, NodeIndex(b));
            let _ = world.disconnect(NodeIndex(a), &[&format!("/p2p/{id}")]);
        }
        Act::Protect(a, b) => {
            let (to, _) = own(world, NodeIndex(b));
            let _ = world.peering_add(NodeIndex(a), &[&to]);
        }
        Act::Unprotect(a, b) => {
            let (_, id) = own(world, NodeIndex(b));
            let _ = world.peering_rm(NodeIndex(a), &[&id]);
        }
        Act::Filter(a, b) => {
            let entry = format!("/ip4/10.77.1.{}/ipcidr/32", b + 1);
            let _ = world.filters_add(NodeIndex(a), &[&entry], Overlap::Concurrent);
        }
        Act::Unfilter(a) => {
            let _ = world.filters_rm(NodeIndex(a), &["all"], Overlap::None);
        }
        Act::Restart(a, silent, renamed) => {
            *fresh += 1;
            let identity = renamed.then(|| peer_id(*fresh));
            world.step(Event::Restart(NodeIndex(a), how(silent), identity));
        }
        Act::Stop(a, silent) => world.step(Event::Stop(NodeIndex(a), how(silent))),
        Act::Start(a) => world.step(Event::Start(NodeIndex(a))),
        Act::Move(a, last) => {
            let there = Interface {
                network: Network::Pod,
                ip: ip(last),
            };
            world.step(Event::Move(NodeIndex(a), vec![there]));
        }
        Act::Cut(a, b) => world.cut(Cut::Pair(NodeIndex(a), NodeIndex(b))),
        Act::Mend => world.mend_all(),
        Act::Dial(a, b) => {
            let peer = peer(world, b);
            world.step(Event::Dial(NodeIndex(a), peer));
        }
        Act::Circuit(a, b, limited) => {
            let via = "/ip4/10.77.1.250/tcp/4001/p2p/12D3KooWrelay";
            world.circuit(NodeIndex(a), NodeIndex(b), via, limited);
        }
        Act::Pass(millis) => {
            world.advance(world.now() + Duration::from_millis(millis.into()));
        }
    }
}

/// Nothing that was closed by the connection manager was protected at that moment: peering entries
/// do not change while time only passes, and a restart would have emptied the list.
fn nothing_protected_was_trimmed(world: &mut World) -> Result<(), TestCaseError> {
    for happening in world.history() {
        if let What::Closed(peer, Closing::Trimmed) = happening.what {
            prop_assert!(!world.node(happening.node).protects(peer), "{happening:?}");
        }
    }
    Ok(())
}

/// A connection that one end lists and the other does not must be known as half-open: after the
/// longest time that a stale one may live, with nothing else happening, all are whole.
fn quiet_makes_whole(world: &mut World) -> Result<(), TestCaseError> {
    world.mend_all();
    for node in 0..NODES {
        for peer in world.peering_ls(NodeIndex(node)).unwrap_or_default() {
            let _ = world.peering_rm(NodeIndex(node), &[&peer.peer.to_string()]);
        }
    }
    world.advance(world.now() + Duration::from_secs(200));
    world.audit().map_err(TestCaseError::fail)?;
    for node in (0..NODES).map(NodeIndex) {
        let Ok(list) = world.peers(node) else {
            continue;
        };
        let own = world.node(node).spec().peer_id;
        for connection in list {
            let Some(far) = world.find_peer(connection.peer) else {
                return Err(TestCaseError::fail(format!(
                    "{node:?} lists one that does not run"
                )));
            };
            let back = world.peers(far).unwrap_or_default();
            prop_assert!(
                back.iter().any(|c| c.peer == own),
                "{far:?} does not list {node:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn worlds_are_consistent(seed: u64, acts in prop::collection::vec(act(), 1..80)) {
        let mut world = build(seed);
        let mut fresh = 1_000;
        for act in &acts {
            perform(&mut world, act, &mut fresh);
            world.audit().map_err(|why| TestCaseError::fail(format!("after {act:?}: {why}")))?;
            nothing_protected_was_trimmed(&mut world)?;
        }
        quiet_makes_whole(&mut world)?;
    }

    #[test]
    fn a_seed_is_a_history(seed: u64, acts in prop::collection::vec(act(), 1..60)) {
        let run = |seed| {
            let mut world = build(seed);
            let mut fresh = 1_000;
            let mut told = Vec::new();
            for act in &acts {
                perform(&mut world, act, &mut fresh);
                told.extend(world.history());
            }
            (told, world.digest())
        };
        let (one, other) = (run(seed), run(seed));
        prop_assert_eq!(one, other);
        prop_assert_ne!(run(seed).1, run(seed.wrapping_add(1)).1);
    }
}
