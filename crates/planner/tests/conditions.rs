//! The conditions of a mesh and what they say.

mod common;

use common::{Fleet, name};
use kubomesh_core::*;

fn all(fleet: &mut Fleet) -> String {
    let planned = fleet.pass();
    let kinds = planned
        .report
        .conditions
        .iter()
        .map(|condition| condition.kind);
    kinds
        .map(|kind| fleet.condition(&planned, kind) + "\n")
        .collect()
}

#[test]
fn of_a_mesh_without_members() {
    let mut fleet = Fleet::empty();
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=Unknown NoMembers: no member can be reached
    Degraded=False AsWanted:
    Ready=False NoMembers: no pod matches spec.peers.selector: the mesh has no member
    ");
}

#[test]
fn of_a_mesh_whose_first_list_does_not_come() {
    let mut fleet = Fleet::empty();
    fleet.membership.doubt = Some(Doubt::NotSynced);
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=Unknown NoMembers: no member can be reached
    Degraded=True RemovalsHeld: removals are held: the first list of pods is not complete
    Ready=Unknown NotAsked: the first list of pods is not complete
    ");
}

#[test]
fn of_a_mesh_that_forms() {
    let mut fleet = Fleet::of(3);
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=Unknown NoMembers: no member can be reached
    Degraded=True LinkUnknown: links unknown (the identity of a is not recorded yet): a – b, a – c, b – c
    Ready=False Unreachable: no member can be reached
    ");
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=False Partitioned: no healthy links lead from a to b, c
    Degraded=True LinkMissing: links missing (being made): a – b, a – c, b – c
    Ready=False LinkMissing: not healthy: a – b, a – c, b – c
    ");
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=True AsWanted:
    Degraded=False AsWanted:
    Ready=True AsWanted:
    ");
}

#[test]
fn of_one_member_alone() {
    let mut fleet = Fleet::of(1);
    let _ = fleet.settle();
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=True AsWanted:
    Degraded=False AsWanted:
    Ready=True AsWanted:
    ");
}

#[test]
fn of_pods_that_wait_for_a_record() {
    for waiting in [
        Waiting::RecordHeld {
            by: "apps/old".into(),
        },
        Waiting::RecordUnreadable {
            why: "spec.peerID of record d is `x`: it is not a peer ID".into(),
        },
    ] {
        let mut fleet = Fleet::meshed(3);
        let before = fleet.pass();
        fleet.membership.waiting.insert(name("d"), waiting);
        let planned = fleet.pass();
        assert_eq!(planned.plan, before.plan, "nothing is done for it");
        let ready = fleet.condition(&planned, ConditionKind::Ready);
        assert_eq!(ready.trim_end(), "Ready=True AsWanted:");
        let said = fleet.condition(&planned, ConditionKind::Degraded);
        assert!(said.starts_with("Degraded=True Record"), "{said}");
        assert!(said.contains("no member yet: d: "), "{said}");
    }
}

#[test]
fn of_a_member_whose_record_cannot_be_stored() {
    let mut fleet = Fleet::of(2);
    let why = "record b is not stored: no room".to_owned();
    let waiting = Waiting::RecordNotStored { why };
    fleet.membership.waiting.insert(name("b"), waiting);
    let planned = fleet.pass();
    let tried = planned.plan.records.iter();
    let tried: Vec<_> = tried
        .filter(|write| matches!(write, RecordWrite::Put(record) if record.member == name("b")))
        .collect();
    assert_eq!(
        tried.len(),
        1,
        "it is tried again: {:?}",
        planned.plan.records
    );
    let said = fleet.member_condition(&planned, "b", ConditionKind::Reachable);
    assert_eq!(
        said.trim_end(),
        "Reachable=Unknown RecordNotStored: record b is not stored: no room"
    );
    let said = fleet.condition(&planned, ConditionKind::Degraded);
    let sentence =
        "Degraded=True RecordNotStored: held up by its record: b: record b is not stored: no room";
    assert_eq!(said.trim_end(), sentence);
}

#[test]
fn of_many_silent_members() {
    let mut fleet = Fleet::meshed(20);
    for node in fleet.nodes.values_mut().take(12) {
        node.failure = Some(Failure::new(FailureKind::Refused, "connection refused"));
    }
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=True AsWanted:
    Degraded=True Unreachable: not reachable: a, b, c, d, e, f, g, h, i, j and 2 more
    Ready=True AsWanted:
    ");
    for (at, node) in fleet.nodes.values_mut().enumerate() {
        let kind = [
            FailureKind::Refused,
            FailureKind::Unauthorised,
            FailureKind::NotKubo,
            FailureKind::Offline,
        ][at % 4];
        node.failure = Some(Failure::new(kind, "no"));
    }
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=Unknown NoMembers: no member can be reached
    Degraded=True Unauthorised: the RPC refuses our token on: b, f, j, n, r
    Ready=False Unreachable: no member can be reached
    ");
}

