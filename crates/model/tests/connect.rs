//! `connect`, `disconnect` and what nodes list, against the measurements.

#[cfg(test)]
mod common;

use common::*;
use kubomesh_core::{Direction, Network};
use kubomesh_model::{Connectedness, RateLimits, Routing, Settings, World};

#[test]
fn both_ends_list_the_connection_at_once() {
    let mut world = world(2);
    let lines = connect(&mut world, 1, 2).expect("it works");
    assert_eq!(lines, [format!("connect {} success", id(2))]);
    let (near, far) = (listed(&world, 1), listed(&world, 2));
    assert_eq!((near.len(), far.len()), (1, 1));
    assert_eq!(near[0].direction, Direction::Outbound);
    assert_eq!(near[0].address.as_str(), "/ip4/10.77.1.2/tcp/4001");
    assert_eq!(far[0].direction, Direction::Inbound);
    assert_eq!(far[0].address.as_str(), "/ip4/10.77.1.1/tcp/4001");
    world.audit().expect("no contradiction");
}

#[test]
fn an_identity_is_a_real_peer_id() {
    assert!(id(1).to_string().starts_with("12D3KooW"));
    assert_ne!(id(1), id(2));
    assert_eq!(id(1).to_string().parse(), Ok(id(1)));
}

/// Row 11: success, nothing dialled, wherever the address leads.
#[test]
fn connected_already_is_success_without_a_dial() {
    let mut world = world(3);
    connect(&mut world, 1, 2).expect("it works");
    let nowhere = format!("/ip4/10.77.9.9/tcp/4001/p2p/{}", id(2));
    let before = world.now();
    connect_to(&mut world, 1, &nowhere).expect("it says so");
    assert_eq!(world.now(), before);
    assert_eq!(listed(&world, 1).len(), 1);
}

/// Row 3: nine of ten come up on the pod network although the storage address was asked for.
#[test]
fn the_given_address_does_not_select_the_network() {
    let settings = Settings {
        routing: Routing::Everything,
        ..Settings::default()
    };
    let (mut on_pod, mut on_storage, mut on_both) = (0, 0, 0);
    for seed in 0..400 {
        let specs = (1..=2).map(|number| spec(number).on_storage(storage(number)));
        let mut world = World::new(settings.clone(), seed, kubomesh_core::Timestamp(0));
        for spec in specs {
            world.launch(spec);
        }
        let asked = format!("/ip4/{}/tcp/4001/p2p/{}", storage(2), id(2));
        connect_to(&mut world, 1, &asked).expect("it works");
        let ips: Vec<_> = listed(&world, 1)
            .iter()
            .filter_map(|c| c.address.ip())
            .collect();
        match ips.as_slice() {
            [ip] if *ip == pod(2) => on_pod += 1,
            [_] => on_storage += 1,
            _ => on_both += 1,
        }
    }
    assert!((320..=370).contains(&on_pod), "{on_pod} on the pod network");
    assert!(on_storage > 10, "{on_storage} on the storage network");
    assert!(on_both > 5, "{on_both} on both");
}

/// Row 4: a /32 filter on the dialling side, taken away afterwards.
#[test]
fn steering_by_a_filter_brings_the_storage_network() {
    let settings = Settings {
        routing: Routing::Everything,
        ..Settings::certain()
    };
    let mut world = with(&settings, (1..=2).map(|k| spec(k).on_storage(storage(k))));
    let asked = format!("/ip4/{}/tcp/4001/p2p/{}", storage(2), id(2));
    let filter = "/ip4/10.77.1.2/ipcidr/32";
    world
        .filters_add(n(1), &[filter], kubomesh_model::Overlap::None)
        .expect("added");
    connect_to(&mut world, 1, &asked).expect("it works");
    world
        .filters_rm(n(1), &[filter], kubomesh_model::Overlap::None)
        .expect("removed");
    assert_eq!(listed(&world, 1)[0].address.ip(), Some(storage(2)));
    assert_eq!(listed(&world, 2)[0].address.ip(), Some(storage(1)));
}

