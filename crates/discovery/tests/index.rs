//! Meshes and pods together: claims, conflicts, doubt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_api::{RecordKey, StoredRecord, StoredRecords};
use kubomesh_core::{
    Contact, Doubt, DoubtTimings, MemberName, Membership, MeshId, ReasonCode, Record, Role,
    Timestamp, Waiting,
};
use kubomesh_discovery::{DiscoveryTimings, Fleet, Index, MeshFacts, MeshKey, MeshView};
use objects::{facts, mesh, pod, pod_with};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

struct Case {
    index: Index,
}

impl Case {
    /// Nodes and records are known; the mesh `kubo` has these pods.
    fn with(pods: &[Value]) -> Self {
        let mut case = Self {
            index: Index::new(DiscoveryTimings::default()),
        };
        case.index
            .reset_nodes(&[("node-a".into(), "zone-a".into())]);
        case.records(&[]);
        case.index
            .reset_meshes(vec![facts_of(mesh("kubo", json!({})))], NOW);
        case.list("kubo", pods);
        case
    }

    fn list(&mut self, mesh: &str, pods: &[Value]) {
        self.index
            .reset_pods(&key(mesh), pods.iter().map(facts).collect(), NOW);
    }

    fn apply(&mut self, pod: &Value) {
        self.index.apply_pod(&key("kubo"), facts(pod), NOW);
    }

    fn records(&mut self, members: &[&str]) {
        let record = |name: &&str| {
            let mut record = Record::new("kubo", (*name).into(), Role::Kubo, "uid".into());
            record.peer_id = Some(
                "12D3KooWGRUahGgbEdJrTvHe7uTBC7K7fiGJxv6mBpS5mbfhxX8P"
                    .parse()
                    .unwrap(),
            );
            let stored = StoredRecord {
                uid: "u".into(),
                version: "1".into(),
                record: Ok(Arc::new(record)),
                status: None,
            };
            (RecordKey::new("apps", name), stored)
        };
        let records = members.iter().map(record).collect();
        let view = StoredRecords {
            synced: true,
            records,
            ..StoredRecords::default()
        };
        self.index.set_records(Arc::new(view), NOW);
    }

    fn fleet(&mut self) -> Fleet {
        self.index.fleet(NOW)
    }

    fn view(&mut self, mesh: &str) -> MeshView {
        let fleet = self.fleet();
        fleet
            .meshes
            .into_values()
            .find(|view| *view.id.name == *mesh)
            .expect("the mesh")
    }

    fn membership(&mut self, mesh: &str) -> Arc<Membership> {
        self.view(mesh).membership
    }

    fn contact(&mut self, mesh: &str, member: &str) -> Contact {
        self.membership(mesh).members[member].contact.clone()
    }
}

fn key(mesh: &str) -> MeshKey {
    MeshKey::new("apps", mesh)
}

fn facts_of(mesh: Value) -> MeshFacts {
    MeshFacts::of(serde_json::from_value(mesh).unwrap())
}

fn names(membership: &Membership) -> Vec<&str> {
    membership.members.keys().map(MemberName::as_str).collect()
}

#[test]
fn a_fleet_is_synced_when_every_first_list_is_complete() {
    let mut index = Index::new(DiscoveryTimings::default());
    assert_eq!(
        index.fleet(NOW).pending,
        ["nodes", "swarmmeshes", "swarmpeers"]
    );
    index.reset_nodes(&[]);
    index.set_records(
        Arc::new(StoredRecords {
            synced: true,
            ..Default::default()
        }),
        NOW,
    );
    index.reset_meshes(vec![facts_of(mesh("kubo", json!({})))], NOW);
    let fleet = index.fleet(NOW);
    assert_eq!(
        (fleet.synced, fleet.pending),
        (false, vec!["pods of apps/kubo".to_owned()])
    );
    let view = fleet.meshes.into_values().next().unwrap();
    assert_eq!(view.membership.doubt, Some(Doubt::NotSynced));
    index.reset_pods(&key("kubo"), Vec::new(), NOW);
    assert!(index.fleet(NOW).synced);
}