#[test]
fn of_members_that_give_no_usable_answer_with_the_remedy() {
    let kinds = [
        FailureKind::Refused,
        FailureKind::TimedOut,
        FailureKind::Disconnected,
        FailureKind::Unauthorised,
        FailureKind::Forbidden,
        FailureKind::NotKubo,
        FailureKind::Offline,
        FailureKind::UnknownCommand,
        FailureKind::BodyTooLarge,
        FailureKind::Refused,
    ];
    let mut fleet = Fleet::meshed(kinds.len());
    for (node, kind) in fleet.nodes.values_mut().zip(kinds) {
        node.failure = Some(Failure::new(kind, "no"));
    }
    // What listens on every IPv4 address refuses on every other.
    let Access::Direct { endpoint, .. } = &mut fleet.member("j").access else {
        unreachable!("no member has an agent")
    };
    *endpoint = Endpoint::http("fd00::10".parse().unwrap(), 5001);
    let planned = fleet.pass();
    let names: Vec<_> = fleet.membership.members.keys().cloned().collect();
    let said: Vec<String> = names
        .iter()
        .map(|name| fleet.member_condition(&planned, &name.to_string(), ConditionKind::Reachable))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    Reachable=False Unreachable: refused: no; its Addresses.API must listen on the pod's address (/ip4/0.0.0.0/tcp/5001) and spec.peers.rpc.port must name that port
    Reachable=False Unreachable: timed_out: no; look for a NetworkPolicy or firewall between the controller and it, or a node that hangs
    Reachable=False Unreachable: disconnected: no
    Reachable=False Unauthorised: unauthorised: no; name a secret that its API.Authorizations allows in spec.peers.rpc.authSecretRef
    Reachable=False Unauthorised: forbidden: no; a proxy in front of the RPC refuses us: let the controller reach the RPC itself
    Reachable=False NotKubo: not_kubo: no; spec.peers.rpc.port must name Kubo's RPC (5001 by default), not its gateway or another server
    Reachable=False Offline: offline: no; start its daemon without --offline
    Reachable=False NotKubo: unknown_command: no; use a newer Kubo: peering came with 0.11
    Reachable=False Unreachable: body_too_large: no
    Reachable=False Unreachable: refused: no; its Addresses.API must listen on the pod's address (/ip6/::/tcp/5001) and spec.peers.rpc.port must name that port
    ");
}

#[test]
fn of_a_mesh_in_two_halves() {
    let mut fleet = Fleet::meshed(6);
    for node in fleet.nodes.values_mut() {
        node.dials_fail = Some(Failure::new(FailureKind::TimedOut, "i/o timeout"));
    }
    let halves = [["a", "b", "c"], ["d", "e", "f"]];
    for one in halves[0] {
        for other in halves[1] {
            fleet.half_break(one, other);
            fleet.half_break(other, one);
        }
    }
    let _ = fleet.pass();
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=False Partitioned: no healthy links lead from a to d, e, f
    Degraded=True LinkMissing: links missing (the last dial failed (timed_out): i/o timeout): a – d, a – e, a – f, b – d, b – e, b – f, c – d, c – e, c – f
    Ready=False LinkMissing: not healthy: a – d, a – e, a – f, b – d, b – e, b – f, c – d, c – e, c – f
    ");
}

#[test]
fn of_unreadable_secrets_and_members_off_the_network() {
    let mut fleet = Fleet::of(2);
    let why = "the secret kubo-rpc has no key `token`; add it".to_string();
    fleet.member("a").contact = Contact::NoSecret { why };
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=False SecretUnreadable: the secret kubo-rpc has no key `token`; add it
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=Unknown NoMembers: no member can be reached
    Degraded=True SecretUnreadable: the secret cannot be read for: a
    Ready=False SecretUnreadable: the secret kubo-rpc has no key `token`; add it
    ");
    fleet.member("a").contact = Contact::Allowed;
    fleet.member("b").networks.clear();
    let _ = fleet.pass();
    let _ = fleet.pass();
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=False NoAddress: without an address on the network: b
    Connected=False Partitioned: no healthy links lead from a to b
    Degraded=True NoAddress: links missing (b has no address on the network): a – b
    Ready=False NoAddress: without an address on the network: b
    ");
}

#[test]
fn a_full_mesh_that_leaves_little_room_says_whose_connections_churn() {
    let mut fleet = Fleet::many(40, 1);
    let limits = ConnLimits {
        kind: None,
        low_water: Some(32),
        high_water: Some(64),
    };
    fleet.node("m0003").limits = Ok(limits);
    fleet.ends_well();
    insta::assert_snapshot!(all(&mut fleet), @r"
    Accepted=True AsWanted:
    NetworkApplied=True NoStorageNetwork: no storage network is asked for (spec.network.attachment): the pods' own addresses are used
    Connected=True AsWanted:
    Degraded=False AsWanted:
    Ready=True WouldChurnOthers: our links hold; other connections churn on m0003: raise Swarm.ConnMgr.HighWater
    ");
}
