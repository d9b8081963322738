//! A small snapshot: two meshes, one with something to do and something held back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Access, Action, Address, Call, Endpoint, Failure, FailureKind, Held, Link, LinkCounts,
    LinkReport, LinkState, MemberName, Membership, MeshId, Observation, Outcome, PeerId, Plan,
    Reason, Report, Sequence, Timestamp,
};

use crate::{MeshSnapshot, Snapshot};

const PEER: &str = "12D3KooWGRUaVfMSXKGnh5pNd7GLJjvAqFFvXxTz8oxyBpWtKMVs";

pub(super) fn snapshot() -> Snapshot {
    let meshes = ["main", "other"].map(|name| (format!("ipfs/{name}"), mesh(name)));
    let config = Arc::new(serde_json::json!({ "listen": "0.0.0.0:8080", "token": "<redacted>" }));
    Snapshot {
        meshes: meshes.into(),
        config,
    }
}

fn mesh(name: &str) -> MeshSnapshot {
    let id = MeshId {
        namespace: "ipfs".into(),
        name: name.into(),
        uid: "uid-1".into(),
    };
    let observation = Observation {
        uid: "uid-a".into(),
        asked: Timestamp(1_000),
        sighting: None,
        state: None,
        failure: Some(Failure::new(FailureKind::Refused, "connection refused")),
        failures: 2,
    };
    let plan = Plan {
        records: Vec::new(),
        sequences: vec![sequence()],
    };
    MeshSnapshot {
        members: Arc::new(Membership::empty(id.clone())),
        observations: Arc::new(BTreeMap::from([(
            MemberName::from("kubo-0"),
            Arc::new(observation),
        )])),
        pass: 7,
        trigger: "resync".into(),
        outcomes: Arc::new(vec![outcome(&plan)]),
        plan: Arc::new(plan),
        report: Arc::new(report(id)),
    }
}

fn sequence() -> Sequence {
    let address: Address = format!("/ip4/10.0.0.7/tcp/4001/p2p/{PEER}")
        .parse()
        .unwrap();
    Sequence {
        member: "kubo-0".into(),
        uid: "uid-a".into(),
        access: Access::Direct {
            endpoint: Endpoint::http([10, 0, 0, 6].into(), 5001),
            auth: Some("rpc-token".into()),
            ca_file: None,
        },
        expect: peer(),
        actions: vec![Action {
            call: Call::Connect { address },
            deadline: Duration::from_secs(15),
            on_failure: None,
            link: Some(link("kubo-0", "kubo-1")),
        }],
    }
}

fn outcome(plan: &Plan) -> Outcome {
    let action = &plan.sequences[0].actions[0];
    Outcome {
        member: "kubo-0".into(),
        call: action.call.clone(),
        link: action.link.clone(),
        at: Timestamp(2_000),
        result: Err(Failure::new(FailureKind::TimedOut, "no answer in 15 s")),
    }
}

fn report(mesh: MeshId) -> Report {
    let held = Held {
        reason: Reason::Budget,
        until: Some(Timestamp(60_000)),
    };
    let surplus = LinkReport {
        link: link("kubo-1", "kubo-2"),
        state: LinkState::Healthy,
        reason: Some(Reason::Surplus),
        held: Some(held),
        rewritten: false,
    };
    let being_made = LinkReport {
        link: link("kubo-0", "kubo-1"),
        state: LinkState::Missing,
        reason: Some(Reason::BeingMade),
        held: None,
        rewritten: false,
    };
    Report {
        mesh,
        at: Timestamp(1_500),
        members: BTreeMap::new(),
        links: vec![being_made],
        counts: LinkCounts {
            desired: 1,
            missing: 1,
            ..LinkCounts::default()
        },
        surplus: vec![surplus],
        removals_held: 0,
        doubt: None,
        conditions: Vec::new(),
        retired_expired: Vec::new(),
        next_due: None,
    }
}

fn peer() -> PeerId {
    PEER.parse().unwrap()
}

fn link(one: &str, other: &str) -> Link {
    Link::new(&one.into(), &other.into()).unwrap()
}
