//! Restarts, crashes, moves and partitions.

#[cfg(test)]
mod common;

use common::*;
use kubomesh_core::Network;
use kubomesh_model::{Cut, Event, Interface, Overlap, Refusal, Stop};

/// Row 24: the kernel closes the sockets of a killed process.
#[test]
fn a_killed_process_is_seen_at_once() {
    let mut world = world(3);
    connect(&mut world, 1, 2).expect("it works");
    world.step(Event::Stop(n(2), Stop::Closed));
    assert!(peers(&world, 1).is_empty());
    assert_eq!(world.peers(n(2)), Err(Refusal::Down));
    let refused = message(connect(&mut world, 1, 2));
    assert!(
        refused.ends_with("connect: connection refused"),
        "{refused}"
    );
    world.audit().expect("no contradiction");
}

/// Row 30: a peer that crashed without closing stays listed for some 40 s; from the end that lists
/// it nothing is dialled, from the other end it works at once.
#[test]
fn a_silent_crash_leaves_a_half_open_connection() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    world.step(Event::Restart(n(2), Stop::Silent, None));
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![2], vec![]));
    connect(&mut world, 1, 2).expect("it says so");
    assert!(peers(&world, 2).is_empty(), "nothing was dialled");
    pass(&mut world, 29);
    assert_eq!(peers(&world, 1), [2], "still stale");
    pass(&mut world, 12);
    assert!(peers(&world, 1).is_empty(), "found dead");

    world.step(Event::Restart(n(2), Stop::Silent, None));
    connect(&mut world, 2, 1).expect("it works");
    world.step(Event::Restart(n(2), Stop::Silent, None));
    connect(&mut world, 2, 1).expect("the end that lists nothing dials");
    assert_eq!(listed(&world, 1).len(), 2, "the stale one and the new one");
    pass(&mut world, 41);
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![2], vec![1]));
}

/// Row 30: or until something is sent.
#[test]
fn a_stale_connection_is_reset_by_the_first_byte() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    world.step(Event::Restart(n(2), Stop::Silent, None));
    let ping = world.ping(n(1), &id(2).to_string(), Some(secs(5)));
    world.wait(ping).expect("it has a connection");
    assert!(peers(&world, 1).is_empty());
}

#[test]
fn a_stale_connection_can_be_closed_by_its_exact_address() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    world.step(Event::Restart(n(2), Stop::Silent, None));
    let lines = world.disconnect(n(1), &[&at(2)]).expect("200");
    assert!(lines[0].ends_with("success"));
    connect(&mut world, 1, 2).expect("it works");
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![2], vec![1]));
}

#[test]
fn a_new_identity_is_another_peer() {
    let mut world = world(2);
    world.step(Event::Restart(n(2), Stop::Closed, Some(id(77))));
    assert_eq!(world.id(n(2)).expect("it runs").peer_id, id(77));
    let wrong = message(connect(&mut world, 1, 2));
    let line = format!("expected {}, but remote key matches {}", id(2), id(77));
    assert!(wrong.ends_with(&line), "{wrong}");
    assert_eq!(world.find_peer(id(77)), Some(n(2)));
    assert_eq!(world.find_peer(id(2)), None);
}

#[test]
fn a_move_leaves_the_old_address_silent() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    let there = Interface {
        network: Network::Pod,
        ip: pod(200),
    };
    world.step(Event::Move(n(2), vec![there]));
    assert_eq!(peers(&world, 1), [2], "the old connection is stale");
    pass(&mut world, 41);
    let started = world.now();
    let gone = message(connect(&mut world, 1, 2));
    assert!(gone.ends_with("i/o timeout"), "{gone}");
    assert_eq!(world.now().since(started), secs(5));
    connect_to(
        &mut world,
        1,
        &format!("/ip4/{}/tcp/4001/p2p/{}", pod(200), id(2)),
    )
    .expect("it works there");
}

/// A pod's IP goes to another node: who dials it meets the other identity.
#[test]
fn a_reused_address_belongs_to_the_last_who_came() {
    let mut world = world(2);
    world.step(Event::Stop(n(2), Stop::Silent));
    let mut other = spec(3);
    other.interfaces[0].ip = pod(2);
    world.launch(other);
    let wrong = message(connect(&mut world, 1, 2));
    assert!(
        wrong.contains(&format!("remote key matches {}", id(3))),
        "{wrong}"
    );
}

#[test]
fn a_short_partition_costs_nothing_and_a_long_one_both_ends() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    world.cut(Cut::Pair(n(2), n(1)));
    pass(&mut world, 20);
    world.mend(Cut::Pair(n(1), n(2)));
    pass(&mut world, 60);
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![2], vec![1]));

    world.maroon(&[n(2)], 1);
    pass(&mut world, 29);
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![2], vec![1]));
    pass(&mut world, 12);
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![], vec![]));
    assert!(message(connect(&mut world, 1, 2)).ends_with("i/o timeout"));
    world.mend_all();
    connect(&mut world, 1, 2).expect("it works");
}

