//! Address before identity: who of several at one address is contacted.

use std::collections::BTreeMap;

use kubomesh_core::{
    Access, Contact, Endpoint, Member, Role, Source, StorageState, Timestamp, address_conflicts,
};

/// A member at a port of one host.
fn member(name: &str, port: u16, ready: bool, created: u64) -> Member {
    Member {
        name: name.into(),
        uid: name.into(),
        role: Role::Kubo,
        source: Source::Pod,
        access: Access::Direct {
            endpoint: Endpoint::http([127, 0, 0, 1].into(), port),
            auth: None,
            ca_file: None,
        },
        networks: BTreeMap::new(),
        storage: StorageState::default(),
        host_ip: None,
        host_network: true,
        swarm_port: None,
        swarm: None,
        zone: "".into(),
        container: None,
        ready,
        created: Timestamp(created),
        stated_peer_id: None,
        contact: Contact::Allowed,
    }
}

/// Who is not contacted, and for whom.
fn losers(members: &[(&'static str, Member)]) -> Vec<String> {
    let conflicts = address_conflicts(members.iter().map(|(mesh, member)| (mesh, member)));
    let told = conflicts
        .into_iter()
        .map(|((mesh, name), (with, winner))| format!("{mesh}/{name} for {with}/{winner}"));
    told.collect()
}

#[test]
fn the_ready_one_created_last_is_contacted() {
    let all = [
        ("m", member("old", 5001, true, 1)),
        ("n", member("new", 5001, true, 2)),
        ("m", member("unready", 5001, false, 3)),
        ("m", member("alone", 5002, false, 4)),
    ];
    assert_eq!(losers(&all), ["m/old for n/new", "m/unready for n/new"]);
}

#[test]
fn none_is_contacted_while_none_is_ready() {
    let all = [
        ("m", member("old", 5001, false, 1)),
        ("m", member("new", 5001, false, 2)),
    ];
    assert_eq!(losers(&all), ["m/new for m/old", "m/old for m/new"]);
}

#[test]
fn one_life_that_two_meshes_show_is_no_conflict() {
    let moved = member("a", 5001, true, 1);
    assert!(losers(&[("m", moved.clone()), ("n", moved)]).is_empty());
}
