//! What is said of the members of a members file speaks of lines and their fields, not of Kubernetes.

mod common;

use common::{Fleet, name, secs};
use kubomesh_core::*;

/// Words that mean nothing to who has no Kubernetes.
const KUBERNETES: [&str; 8] = [
    "pod",
    "SwarmPeer",
    "SwarmMesh",
    "kubectl",
    "spec.",
    "secret",
    "NetworkPolicy",
    "selector",
];

/// The members are lines of a members file.
fn in_a_file(fleet: &mut Fleet) {
    fleet.membership.mesh = MeshId::file();
    for member in fleet.membership.members.values_mut() {
        member.source = Source::File;
        member.container = None;
    }
}

/// Every condition of the mesh and of its members, one a line.
fn told(fleet: &mut Fleet) -> String {
    let planned = fleet.pass();
    let report = &planned.report;
    let members = report.named().flat_map(|(_, one)| &one.conditions);
    let lines = report.conditions.iter().chain(members).map(|condition| {
        let Condition {
            kind,
            status,
            reason,
            message,
        } = condition;
        format!("{kind}={status} {reason}: {message}\n")
    });
    let told: String = lines.collect();
    for word in KUBERNETES {
        assert!(!told.contains(word), "{word} in\n{told}");
    }
    fleet.with_names(&told)
}

/// The line of one condition among what was told.
fn line<'a>(told: &'a str, with: &str) -> &'a str {
    let line = told.lines().find(|line| line.contains(with));
    assert!(line.is_some(), "no {with} in\n{told}");
    line.unwrap_or_default()
}

#[test]
fn of_lines_that_are_well() {
    let mut fleet = Fleet::meshed(3);
    in_a_file(&mut fleet);
    let told = told(&mut fleet);
    assert_eq!(
        line(&told, "NetworkApplied"),
        "NetworkApplied=True NoStorageNetwork: no storage network is asked for: the addresses that \
         the members file names are used"
    );
}

#[test]
fn of_a_line_whose_record_cannot_be_read() {
    let mut fleet = Fleet::empty();
    in_a_file(&mut fleet);
    let why = "peerID of record a is `x`: it is not a peer ID".to_owned();
    let waiting = Waiting::RecordUnreadable { why };
    fleet.membership.waiting.insert(name("a"), waiting);
    let told = told(&mut fleet);
    let ready = line(&told, "Ready=False NoMembers");
    let ends = "waits: none is a member yet: peerID of record a is `x`: it is not a peer ID (1)";
    assert!(ready.ends_with(&format!("every line of the members file {ends}")));
}

#[test]
fn of_lines_that_give_no_usable_answer() {
    let mut fleet = Fleet::meshed(FailureKind::ALL.len());
    in_a_file(&mut fleet);
    for (node, kind) in fleet.nodes.values_mut().zip(FailureKind::ALL) {
        node.failure = Some(Failure::new(kind, "no"));
    }
    let _ = told(&mut fleet);
    let member = fleet.member("e");
    let Access::Direct { auth, .. } = &mut member.access else {
        unreachable!()
    };
    *auth = Some("token".into());
    let told = told(&mut fleet);
    for (with, says) in [
        ("False Unreachable: refused", "see that its daemon runs"),
        ("False Unreachable: timed_out", "look for a firewall"),
        ("False Unreachable: unreachable", "rpc must name a host"),
        ("False Unauthorised: unauthorised", "the authFile token"),
        ("False NotKubo: not_kubo", "rpc must name Kubo's RPC"),
    ] {
        assert!(line(&told, with).contains(says), "{}", line(&told, with));
    }
}

#[test]
fn of_a_line_that_vanished_and_of_one_without_an_address() {
    let mut fleet = Fleet::meshed(4);
    in_a_file(&mut fleet);
    let _ = fleet.leave("a");
    fleet.member("b").networks.clear();
    fleet.member("c").contact = Contact::NoSecret {
        why: "the authFile token cannot be used: it is empty".into(),
    };
    fleet.wait(secs(1));
    let told = told(&mut fleet);
    for (with, says) in [
        ("Reachable=False Away", "its line is gone; its place"),
        ("OnNetwork=Unknown Away", "its line is gone"),
        ("OnNetwork=False NoAddress", "write one that"),
        ("NetworkApplied=False NoAddress", "on the network: b"),
        (
            "Degraded=True SecretUnreadable",
            "of: c (the authFile token cannot be used: it is empty)",
        ),
        ("Accepted=True", ""),
    ] {
        let says = says.replace("line is gone", "line is gone from the members file");
        assert!(line(&told, with).contains(&says), "{}", line(&told, with));
    }
}

#[test]
fn of_a_line_that_shows_another_identity_or_has_filters_in_the_way() {
    let mut fleet = Fleet::meshed(3);
    in_a_file(&mut fleet);
    fleet.node("a").peer_id = kubomesh_model::peer_id(77);
    fleet.node("b").filters = vec!["/ip4/10.0.0.0/ipcidr/8".into()];
    let recorded = told(&mut fleet);
    let wrong = line(&recorded, "WrongIdentity=True");
    assert!(wrong.ends_with("delete its record to accept the new one"));
    let filters = line(&recorded, "FilterConflict=True");
    assert!(filters.ends_with("set mesh.filters to Repair"), "{filters}");
    fleet.member("a").stated_peer_id = Some(kubomesh_model::peer_id(0));
    let stated = told(&mut fleet);
    let wrong = line(&stated, "WrongIdentity=True");
    assert!(wrong.ends_with("correct peerID in its line to accept the new one"));
}