#[test]
fn failures_have_the_recorded_sentences() {
    let mut world = world(3);
    let two = id(2);
    let fails = |world: &mut World, to: &str| message(connect_to(world, 1, to));

    let refused = fails(&mut world, &format!("/ip4/10.77.1.3/tcp/4999/p2p/{two}"));
    assert_eq!(
        refused,
        format!(
            "connect {two} failure: failed to dial: failed to dial {two}: all dials failed\n  * \
             [/ip4/10.77.1.3/tcp/4999] dial tcp4 10.77.1.3:4999: connect: connection refused"
        )
    );

    let started = world.now();
    let nobody = fails(&mut world, &format!("/ip4/10.77.9.9/tcp/4001/p2p/{two}"));
    let line = "\n  * [/ip4/10.77.9.9/tcp/4001] dial tcp4 10.77.9.9:4001: i/o timeout";
    assert!(nobody.ends_with(line), "{nobody}");
    // Row 35: the other known address has its line too. Row 14: five seconds.
    assert!(
        nobody.contains("\n  * [/ip4/10.77.1.3/tcp/4999] dial tcp4"),
        "{nobody}"
    );
    assert_eq!(world.now().since(started), secs(5));

    let mut world = common::world(3);
    let wrong = fails(&mut world, &format!("/ip4/10.77.1.3/tcp/4001/p2p/{two}"));
    let line = format!(
        "[/ip4/10.77.1.3/tcp/4001] failed to negotiate security protocol: peer id mismatch: \
         expected {two}, but remote key matches {}",
        id(3)
    );
    assert!(wrong.ends_with(&line), "{wrong}");

    let own = fails(&mut world, &at(1));
    assert_eq!(
        own,
        format!(
            "connect {} failure: failed to dial: dial to self attempted",
            id(1)
        )
    );

    let bad = fails(&mut world, &format!("/ip4/10.77.1.400/tcp/4001/p2p/{two}"));
    assert_eq!(
        bad,
        format!(
            "failed to parse multiaddr \"/ip4/10.77.1.400/tcp/4001/p2p/{two}\": invalid value \
             \"10.77.1.400\" for protocol ip4: failed to parse ip4 addr: 10.77.1.400"
        )
    );
    let nameless = fails(&mut world, "/ip4/10.77.1.2/tcp/4001");
    assert_eq!(nameless, "found no ipfs peers at /ip4/10.77.1.2/tcp/4001");
}

#[test]
fn a_deadline_ends_the_call_and_gives_up_the_dial() {
    let mut world = world(2);
    let nowhere = format!("/ip4/10.77.9.9/tcp/4001/p2p/{}", id(2));
    let begun = world.connect(
        n(1),
        &[&nowhere],
        Some(std::time::Duration::from_millis(200)),
    );
    let started = world.now();
    let end = world.wait(begun);
    let text = "failed to dial: context deadline exceeded";
    assert_eq!(message(end), format!("connect {} failure: {text}", id(2)));
    assert_eq!(world.now().since(started).as_millis(), 200);
}

/// Rows 7, 8, 9, and row 6: filters act on new dials only.
#[test]
fn filters_gate_both_ways_and_spare_what_is_open() {
    let overlap = kubomesh_model::Overlap::None;
    let mut world = world(3);
    connect(&mut world, 1, 3).expect("it works");
    world
        .filters_add(n(1), &["/ip4/10.77.0.0/ipcidr/16"], overlap)
        .expect("added");
    assert_eq!(peers(&world, 1), [3]);

    let here = message(connect(&mut world, 1, 2));
    let two = id(2);
    assert_eq!(
        here,
        format!(
            "connect {two} failure: failed to dial: failed to dial {two}: no good addresses\n  * \
             [/ip4/10.77.1.2/tcp/4001] gater disallows connection to peer"
        )
    );
    let there = message(connect(&mut world, 2, 1));
    let line = "[/ip4/10.77.1.1/tcp/4001] failed to negotiate security protocol: EOF";
    assert!(there.ends_with(line), "{there}");
    assert!(there.contains("all dials failed"), "{there}");

    let removed = world.filters_rm(n(1), &["/ip4/10.77.0.0/ipcidr/16"], overlap);
    assert_eq!(removed.expect("removed"), ["/ip4/10.77.0.0/ipcidr/16"]);
    let again = world.filters_rm(n(1), &["/ip4/10.77.0.0/ipcidr/16"], overlap);
    assert!(again.expect("still 200").is_empty());
    connect(&mut world, 2, 1).expect("repaired without a restart");
}