#[test]
fn members_and_those_who_wait_are_told_apart() {
    let ended = pod_with("b", "127.50.0.2", |pod| {
        pod["status"]["phase"] = json!("Failed");
    });
    let mut case = Case::with(&[pod("a", "127.50.0.1"), ended]);
    let view = case.view("kubo");
    assert_eq!((names(&view.membership), view.generation), (vec!["a"], 3));
    assert_eq!(&*view.membership.members["a"].zone, "zone-a");
    assert_eq!(view.membership.waiting["b"], Waiting::Ended);
    assert_eq!(view.membership.doubt, None);
    let id = MeshId {
        namespace: "apps".into(),
        name: "kubo".into(),
        uid: "mesh-kubo".into(),
    };
    assert_eq!(view.id, id);
}

#[test]
fn a_pod_comes_changes_and_goes() {
    let mut case = Case::with(&[]);
    case.apply(&pod_with("a", "", |pod| pod["status"] = json!({})));
    assert_eq!(case.membership("kubo").waiting["a"], Waiting::NoIp);
    case.apply(&pod_with("a", "127.50.0.1", |pod| {
        pod["metadata"]["resourceVersion"] = json!("8");
    }));
    assert_eq!(names(&case.membership("kubo")), ["a"]);
    let gone = facts(&pod("a", "127.50.0.1"));
    case.index.delete_pod(&key("kubo"), &gone, NOW);
    let membership = case.membership("kubo");
    assert!(membership.members.is_empty() && membership.waiting.is_empty());
}

#[test]
fn a_late_event_does_not_rewind_a_pod() {
    let newer = pod_with("a", "127.50.0.2", |pod| {
        pod["metadata"]["resourceVersion"] = json!("9");
    });
    let mut case = Case::with(&[newer]);
    case.apply(&pod("a", "127.50.0.1"));
    let endpoint = case.membership("kubo").members["a"]
        .access
        .endpoint()
        .clone();
    assert_eq!(&*endpoint.host, "127.50.0.2");
}

#[test]
fn the_deletion_of_a_former_life_does_not_take_the_present_one() {
    let second = pod_with("a", "127.50.0.2", |pod| {
        pod["metadata"]["uid"] = json!("a-2");
    });
    let mut case = Case::with(&[second]);
    case.index
        .delete_pod(&key("kubo"), &facts(&pod("a", "127.50.0.1")), NOW);
    assert_eq!(case.membership("kubo").members["a"].uid.as_str(), "a-2");
}

#[test]
fn what_does_not_change_is_shared() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    let before = case.membership("kubo");
    case.apply(&pod("a", "127.50.0.1"));
    assert!(Arc::ptr_eq(&before, &case.membership("kubo")));
}

#[test]
fn a_zone_that_is_learnt_later_moves_the_members() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.index.apply_node("node-a", "zone-b");
    assert_eq!(&*case.membership("kubo").members["a"].zone, "zone-b");
}

// === two pods, one address ===

fn claimant(name: &str, created: &str, ready: bool) -> Value {
    pod_with(name, "127.50.0.1", |pod| {
        pod["metadata"]["creationTimestamp"] = json!(created);
        let status = if ready { "True" } else { "False" };
        pod["status"]["conditions"] = json!([{ "type": "Ready", "status": status }]);
    })
}

fn conflict(with: &str) -> Contact {
    Contact::AddressConflict { with: with.into() }
}

#[test]
fn of_two_pods_at_one_address_the_ready_one_created_last_is_contacted() {
    let old = claimant("old", "2026-01-01T00:00:00Z", true);
    let mut case = Case::with(&[old.clone(), claimant("new", "2026-01-02T00:00:00Z", true)]);
    assert_eq!(case.contact("kubo", "new"), Contact::Allowed);
    assert_eq!(case.contact("kubo", "old"), conflict("new"));

    let mut case = Case::with(&[old.clone(), claimant("new", "2026-01-02T00:00:00Z", false)]);
    assert_eq!(case.contact("kubo", "new"), conflict("old"));
    assert_eq!(case.contact("kubo", "old"), Contact::Allowed);

    case.apply(&claimant("new", "2026-01-02T00:00:00Z", true));
    assert_eq!(case.contact("kubo", "old"), conflict("new"));
    case.index.delete_pod(
        &key("kubo"),
        &facts(&claimant("new", "2026-01-02T00:00:00Z", true)),
        NOW,
    );
    assert_eq!(case.contact("kubo", "old"), Contact::Allowed);
}

#[test]
fn while_none_is_ready_none_is_contacted() {
    let pods = [
        claimant("a", "2026-01-01T00:00:00Z", false),
        claimant("b", "2026-01-02T00:00:00Z", false),
        claimant("c", "2026-01-02T00:00:00Z", false),
    ];
    let mut case = Case::with(&pods);
    assert_eq!(case.contact("kubo", "a"), conflict("c"));
    assert_eq!(case.contact("kubo", "b"), conflict("c"));
    assert_eq!(case.contact("kubo", "c"), conflict("b"));
}

