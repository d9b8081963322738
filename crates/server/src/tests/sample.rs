//! A small snapshot of two meshes in which every kind of value stands that the pages can show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Access, Action, Address, Call, Capacity, Condition, ConditionKind, ConnLimits, Connection,
    Contact, ContainerStart, Direction, Doubt, Endpoint, Failure, FailureKind, FilterStep, Held,
    Link, LinkCounts, LinkReport, LinkState, LostFilters, Member, MemberName, MemberReport,
    MemberState, Membership, MeshId, Network, NetworkReport, NodeState, Observation, Outcome,
    OwnedFilter, PeerId, PeeringEntry, Plan, Reason, ReasonCode, Record, RecordWrite,
    RemovedFilter, Report, Retired, Role, Sequence, Sighting, Source, Status, StorageState,
    Timestamp, Waiting,
};

use crate::{MeshSnapshot, Snapshot};

/// 2026-11-22T05:32:37.250Z.
const NOW: Timestamp = Timestamp(1_795_325_557_250);

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
    let plan = Plan {
        records: vec![
            RecordWrite::Put(Box::new(record())),
            RecordWrite::Delete("kubo-7".into()),
        ],
        sequences: vec![sequence()],
    };
    MeshSnapshot {
        members: Arc::new(membership(id.clone())),
        observations: Arc::new(BTreeMap::from([(
            MemberName::from("kubo-0"),
            Arc::new(observation()),
        )])),
        pass: 7,
        trigger: "resync".into(),
        outcomes: Arc::new(vec![outcome(&plan)]),
        plan: Arc::new(plan),
        report: Arc::new(report(id)),
    }
}

fn membership(mesh: MeshId) -> Membership {
    let waiting = [
        ("kubo-4", Waiting::NoIp),
        (
            "kubo-5",
            Waiting::Claimed {
                by: "ipfs/old".into(),
            },
        ),
    ];
    Membership {
        members: BTreeMap::from([("kubo-0".into(), member())]),
        waiting: waiting.map(|(name, why)| (name.into(), why)).into(),
        doubt: Some(Doubt::WatchStale {
            age: Duration::from_secs(90),
        }),
        ..Membership::empty(mesh)
    }
}

fn member() -> Member {
    Member {
        name: "kubo-0".into(),
        uid: "uid-a".into(),
        role: Role::Kubo,
        source: Source::Pod,
        access: access(),
        networks: BTreeMap::from([(Network::Pod, vec![[10, 0, 0, 6].into()])]),
        storage: StorageState::default(),
        host_ip: Some([10, 9, 0, 1].into()),
        host_network: false,
        swarm_port: Some(4001),
        swarm: None,
        zone: "a".into(),
        container: Some(container()),
        ready: true,
        created: NOW,
        stated_peer_id: Some(peer()),
        contact: Contact::AddressConflict {
            with: "kubo-9".into(),
        },
    }
}

fn observation() -> Observation {
    let not_asked = || Failure::new(FailureKind::Skipped, "not asked");
    let connection = Connection {
        peer: peer(),
        address: address(),
        direction: Direction::Outbound,
    };
    let limits = ConnLimits {
        kind: Some("basic".into()),
        low_water: Some(32),
        high_water: Some(96),
    };
    let entry = PeeringEntry {
        peer: peer(),
        addresses: vec![address()],
    };
    Observation {
        path: None,
        uid: "uid-a".into(),
        asked: NOW,
        sighting: Some(Sighting {
            at: NOW,
            peer_id: peer(),
            agent_version: "kubo/0.44.0".into(),
            announced: [].into(),
            connections: 1,
        }),
        state: Some(NodeState {
            at: NOW,
            peer_id: peer(),
            peers: Ok([connection].into_iter().collect()),
            peering: Ok(vec![entry].into()),
            filters: Err(not_asked()),
            listen: Ok(Vec::new().into()),
            conn_limits: Some(Ok(limits)),
        }),
        failure: Some(Failure::new(FailureKind::TimedOut, "no answer in 5 s")),
        failures: 2,
    }
}