/// Row 10: the 17th dial of an address within a few seconds.
#[test]
fn dials_of_one_address_are_limited() {
    let mut world = world(2);
    let target = format!("/ip4/10.77.1.2/tcp/4999/p2p/{}", id(2));
    for _ in 0..16 {
        assert!(message(connect_to(&mut world, 1, &target)).contains("connection refused"));
    }
    let limited = message(connect_to(&mut world, 1, &target));
    assert!(
        limited.ends_with("[/ip4/10.77.1.2/tcp/4999] rate limit exceeded"),
        "{limited}"
    );
    pass(&mut world, 5);
    assert!(message(connect_to(&mut world, 1, &target)).contains("connection refused"));

    world.settings_mut().rate_limits = RateLimits::Off;
    for _ in 0..40 {
        assert!(message(connect_to(&mut world, 1, &target)).contains("connection refused"));
    }
}

#[test]
fn swarm_keys_must_agree() {
    let specs = [1, 2, 3].map(|number| {
        let mut spec = spec(number);
        spec.swarm_key = [None, Some(1), Some(2)][usize::from(number) - 1];
        spec
    });
    let mut world = with(&Settings::certain(), specs);
    for (from, to) in [(1, 2), (2, 3), (2, 1)] {
        let text = message(connect(&mut world, from, to));
        let line = format!(
            "failed to negotiate security protocol: read tcp4 10.77.1.{from}:4001->10.77.1.{to}:4001: \
             read: connection reset by peer"
        );
        assert!(text.ends_with(&line), "{text}");
    }
    let quic = format!("/ip4/10.77.1.3/udp/4001/quic-v1/p2p/{}", id(3));
    let text = message(connect_to(&mut world, 2, &quic));
    assert!(
        text.contains("[/ip4/10.77.1.3/udp/4001/quic-v1] no transport for protocol"),
        "{text}"
    );
}

/// Row 12: failures of `disconnect` are lines of a success.
#[test]
fn disconnect_closes_by_address_or_by_peer() {
    let mut world = world(3);
    connect(&mut world, 1, 2).expect("it works");
    connect(&mut world, 3, 1).expect("it works");
    let two = id(2);
    let elsewhere = format!("/ip4/10.77.1.2/tcp/5000/p2p/{two}");
    let lines = world.disconnect(n(1), &[&elsewhere]).expect("200");
    assert_eq!(lines, [format!("disconnect {two} failure: conn not found")]);
    let lines = world.disconnect(n(1), &[&at(2)]).expect("200");
    assert_eq!(lines, [format!("disconnect {two} success")]);
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![3], vec![]));
    let by_peer = format!("/p2p/{two}");
    let lines = world.disconnect(n(1), &[&by_peer]).expect("200");
    assert_eq!(lines, [format!("disconnect {two} failure: not connected")]);
    // The accepting end closes by the address that it lists.
    let inbound = listed(&world, 1)[0].address.with_peer(id(3)).to_string();
    world.disconnect(n(1), &[&inbound]).expect("200");
    assert!(peers(&world, 3).is_empty());
    world.audit().expect("no contradiction");
}