#[test]
fn one_ip_with_two_ports_is_no_conflict() {
    let other = pod_with("b", "127.50.0.1", |pod| {
        pod["spec"]["containers"][0]["ports"][1]["containerPort"] = json!(5002);
    });
    let mut case = Case::with(&[pod("a", "127.50.0.1"), other]);
    assert_eq!(case.contact("kubo", "a"), Contact::Allowed);
    assert_eq!(case.contact("kubo", "b"), Contact::Allowed);
}

#[test]
fn an_ended_or_terminating_pod_claims_no_address() {
    let ended = pod_with("old", "127.50.0.1", |pod| {
        pod["status"]["phase"] = json!("Failed");
    });
    let mut case = Case::with(&[ended, pod("new", "127.50.0.1")]);
    assert_eq!(case.contact("kubo", "new"), Contact::Allowed);
}

#[test]
fn a_conflict_reaches_across_meshes_and_namespaces() {
    let mut case = Case::with(&[claimant("a", "2026-01-01T00:00:00Z", true)]);
    let mut elsewhere = mesh("other", json!({}));
    elsewhere["metadata"]["namespace"] = json!("lab");
    case.index.apply_mesh(facts_of(elsewhere), NOW);
    let theirs = MeshKey::new("lab", "other");
    let mut pod = claimant("b", "2026-01-02T00:00:00Z", true);
    pod["metadata"]["namespace"] = json!("lab");
    case.index.reset_pods(&theirs, vec![facts(&pod)], NOW);
    assert_eq!(case.contact("kubo", "a"), conflict("lab/b"));
    assert_eq!(case.contact("other", "b"), Contact::Allowed);
    case.index.delete_mesh(&theirs);
    case.apply(&claimant("a", "2026-01-01T00:00:00Z", true));
    assert_eq!(case.contact("kubo", "a"), Contact::Allowed);
}

// === two meshes, one pod ===

#[test]
fn a_pod_that_two_meshes_select_belongs_to_the_older_one() {
    let mut case = Case::with(&[pod("a", "127.50.0.1"), pod("b", "127.50.0.2")]);
    let mut young = mesh("young", json!({}));
    young["metadata"]["creationTimestamp"] = json!("2026-02-01T00:00:00Z");
    case.index.apply_mesh(facts_of(young), NOW);
    case.list("young", &[pod("b", "127.50.0.2"), pod("c", "127.50.0.3")]);
    assert_eq!(names(&case.membership("kubo")), ["a", "b"]);
    assert_eq!(names(&case.membership("young")), ["c"]);
    let claimed = Waiting::Claimed {
        by: "apps/kubo".into(),
    };
    assert_eq!(case.membership("young").waiting["b"], claimed);

    case.index
        .delete_pod(&key("kubo"), &facts(&pod("b", "127.50.0.2")), NOW);
    assert_eq!(
        names(&case.membership("young")),
        ["b", "c"],
        "given free by the older mesh"
    );
    case.apply(&pod("c", "127.50.0.3"));
    case.index.delete_mesh(&key("kubo"));
    assert_eq!(
        names(&case.membership("young")),
        ["b", "c"],
        "the older mesh is gone"
    );
}

#[test]
fn only_a_mesh_whose_deletion_was_seen_is_told_as_deleted() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    let deleted = |case: &mut Case| case.fleet().deleted.into_iter().collect::<Vec<_>>();
    // A list does not show it.
    case.index.reset_meshes(Vec::new(), NOW);
    assert!(case.fleet().meshes.is_empty() && deleted(&mut case).is_empty());

    let facts = || facts_of(mesh("kubo", json!({})));
    case.index.apply_mesh(facts(), NOW);
    case.index.delete_mesh(&key("kubo"));
    assert_eq!(deleted(&mut case), [key("kubo")]);
    case.index.apply_mesh(facts(), NOW);
    assert!(deleted(&mut case).is_empty(), "it is there again");

    case.index.delete_mesh(&key("kubo"));
    case.records(&["a"]);
    assert_eq!(deleted(&mut case), [key("kubo")], "records name it");
    case.records(&[]);
    assert!(deleted(&mut case).is_empty(), "no record does");

    case.index.apply_mesh(facts(), NOW);
    case.index.delete_mesh(&key("kubo"));
    case.index.restored(NOW);
    assert!(deleted(&mut case).is_empty(), "an older state may have it");
}