fn record() -> Record {
    let mut record = Record::new("main", "kubo-0".into(), Role::Kubo, "uid-a".into());
    record.rpc = "http://10.0.0.6:5001".into();
    record.peer_id = Some(peer());
    record.addresses = vec![address()];
    record.container = Some(container());
    record.capacity = Some(Capacity::Links(48));
    record.retired = vec![Retired {
        uid: "uid-0".into(),
        peer_id: peer(),
        addresses: vec![address()],
        since: NOW,
    }];
    record.owned_filters = vec![OwnedFilter {
        peer: Some(peer()),
        cidr: "/ip4/10.0.0.7/ipcidr/32".into(),
        step: FilterStep::Intended,
        since: NOW,
    }];
    record.removed_filters = vec![RemovedFilter {
        cidr: "/ip4/10.0.0.0/ipcidr/8".into(),
        container: None,
        since: NOW,
        gone: true,
    }];
    record
}

fn sequence() -> Sequence {
    Sequence {
        member: "kubo-0".into(),
        uid: "uid-a".into(),
        access: access(),
        expect: peer(),
        actions: vec![Action {
            call: Call::Connect { address: address() },
            deadline: Duration::from_secs(15),
            on_failure: vec![Call::PeeringRemove {
                peers: vec![peer()],
            }],
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
        at: NOW + Duration::from_millis(250),
        result: Err(Failure::new(FailureKind::TimedOut, "no answer in 15 s")),
    }
}

fn report(mesh: MeshId) -> Report {
    let held = Held {
        reason: Reason::Budget,
        until: Some(NOW + Duration::from_secs(60)),
    };
    let surplus = LinkReport {
        link: link("kubo-1", "kubo-2"),
        state: LinkState::Healthy,
        reason: Some(Reason::Surplus),
        held: Some(held),
        rewritten: false,
        off_network: None,
    };
    let being_made = LinkReport {
        link: link("kubo-0", "kubo-1"),
        state: LinkState::Missing,
        reason: Some(Reason::BeingMade),
        held: None,
        rewritten: false,
        off_network: None,
    };
    let back_off = LinkReport {
        link: link("kubo-0", "kubo-2"),
        state: LinkState::Degraded,
        reason: Some(Reason::BackOff {
            kind: FailureKind::RateLimited,
            message: "rate limit exceeded".into(),
        }),
        held: Some(Held {
            reason: Reason::Away {
                member: "kubo-2".into(),
            },
            until: None,
        }),
        rewritten: true,
        off_network: None,
    };
    Report {
        mesh,
        at: NOW,
        members: BTreeMap::from([("kubo-0".into(), member_report())]),
        waiting: BTreeMap::from([("kubo-4".into(), waiting_report())]),
        links: vec![being_made, back_off],
        counts: LinkCounts {
            desired: 1,
            missing: 1,
            ..LinkCounts::default()
        },
        surplus: vec![surplus],
        removals_held: 0,
        doubt: Some(Doubt::StoreRestored { until: NOW }),
        conditions: vec![condition(ConditionKind::Ready)],
        retired_expired: vec![peer()],
        network: NetworkReport::default(),
        filters_lost: vec![LostFilters {
            member: "c".into(),
            peer_id: Some(peer()),
            filters: vec!["/ip4/10.0.0.0/ipcidr/8".into()],
            owned: Vec::new(),
        }],
        next_due: Some(Duration::from_millis(2_500)),
    }
}

fn member_report() -> MemberReport {
    MemberReport {
        path: None,
        role: Role::Kubo,
        state: MemberState::Unreachable,
        peer_id: Some(peer()),
        agent_version: "kubo/0.44.0".into(),
        steering: None,
        capacity: Some(Capacity::Assumed),
        links: LinkCounts::default(),
        conditions: vec![condition(ConditionKind::Reachable)],
    }
}

fn waiting_report() -> MemberReport {
    MemberReport {
        state: MemberState::Waiting,
        peer_id: None,
        agent_version: String::new(),
        steering: None,
        capacity: None,
        ..member_report()
    }
}

fn condition(kind: ConditionKind) -> Condition {
    Condition::new(kind, Status::False, ReasonCode::Unreachable, "no answer")
}

fn access() -> Access {
    Access::Direct {
        endpoint: Endpoint::http([10, 0, 0, 6].into(), 5001),
        auth: Some("rpc-token".into()),
        ca_file: None,
    }
}

fn container() -> ContainerStart {
    ContainerStart {
        restarts: 1,
        id: "containerd://1".into(),
    }
}

fn address() -> Address {
    let text = format!("/ip4/10.0.0.7/tcp/4001/p2p/{PEER}");
    text.parse().unwrap()
}

fn peer() -> PeerId {
    PEER.parse().unwrap()
}

fn link(one: &str, other: &str) -> Link {
    Link::new(&one.into(), &other.into()).unwrap()
}