/// Row 32: both ends dial at once.
#[test]
fn two_dials_against_each_other_may_give_two_connections() {
    let mut doubled = 0;
    for seed in 0..300 {
        let mut world = World::new(Settings::default(), seed, kubomesh_core::Timestamp(0));
        world.launch(spec(1));
        world.launch(spec(2));
        let one = world.connect(n(1), &[&at(2)], None);
        let other = world.connect(n(2), &[&at(1)], None);
        world.wait(one).expect("it works");
        world.wait(other).expect("it works");
        let count = listed(&world, 1).len();
        assert_eq!(listed(&world, 2).len(), count);
        doubled += count - 1;
    }
    assert!(
        (200..=260).contains(&doubled),
        "{doubled} of 300 are double"
    );
}

/// Row 29: with an unlimited circuit nothing direct is dialled; closing its exact address helps.
#[test]
fn a_circuit_stands_in_the_way_of_a_direct_connection() {
    let mut world = world(2);
    let via = format!("/ip4/10.77.1.9/tcp/4001/p2p/{}", id(9));
    assert!(world.circuit(n(1), n(2), &via, false));
    assert_eq!(world.connectedness(n(1), id(2)), Connectedness::Connected);
    connect(&mut world, 1, 2).expect("it says so");
    let circuit = listed(&world, 1)[0].address.clone();
    assert!(circuit.is_relayed());
    world
        .disconnect(n(1), &[circuit.with_peer(id(2)).as_str()])
        .expect("200");
    connect(&mut world, 1, 2).expect("it works");
    assert!(!listed(&world, 1)[0].address.is_relayed());

    assert!(world.circuit(n(2), n(1), &via, true));
    world.disconnect(n(1), &[&at(2)]).expect("200");
    assert_eq!(world.connectedness(n(1), id(2)), Connectedness::Limited);
    // kubo.md 1.4: a limited circuit is not "connected".
    let lines = world
        .disconnect(n(1), &[&format!("/p2p/{}", id(2))])
        .expect("200");
    assert!(lines[0].ends_with("failure: not connected"));
}

/// Row 25: what is not announced is not learnt.
#[test]
fn unannounced_addresses_stay_unknown() {
    let settings = Settings {
        routing: Routing::Everything,
        ..Settings::certain()
    };
    let hidden = kubomesh_model::Filter::parse("/ip4/10.77.0.0/ipcidr/16").expect("a filter");
    let specs = (1..=2).map(|number| {
        spec(number)
            .on_storage(storage(number))
            .announce_not(&[hidden])
    });
    let mut world = with(&settings, specs);
    let asked = format!("/ip4/{}/tcp/4001/p2p/{}", storage(2), id(2));
    connect_to(&mut world, 1, &asked).expect("it works");
    assert_eq!(listed(&world, 1)[0].address.ip(), Some(storage(2)));
    let listen = world.listen(n(1)).expect("it runs");
    assert!(
        listen.iter().any(|address| address.ip() == Some(pod(1))),
        "listening all the same"
    );
    assert_eq!(
        world.node(n(1)).spec().interfaces[1].network,
        Network::Storage
    );
}

/// Names are resolved at each dial, and what they resolve to is filtered.
#[test]
fn names_are_dialled_where_they_lead() {
    let mut world = world(2);
    let named = format!("/dns4/two.test/tcp/4001/p2p/{}", id(2));
    let begun = world.connect(n(1), &[&named], Some(secs(5)));
    assert!(message(world.wait(begun)).ends_with("failed to dial: context deadline exceeded"));
    world.resolve("two.test", pod(2));
    let entry = ["/ip4/10.77.1.2/ipcidr/32"];
    world
        .filters_add(n(1), &entry, kubomesh_model::Overlap::None)
        .expect("added");
    let gated = message(connect_to(&mut world, 1, &named));
    assert!(
        gated.ends_with("gater disallows connection to peer"),
        "{gated}"
    );
    world
        .filters_rm(n(1), &entry, kubomesh_model::Overlap::None)
        .expect("removed");
    connect_to(&mut world, 1, &named).expect("it works");
}