fn at_version(pod: &Value, version: &str) -> Value {
    let mut pod = pod.clone();
    pod["metadata"]["resourceVersion"] = json!(version);
    pod
}

/// The older mesh `kubo` without pods, and `young` with the pod b at version 8.
fn young_with_b() -> (Case, Value) {
    let b = pod("b", "127.50.0.2");
    let mut case = Case::with(&[]);
    let mut young = mesh("young", json!({}));
    young["metadata"]["creationTimestamp"] = json!("2026-02-01T00:00:00Z");
    case.index.apply_mesh(facts_of(young), NOW);
    case.list("young", &[at_version(&b, "8")]);
    (case, b)
}

#[test]
fn a_pod_that_moves_to_an_older_mesh_is_no_conflict_while_the_younger_has_not_heard_of_it() {
    let (mut case, b) = young_with_b();
    assert_eq!(names(&case.membership("young")), ["b"]);
    case.apply(&at_version(&b, "9"));
    assert_eq!(names(&case.membership("kubo")), ["b"]);
    assert_eq!(
        names(&case.membership("young")),
        ["b"],
        "its watch is behind"
    );
    for mesh in ["kubo", "young"] {
        assert_eq!(case.contact(mesh, "b"), Contact::Allowed, "one pod is one");
    }
    case.index
        .delete_pod(&key("young"), &facts(&at_version(&b, "9")), NOW);
    let young = case.membership("young");
    assert!(young.members.is_empty() && young.waiting.is_empty());
}

#[test]
fn a_pod_that_an_older_mesh_has_stays_its_own_whichever_watch_is_ahead() {
    let (mut case, b) = young_with_b();
    let claimed = |case: &mut Case| case.membership("young").waiting.contains_key("b");
    let young = |case: &mut Case, version| {
        let b = facts(&at_version(&b, version));
        case.index.apply_pod(&key("young"), b, NOW);
    };
    assert!(!claimed(&mut case));
    case.apply(&at_version(&b, "9"));
    assert!(!claimed(&mut case));
    young(&mut case, "9");
    assert!(claimed(&mut case), "both select it");
    case.apply(&at_version(&b, "10"));
    assert!(claimed(&mut case));
    young(&mut case, "11");
    assert!(claimed(&mut case));
}

#[test]
fn meshes_of_two_namespaces_share_no_pods() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    let mut young = mesh("young", json!({}));
    young["metadata"]["namespace"] = json!("lab");
    case.index.apply_mesh(facts_of(young), NOW);
    let mut same_name = pod("a", "127.50.0.2");
    same_name["metadata"]["namespace"] = json!("lab");
    case.index
        .reset_pods(&MeshKey::new("lab", "young"), vec![facts(&same_name)], NOW);
    assert_eq!(names(&case.membership("young")), ["a"]);
}

// === policies and secrets ===

#[test]
fn an_invalid_policy_is_a_condition_and_its_members_are_still_seen() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.index
        .apply_mesh(facts_of(mesh("kubo", json!({ "relays": {} }))), NOW);
    let view = case.view("kubo");
    let condition = view.policy.unwrap_err();
    assert_eq!(condition.reason, ReasonCode::NotImplemented);
    assert_eq!(names(&view.membership), ["a"]);
}

#[test]
fn a_secret_that_is_not_readable_stops_the_mesh_and_every_contact() {
    let auth = json!({ "rpc": { "authSecretRef": { "name": "rpc", "key": "auth" } },
        "selector": { "matchLabels": { "app": "kubo" } } });
    let mut case = Case::with(&[]);
    case.index
        .apply_mesh(facts_of(mesh("kubo", json!({ "peers": auth }))), NOW);
    case.list("kubo", &[pod("a", "127.50.0.1")]);
    assert_eq!(
        case.view("kubo").policy.unwrap_err().reason,
        ReasonCode::SecretUnreadable
    );
    case.index
        .set_secret(&key("kubo"), Err("it is not there".into()));
    let view = case.view("kubo");
    assert_eq!(view.policy.unwrap_err().message, "it is not there");
    let contact = view.membership.members["a"].contact.clone();
    assert_eq!(
        contact,
        Contact::NoSecret {
            why: "it is not there".into()
        }
    );
    case.index.set_secret(&key("kubo"), Ok(()));
    let view = case.view("kubo");
    assert!(view.policy.is_ok());
    assert_eq!(view.membership.members["a"].contact, Contact::Allowed);
}

