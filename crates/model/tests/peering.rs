//! The peering service against boxo's (kubo.md 3).

#[cfg(test)]
mod common;

use common::*;
use kubomesh_core::{PeeringEntry, Timestamp};
use kubomesh_model::{Event, PEERING_MAX, Refusal, Stop, What, World};

/// When node 1 opens its next connection, counted from now, within `most` seconds.
fn opens_after(world: &mut World, most: u64) -> Option<u64> {
    let start = world.now();
    world.history();
    for _ in 0..most * 10 {
        world.advance(world.now() + std::time::Duration::from_millis(100));
        let opened =
            |h: &kubomesh_model::Happening| h.node == n(1) && matches!(h.what, What::Opened(..));
        if let Some(found) = world.history().iter().find(|happening| opened(happening)) {
            return u64::try_from(found.at.since(start).as_millis()).ok();
        }
    }
    None
}

#[test]
fn the_first_dial_comes_after_seven_and_a_half_to_twelve_and_a_half_seconds() {
    let mut seen = Vec::new();
    for seed in 0..60 {
        let settings = kubomesh_model::Settings {
            history: true,
            ..Default::default()
        };
        let mut world = World::new(settings, seed, Timestamp(5_000));
        world.launch(spec(1));
        world.launch(spec(2));
        let lines = world.peering_add(n(1), &[&at(2)]).expect("200");
        assert_eq!(lines, [id(2)]);
        assert!(peers(&world, 1).is_empty(), "registering connects nothing");
        seen.push(opens_after(&mut world, 20).expect("it dials"));
    }
    assert!(
        seen.iter().all(|ms| (7_500..12_600).contains(ms)),
        "{seen:?}"
    );
    assert!(seen.iter().max() > seen.iter().min(), "there is jitter");
}

#[test]
fn failures_stretch_the_delay_up_to_ten_minutes_and_a_connection_resets_it() {
    let mut world = world(2);
    world.stop(n(2), Stop::Closed);
    world.peering_add(n(1), &[&at(2)]).expect("200");
    let mut failures = Vec::new();
    for _ in 0..4 * 3600 {
        world.advance(world.now() + secs(1));
        let failed = |h: &kubomesh_model::Happening| matches!(h.what, What::DialFailed(_));
        failures.extend(world.history().into_iter().filter(failed).map(|h| h.at));
    }
    let gaps: Vec<_> = failures
        .windows(2)
        .map(|pair| pair[1].since(pair[0]))
        .collect();
    let (first, last) = (gaps[0], gaps[gaps.len() - 1]);
    assert!(first >= secs(11) && first <= secs(32), "{first:?}");
    assert!(
        last <= PEERING_MAX + secs(1) && last >= secs(9 * 60),
        "{last:?}"
    );
    assert!(
        gaps.windows(2).take(3).all(|pair| pair[1] > pair[0]),
        "{gaps:?}"
    );

    world.start(n(2));
    connect(&mut world, 1, 2).expect("it works");
    world
        .disconnect(n(1), &[&format!("/p2p/{}", id(2))])
        .expect("200");
    // Row 34: connected again after 10.5 s.
    let again = opens_after(&mut world, 20).expect("it dials");
    assert!((7_500..12_600).contains(&again), "{again}");
}

#[test]
fn adding_a_known_peer_replaces_its_addresses_and_nothing_else() {
    let mut world = world(3);
    let nowhere = format!("/ip4/10.77.9.9/tcp/4001/p2p/{}", id(2));
    world.peering_add(n(1), &[&nowhere]).expect("200");
    let due = world.next_due();
    world.peering_add(n(1), &[&at(2)]).expect("200");
    assert_eq!(world.next_due(), due, "the running timer goes on");
    let entries = world.peering_ls(n(1)).expect("it runs");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].addresses[0].as_str(), "/ip4/10.77.1.2/tcp/4001");
}

