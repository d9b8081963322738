//! Reports as statuses.

use std::collections::BTreeMap;

use kubomesh_core::{
    Condition, ConditionKind, LinkCounts, MemberReport, MemberState, MeshId, NetworkReport,
    ReasonCode, Report, Role, Status, Timestamp,
};

use crate::{Convergence, mesh_status, peer_status, refused_status};

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let first = mesh_status(None, &report(1_000, Status::False, "one"), 1, None);
    let second = mesh_status(Some(&first), &report(9_000, Status::False, "two"), 2, None);
    assert_eq!(
        second.conditions[0].last_transition_time,
        first.conditions[0].last_transition_time
    );
    assert_eq!(second.conditions[0].message, "two");
    assert_eq!(second.conditions[0].observed_generation, Some(2));
    let third = mesh_status(Some(&second), &report(9_000, Status::True, ""), 2, None);
    assert_ne!(
        third.conditions[0].last_transition_time,
        first.conditions[0].last_transition_time
    );
}

#[test]
fn a_mesh_is_summed_up() {
    let status = mesh_status(None, &report(5_500, Status::True, ""), 7, None);
    insta::assert_json_snapshot!(status, @r#"
    {
      "observedGeneration": 7,
      "members": 2,
      "reachable": 1,
      "links": {
        "desired": 4,
        "healthy": 1,
        "degraded": 1,
        "missing": 1
      },
      "linksSummary": "1/4",
      "network": null,
      "conditions": [
        {
          "lastTransitionTime": "1970-01-01T00:00:05Z",
          "message": "",
          "observedGeneration": 7,
          "reason": "AsWanted",
          "status": "True",
          "type": "Ready"
        }
      ]
    }
    "#);
}

#[test]
fn conditions_that_others_set_stay_and_ours_that_are_over_go() {
    let theirs = |kind: &str| k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
        type_: kind.into(),
        status: "True".into(),
        reason: "Theirs".into(),
        last_transition_time: crate::status::time(Timestamp(2_000)),
        message: "by hand".into(),
        observed_generation: None,
    };
    let kinds = |conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]| {
        let kinds: Vec<_> = conditions.iter().map(|c| c.type_.clone()).collect();
        kinds.join(" ")
    };
    let mut before = mesh_status(None, &report(1_000, Status::False, ""), 1, None);
    before.conditions.insert(0, theirs("example.org/Audited"));
    before.conditions.push(theirs("Degraded"));
    let status = mesh_status(Some(&before), &report(9_000, Status::True, ""), 1, None);
    assert_eq!(kinds(&status.conditions), "Ready example.org/Audited");
    assert_eq!(status.conditions[1], theirs("example.org/Audited"));
    let again = mesh_status(Some(&status), &report(9_000, Status::True, ""), 1, None);
    assert_eq!(again, status, "nothing to write");

    let before = crate::SwarmPeerStatus {
        conditions: vec![theirs("example.org/Audited"), theirs("Linked")],
        ..Default::default()
    };
    let member = member(MemberState::Away);
    let status = peer_status(Some(&before), &member, None, Timestamp(0));
    assert_eq!(kinds(&status.conditions), "example.org/Audited");
}

#[test]
fn the_last_convergence_stays() {
    let converged = Some(Convergence {
        at: Timestamp(3_000),
        seconds: 2.5,
    });
    let first = mesh_status(None, &report(3_000, Status::True, ""), 1, converged);
    let second = mesh_status(Some(&first), &report(9_000, Status::True, ""), 1, None);
    assert_eq!(second.last_convergence.as_ref().unwrap().seconds, 2.5);
    assert_eq!(second, first);
}

#[test]
fn a_refused_mesh_keeps_its_counts_and_knows_nothing_more() {
    let before = mesh_status(None, &report(1_000, Status::True, ""), 1, None);
    let refused = Condition::new(
        ConditionKind::Accepted,
        Status::False,
        ReasonCode::NotImplemented,
        "spec.relays is set",
    );
    let status = refused_status(Some(&before), &refused, 2, Timestamp(4_000));
    assert_eq!((status.members, status.links_summary.as_str()), (2, "1/4"));
    let of: BTreeMap<_, _> = status
        .conditions
        .iter()
        .map(|c| (c.type_.as_str(), c.status.as_str()))
        .collect();
    assert_eq!(of["Accepted"], "False");
    assert_eq!(of["Ready"], "False");
    assert_eq!(of["Degraded"], "Unknown");
    assert!(
        status
            .conditions
            .iter()
            .all(|c| c.reason == "NotImplemented")
    );
}

#[test]
fn a_member_that_is_away_keeps_what_was_seen_of_it() {
    let member = member(MemberState::Away);
    let before = crate::SwarmPeerStatus {
        ip: "10.0.0.1".into(),
        storage_ip: "10.0.0.1".into(),
        zone: "a".into(),
        ..Default::default()
    };
    let status = peer_status(Some(&before), &member, None, Timestamp(0));
    assert_eq!(
        (status.ip.as_str(), status.storage_ip.as_str()),
        ("10.0.0.1", "10.0.0.1")
    );
    assert_eq!(status.zone, "a");
    assert_eq!(status.capacity, "Assumed");
}

/// The way that was taken, and why not by the agent; what is not told stands as it was.
#[test]
fn the_way_that_was_taken() {
    let taken = |path, why: &str| MemberReport {
        path: Some(kubomesh_core::PathTaken {
            path,
            why: why.into(),
        }),
        ..member(MemberState::Reachable)
    };
    let at = Timestamp(0);
    let round = taken(kubomesh_core::Path::Direct, "no agent answers");
    let round = peer_status(None, &round, None, at);
    assert_eq!(
        (round.path, round.path_reason.as_str()),
        (crate::PathStatus::Direct, "no agent answers")
    );
    let agent = taken(kubomesh_core::Path::Agent, "");
    let agent = peer_status(Some(&round), &agent, None, at);
    assert_eq!(
        (agent.path, agent.path_reason.as_str()),
        (crate::PathStatus::Agent, "")
    );
    // A merge patch takes away nothing that it does not name.
    let written = serde_json::to_value(&agent).unwrap();
    assert_eq!(
        (&written["pathReason"], &written["steering"]),
        (&"".into(), &"".into())
    );
    let silent = peer_status(Some(&agent), &member(MemberState::Away), None, at);
    assert_eq!(silent.path, crate::PathStatus::Agent);
}

fn report(at: u64, ready: Status, message: &str) -> Report {
    let mut counts = LinkCounts::default();
    for state in kubomesh_core::LinkState::ALL {
        counts.add(state);
    }
    Report {
        mesh: MeshId::file(),
        at: Timestamp(at),
        members: [
            ("a".into(), member(MemberState::Reachable)),
            ("b".into(), member(MemberState::Away)),
        ]
        .into(),
        waiting: [("c".into(), member(MemberState::Waiting))].into(),
        links: Vec::new(),
        counts,
        surplus: Vec::new(),
        removals_held: 0,
        doubt: None,
        conditions: vec![Condition::new(
            ConditionKind::Ready,
            ready,
            ReasonCode::AsWanted,
            message,
        )],
        retired_expired: Vec::new(),
        network: NetworkReport::default(),
        filters_lost: Vec::new(),
        next_due: None,
    }
}

fn member(state: MemberState) -> MemberReport {
    MemberReport {
        path: None,
        role: Role::Kubo,
        state,
        peer_id: None,
        agent_version: String::new(),
        steering: None,
        capacity: Some(kubomesh_core::Capacity::Assumed),
        links: LinkCounts::default(),
        conditions: Vec::new(),
    }
}