#[test]
fn a_mesh_made_anew_under_the_same_name_is_another_mesh() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    let mut again = mesh("kubo", json!({}));
    again["metadata"]["uid"] = json!("mesh-2");
    case.index.apply_mesh(facts_of(again), NOW);
    let view = case.view("kubo");
    assert_eq!(&*view.id.uid, "mesh-2");
    assert_eq!(view.membership.doubt, Some(Doubt::NotSynced));
}

#[test]
fn a_changed_selector_holds_removals_until_its_first_list() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    let selector = json!({ "peers": { "selector": { "matchLabels": { "app": "other" } } } });
    case.index.apply_mesh(facts_of(mesh("kubo", selector)), NOW);
    let membership = case.membership("kubo");
    assert_eq!(
        (names(&membership), &membership.doubt),
        (vec!["a"], &Some(Doubt::NotSynced))
    );
}

// === doubt ===

#[test]
fn an_empty_list_removes_nothing() {
    let all: Vec<_> = (1..6)
        .map(|n| pod(&format!("p{n}"), &format!("127.50.0.{n}")))
        .collect();
    let mut case = Case::with(&all);
    case.records(&["p1", "p2", "p3", "p4", "p5"]);
    case.list("kubo", &[]);
    let doubt = case.membership("kubo").doubt.clone();
    assert_eq!(
        doubt,
        Some(Doubt::ManyMissing {
            missing: 5,
            recorded: 5,
            agreeing: 1
        })
    );
    assert_eq!(
        case.index.list_interval(&key("kubo")),
        DoubtTimings::DOUBT_INTERVAL
    );
    case.list("kubo", &all);
    assert_eq!(case.membership("kubo").doubt, None);
}

#[test]
fn only_records_of_the_mesh_with_an_identity_count() {
    let peer = "12D3KooWGRUahGgbEdJrTvHe7uTBC7K7fiGJxv6mBpS5mbfhxX8P";
    // Namespace, mesh, role, whether there is an identity, whether the record counts.
    for (namespace, mesh, role, identity, counts) in [
        ("apps", "kubo", Role::Kubo, true, true),
        ("lab", "kubo", Role::Kubo, true, false),
        ("apps", "other", Role::Kubo, true, false),
        ("apps", "kubo", Role::Relay, true, false),
        ("apps", "kubo", Role::Kubo, false, false),
    ] {
        let mut case = Case::with(&[]);
        let stored = |n: usize| {
            let name = format!("p{n}{}", role.record_suffix());
            let mut record = Record::new(mesh, format!("p{n}").into(), role, "uid".into());
            record.peer_id = identity.then(|| peer.parse().unwrap());
            let stored = StoredRecord {
                uid: "u".into(),
                version: "1".into(),
                record: Ok(Arc::new(record)),
                status: None,
            };
            (RecordKey::new(namespace, &name), stored)
        };
        let view = StoredRecords {
            synced: true,
            records: (0..5).map(stored).collect(),
            ..StoredRecords::default()
        };
        case.index.set_records(Arc::new(view), NOW);
        case.list("kubo", &[]);
        let doubt = case.membership("kubo").doubt.clone();
        assert_eq!(
            doubt.is_some(),
            counts,
            "{namespace} {mesh} {role:?} {identity}"
        );
    }
}

#[test]
fn a_restored_store_holds_removals_in_every_mesh_old_and_new() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.index.restored(NOW);
    let mut young = mesh("young", json!({}));
    young["metadata"]["namespace"] = json!("lab");
    case.index.apply_mesh(facts_of(young), NOW);
    case.index
        .reset_pods(&MeshKey::new("lab", "young"), Vec::new(), NOW);
    for mesh in ["kubo", "young"] {
        let doubt = case.membership(mesh).doubt.clone();
        assert!(
            matches!(doubt, Some(Doubt::StoreRestored { .. })),
            "{mesh}: {doubt:?}"
        );
    }
}

#[test]
fn troubles_are_told_until_they_end() {
    let mut case = Case::with(&[]);
    assert!(case.index.set_trouble("nodes", Some("no")));
    assert!(!case.index.set_trouble("nodes", Some("no")), "no news");
    let told = BTreeMap::from([("nodes".to_owned(), "no".to_owned())]);
    assert_eq!(case.fleet().troubles, told);
    assert!(case.index.set_trouble("nodes", None));
    assert!(case.fleet().troubles.is_empty());
}