#[test]
fn removing_keeps_the_connection_and_is_success_for_strangers() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    world.peering_add(n(1), &[&at(2)]).expect("200");
    assert!(world.node(n(1)).protects(id(2)));
    let gone = world.peering_rm(n(1), &[&id(2).to_string(), &id(9).to_string()]);
    assert_eq!(gone.expect("200"), [id(2), id(9)]);
    assert!(!world.node(n(1)).protects(id(2)));
    assert_eq!(peers(&world, 1), [2]);
    world
        .disconnect(n(2), &[&format!("/p2p/{}", id(1))])
        .expect("200");
    assert_eq!(opens_after(&mut world, 60), None, "nobody dials again");
}

/// Row 34: while one end holds an entry, a disconnect adds nothing.
#[test]
fn the_other_ends_entry_brings_the_connection_back() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    world.peering_add(n(2), &[&at(1)]).expect("200");
    world
        .disconnect(n(1), &[&format!("/p2p/{}", id(2))])
        .expect("200");
    let again = opens_after(&mut world, 20).expect("the other end dials");
    assert!((7_500..12_600).contains(&again), "{again}");
}

#[test]
fn a_bad_argument_refuses_all() {
    let mut world = world(2);
    let refused = world.peering_add(n(1), &[&at(2), "/ip4/10.77.1.4/tcp/4001"]);
    assert_eq!(
        refused,
        Err(Refusal::Message("invalid p2p multiaddr".into()))
    );
    assert!(world.peering_ls(n(1)).expect("it runs").is_empty());
}

/// Row 33 and row 24: run-time entries are gone with the process, those of the config are back.
#[test]
fn a_restart_forgets_all_but_the_config() {
    let mut first = spec(1);
    let address = kubomesh_core::Address::tcp(pod(3), 4001);
    first.config_peering = vec![PeeringEntry {
        peer: id(3),
        addresses: vec![address],
    }];
    let mut world = with(
        &kubomesh_model::Settings::certain(),
        [first, spec(2), spec(3)],
    );
    world.peering_add(n(1), &[&at(2)]).expect("200");
    world.peering_rm(n(1), &[&id(3).to_string()]).expect("200");
    world.step(Event::Restart(n(1), Stop::Closed, None));
    let entries = world.peering_ls(n(1)).expect("it runs");
    assert_eq!(
        entries.iter().map(|entry| entry.peer).collect::<Vec<_>>(),
        [id(3)]
    );
    pass(&mut world, 15);
    assert_eq!(
        peers(&world, 1),
        [3],
        "an entry of the config is dialled at the start"
    );
}

/// kubo.md 3, "stuck state": a limited circuit is enough for the dial and not for the entry.
#[test]
fn a_limited_circuit_stops_an_entry_for_good() {
    let mut world = world(2);
    let via = format!("/ip4/10.77.1.9/tcp/4001/p2p/{}", id(9));
    assert!(world.circuit(n(1), n(2), &via, true));
    world.peering_add(n(1), &[&at(2)]).expect("200");
    assert_eq!(opens_after(&mut world, 900), None);
    let circuit = listed(&world, 1)[0].address.with_peer(id(2)).to_string();
    world.disconnect(n(1), &[&circuit]).expect("200");
    assert_eq!(
        opens_after(&mut world, 900),
        None,
        "the fired timer is never set again"
    );
    world.peering_rm(n(1), &[&id(2).to_string()]).expect("200");
    world.peering_add(n(1), &[&at(2)]).expect("200");
    assert!(
        opens_after(&mut world, 20).is_some(),
        "only a new entry helps"
    );
}

/// Peering does not clear the swarm's back-off; `connect` does (kubo.md 1.3, 3).
#[test]
fn only_connect_clears_the_back_off() {
    let mut world = world(2);
    world.stop(n(2), Stop::Closed);
    let refused = message(connect(&mut world, 1, 2));
    assert!(refused.contains("connection refused"), "{refused}");
    world.start(n(2));
    world.step(Event::Dial(n(1), id(2)));
    assert!(peers(&world, 1).is_empty(), "the address is in back-off");
    connect(&mut world, 1, 2).expect("it works");
}