#[test]
fn a_close_across_a_partition_is_not_heard() {
    let mut world = world(2);
    connect(&mut world, 1, 2).expect("it works");
    world.cut(Cut::Node(n(1)));
    world.disconnect(n(1), &[&at(2)]).expect("200");
    assert_eq!((peers(&world, 1), peers(&world, 2)), (vec![], vec![1]));
    world.mend(Cut::Node(n(1)));
    pass(&mut world, 41);
    assert!(peers(&world, 2).is_empty());
}

#[test]
fn one_network_may_fail_alone() {
    let specs = (1..=2).map(|number| spec(number).on_storage(storage(number)));
    let mut world = with(&kubomesh_model::Settings::certain(), specs);
    connect(&mut world, 1, 2).expect("it works");
    world.cut(Cut::Network(Network::Pod));
    pass(&mut world, 41);
    assert!(peers(&world, 1).is_empty());
    let by_storage = format!("/ip4/{}/tcp/4001/p2p/{}", storage(2), id(2));
    connect_to(&mut world, 1, &by_storage).expect("the other network carries");
    world.cut(Cut::Interface(n(1), Network::Storage));
    pass(&mut world, 41);
    assert!(peers(&world, 1).is_empty());
}

/// Row 16.
#[test]
fn offline_has_two_spellings() {
    let mut offline = spec(1);
    offline.online = false;
    let mut world = with(&kubomesh_model::Settings::certain(), [offline, spec(2)]);
    let action = "this action must be run in online mode, try running 'ipfs daemon' first";
    let command = "this command must be run in online mode. Try running 'ipfs daemon' first";
    assert_eq!(world.id(n(1)).expect("it answers").addresses, None);
    assert_eq!(world.peers(n(1)), Err(Refusal::Message(action.into())));
    assert_eq!(
        world.peering_ls(n(1)),
        Err(Refusal::Message(command.into()))
    );
    let connect = message(connect(&mut world, 1, 2));
    assert_eq!(connect, format!("connect {} failure: {action}", id(2)));
}

/// Row 27: an entry that two calls at once left behind is shown by nobody and is back after a start.
#[test]
fn colliding_filters_calls_leave_entries_behind() {
    let mut settings = kubomesh_model::Settings::certain();
    settings.filters_stick = 1000;
    let mut world = with(&settings, [spec(1)]);
    let entry = "/ip4/10.77.1.2/ipcidr/32";
    world
        .filters_add(n(1), &[entry], Overlap::None)
        .expect("alone it works");
    let panicked = world.filters_add(n(1), &[entry], Overlap::Concurrent);
    assert_eq!(panicked, Err(Refusal::Message("an error occurred".into())));
    world
        .filters_rm(n(1), &[entry], Overlap::Concurrent)
        .expect("200");
    assert!(world.filters(n(1)).expect("it runs").is_empty());
    world.step(Event::Restart(n(1), Stop::Closed, None));
    assert_eq!(world.filters(n(1)).expect("it runs"), [entry]);
    world
        .filters_rm(n(1), &["all"], Overlap::None)
        .expect("200");
    world.step(Event::Restart(n(1), Stop::Closed, None));
    assert!(world.filters(n(1)).expect("it runs").is_empty());
}

#[test]
fn filters_are_read_as_the_library_reads_them() {
    let mut world = world(1);
    let add = |world: &mut kubomesh_model::World, text: &str| {
        world.filters_add(n(1), &[text], Overlap::None)
    };
    add(&mut world, "/ip4/10.1.2.3/ipcidr/8").expect("host bits are dropped");
    add(&mut world, "/ip6/fd00::1/ipcidr/8").expect("IPv6 too");
    assert_eq!(
        world.filters(n(1)).expect("it runs"),
        ["/ip4/10.0.0.0/ipcidr/8", "/ip6/fd00::/ipcidr/8"]
    );
    let saved = &world.node(n(1)).spec().saved_filters;
    assert_eq!(
        saved,
        &["/ip6/fd00::1/ipcidr/8", "/ip4/10.1.2.3/ipcidr/8"],
        "as written"
    );
    for bad in ["10.0.0.0/8", "/ip4/10.0.0.0/ipcidr", "/ip4/10.0.0.0/cidr/8"] {
        let refused = add(&mut world, bad);
        assert_eq!(
            refused,
            Err(Refusal::Message("invalid multiaddr-filter format".into()))
        );
    }
    let refused = add(&mut world, "/ip4/10.0.0.0/ipcidr/33");
    assert_eq!(
        refused,
        Err(Refusal::Message("invalid CIDR address: 10.0.0.0/33".into()))
    );
}

#[test]
fn a_call_to_a_node_that_ends_meanwhile_breaks_off() {
    let mut world = world(2);
    let nowhere = format!("/ip4/10.77.9.9/tcp/4001/p2p/{}", id(2));
    let begun = world.connect(n(1), &[&nowhere], None);
    world.stop(n(1), Stop::Closed);
    assert_eq!(world.wait(begun), Err(Refusal::Gone));
    world.audit().expect("no contradiction");
}
