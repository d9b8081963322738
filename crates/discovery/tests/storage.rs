//! What a member has of the storage network, and what is known of its definition.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod objects;

use std::sync::Arc;

use kubomesh_api::StoredRecords;
use kubomesh_core::{
    AppliedNetwork, AttachmentState, Member, Membership, Network, StorageGap, Timestamp,
};
use kubomesh_discovery::{AttachmentFacts, DiscoveryTimings, Index, MeshFacts, MeshKey, pod_facts};
use kubomesh_multus::NetConf;
use objects::{attached, facts, mesh, pod, pod_with, storage_pod};
use serde_json::{Value, json};

/// Pods are created on the first of January 2026; this is a year later.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

struct Case(Index);

impl Case {
    /// A mesh that wants `net/storage`, with these pods.
    fn with(network: &Value, pods: &[Value]) -> Self {
        let mut index = Index::new(DiscoveryTimings::default());
        index.reset_nodes(&[]);
        let records = StoredRecords {
            synced: true,
            ..StoredRecords::default()
        };
        index.set_records(Arc::new(records), NOW);
        let mut case = Self(index);
        case.mesh(network, None);
        case.list(pods);
        case
    }

    fn mesh(&mut self, network: &Value, applied: Option<&AppliedNetwork>) {
        let mut object = mesh("kubo", json!({ "network": network }));
        if let Some(applied) = applied {
            let attachment = applied.attachment.to_string();
            object["status"]["network"] =
                json!({ "attachment": attachment, "config": &*applied.config });
        }
        let facts = MeshFacts::of(serde_json::from_value(object).unwrap());
        self.0.reset_meshes(vec![facts], NOW);
    }

    fn list(&mut self, pods: &[Value]) {
        let pods = pods.iter().map(facts).collect();
        self.0.reset_pods(&MeshKey::new("apps", "kubo"), pods, NOW);
    }

    fn apply(&mut self, pod: &Value) {
        self.0
            .apply_pod(&MeshKey::new("apps", "kubo"), facts(pod), NOW);
    }

    /// `net/storage` has this config, written at this time by its managed fields.
    fn config(&mut self, config: &str, edited: Option<Timestamp>, now: Timestamp) {
        let facts = AttachmentFacts {
            attachment: "net/storage".parse().unwrap(),
            config: NetConf::parse(config).map_err(|error| error.to_string().into()),
            edited,
        };
        self.0.attachments().reset(&"net".into(), vec![facts], now);
    }

    fn membership(&mut self) -> Arc<Membership> {
        let fleet = self.0.fleet(NOW);
        Arc::clone(&fleet.meshes.into_values().next().unwrap().membership)
    }

    fn state(&mut self) -> AttachmentState {
        self.membership().attachment.clone()
    }

    fn member(&mut self, name: &str) -> Member {
        self.membership().members[name].clone()
    }
}

fn wanted() -> Value {
    json!({ "attachment": "net/storage" })
}

fn ips(member: &Member) -> Vec<String> {
    let ips = member.ips(Network::Storage).iter();
    ips.map(ToString::to_string).collect()
}

/// The only member of a mesh that wants `net/storage` at `lhnet1`.
fn only(pod: &Value) -> Member {
    Case::with(&wanted(), std::slice::from_ref(pod)).member("a")
}

fn annotated(key: &str, value: &str) -> Value {
    pod_with("a", "127.50.0.1", |pod| {
        pod["metadata"]["annotations"][key] = value.into();
    })
}

const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
const STATUS: &str = "k8s.v1.cni.cncf.io/network-status";

#[test]
fn the_address_is_the_one_that_multus_reports() {
    let default =
        json!({ "name": "cbr0", "interface": "eth0", "ips": ["127.50.0.1"], "default": true });
    let ours = attached(
        "net/storage",
        "lhnet1",
        &["10.9.0.10", "10.9.0.9/24", "fd00::9"],
    );
    let member = only(&storage_pod("a", "127.50.0.1", &[ours.clone(), default]));
    assert_eq!(ips(&member), ["10.9.0.9", "10.9.0.10", "fd00::9"]);
    assert_eq!(member.storage.gap, None);
    assert_eq!(member.ips(Network::Pod).len(), 1);
    let old_key = pod_with("a", "127.50.0.1", |pod| {
        pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks-status"] =
            json!([ours]).to_string().into();
    });
    assert_eq!(
        ips(&only(&old_key)).len(),
        3,
        "whether it asked for it or not"
    );
}

#[test]
fn why_a_member_has_no_address_on_it() {
    let gap = |pod: Value| only(&pod).storage.gap.expect("a gap");
    let found = |found: &str| StorageGap::WrongInterface {
        found: found.into(),
    };
    let asks = |networks: &str| annotated(NETWORKS, networks);
    assert_eq!(gap(pod("a", "127.50.0.1")), StorageGap::NotRequested);
    assert_eq!(gap(asks("net/other")), StorageGap::NotRequested);
    assert_eq!(gap(asks("net/storage@lhnet1")), StorageGap::NotReported);
    assert_eq!(gap(asks("net/storage@eth9")), found("eth9"));
    assert_eq!(gap(asks("net/storage")), found("one that Multus names"));
    let reported = |entry: Value| storage_pod("a", "127.50.0.1", &[entry]);
    assert_eq!(
        gap(reported(attached("net/b", "net1", &["10.8.0.1"]))),
        StorageGap::NotAttached
    );
    assert_eq!(
        gap(reported(attached("net/storage", "net1", &["10.9.0.1"]))),
        found("net1")
    );
    assert_eq!(
        gap(reported(attached("net/storage", "lhnet1", &[]))),
        StorageGap::NoIp
    );
    let status_only = annotated(STATUS, "[]");
    assert_eq!(gap(status_only), StorageGap::NotRequested);
    let host = pod_with("a", "127.50.0.1", |pod| {
        pod["spec"]["hostNetwork"] = true.into();
        pod["metadata"]["annotations"][NETWORKS] = "net/storage@lhnet1".into();
    });
    assert_eq!(gap(host), StorageGap::HostNetwork);
    let off = pod_with("a", "127.50.0.1", |pod| {
        pod["metadata"]["annotations"]["kubomesh.dev/network"] = " Off".into();
        pod["metadata"]["annotations"][NETWORKS] = "net/storage@lhnet1".into();
    });
    assert_eq!(gap(off), StorageGap::OptedOut);
}

#[test]
fn what_cannot_be_read_says_which_annotation_and_its_text() {
    for (key, text) in [
        (NETWORKS, "net/storage@@"),
        (STATUS, "[{\"name\":"),
        (
            STATUS,
            r#"[{"name":"net/storage","interface":"lhnet1","ips":["ten"]}]"#,
        ),
        ("k8s.v1.cni.cncf.io/networks-status", "no json"),
    ] {
        let Some(StorageGap::Unparsable { why }) = only(&annotated(key, text)).storage.gap else {
            panic!("{text}");
        };
        let quoted = if text.contains("ten") { "`ten`" } else { text };
        assert!(why.contains(key) && why.contains(quoted), "{why}");
    }
    // It hides nothing that can be read.
    let both = pod_with("a", "127.50.0.1", |pod| {
        let status = json!([attached("net/storage", "lhnet1", &["10.9.0.1"])]);
        pod["metadata"]["annotations"] = json!({ NETWORKS: "@@", STATUS: status.to_string() });
    });
    assert_eq!(ips(&only(&both)), ["10.9.0.1"]);
}

#[test]
fn the_former_network_is_kept_beside_the_gap() {
    let member = only(&storage_pod(
        "a",
        "127.50.0.1",
        &[attached("net/old", "lhnet1", &["10.8.0.1"])],
    ));
    assert_eq!(member.storage.gap, Some(StorageGap::NotAttached));
    let former = member.storage.former.expect("the former network");
    assert_eq!(former.attachment.to_string(), "net/old");
    assert_eq!(
        former.ips,
        ["10.8.0.1".parse::<std::net::IpAddr>().unwrap()]
    );
}

/// The links of a mesh that goes back to the pod network are on it until they are moved.
#[test]
fn a_mesh_that_wants_no_network_any_more_knows_the_former_one() {
    let on = storage_pod(
        "a",
        "127.50.0.1",
        &[attached("net/storage", "lhnet1", &["10.9.0.1"])],
    );
    let mut case = Case::with(&wanted(), &[on]);
    assert_eq!(case.member("a").storage.former, None);
    case.mesh(&json!({}), None);
    let member = case.member("a");
    assert!(member.ips(Network::Storage).is_empty() && member.storage.gap.is_none());
    let former = member.storage.former.expect("the former network");
    assert_eq!(former.attachment.to_string(), "net/storage");
}

/// Multus writes after the pod is scheduled, other controllers even later.
#[test]
fn a_late_report_and_a_late_change_count() {
    let mut case = Case::with(&wanted(), &[storage_pod("a", "127.50.0.1", &[])]);
    assert_eq!(case.member("a").storage.gap, Some(StorageGap::NotReported));
    let with =
        |ips: &[&str]| storage_pod("a", "127.50.0.1", &[attached("net/storage", "lhnet1", ips)]);
    case.apply(&with(&["10.9.0.1"]));
    assert_eq!(ips(&case.member("a")), ["10.9.0.1"]);
    case.apply(&with(&["10.9.0.1", "fd00::1"]));
    assert_eq!(ips(&case.member("a")), ["10.9.0.1", "fd00::1"]);
    // So does another policy, with no event of the pod.
    case.mesh(
        &json!({ "attachment": "net/storage", "family": "IPv6" }),
        None,
    );
    assert_eq!(ips(&case.member("a")), ["fd00::1"]);
    case.mesh(
        &json!({ "attachment": "net/storage", "interface": "net1" }),
        None,
    );
    let lhnet1 = StorageGap::WrongInterface {
        found: "lhnet1".into(),
    };
    assert_eq!(case.member("a").storage.gap, Some(lhnet1));
    case.mesh(&json!({}), None);
    let without = case.member("a");
    assert_eq!((ips(&without).len(), without.storage.gap), (0, None));
}

/// A StatefulSet's successor may get the address before the old pod's object is gone.
#[test]
fn a_terminating_pod_shares_no_address() {
    let on = |name: &str| {
        let ip = format!("127.50.0.{}", name.len());
        storage_pod(
            name,
            &ip,
            &[attached("net/storage", "lhnet1", &["10.9.0.1"])],
        )
    };
    let mut case = Case::with(&wanted(), &[on("a"), on("bb")]);
    let with = |other: &str| Some(StorageGap::Shared { with: other.into() });
    assert_eq!(case.member("a").storage.gap, with("bb"));
    assert_eq!(case.member("bb").storage.gap, with("a"));
    let mut going = on("a");
    going["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z".into();
    case.apply(&going);
    assert_eq!(ips(&case.member("bb")), ["10.9.0.1"]);
    assert_eq!(case.member("bb").storage.gap, None);
}

/// Memory: what is not read is dropped, what many ask for is there once.
#[test]
fn a_pod_keeps_little_of_its_annotations() {
    let long = "x".repeat(50_000);
    let text =
        json!([{ "name": "net/storage", "interface": "lhnet1", "ips": ["10.9.0.1"], "x": long }]);
    let annotated = pod_with("a", "127.50.0.1", |pod| {
        pod["metadata"]["annotations"][STATUS] = text.to_string().into();
        pod["metadata"]["annotations"][NETWORKS] =
            json!([{ "name": "storage", "namespace": "net", "y": long }])
                .to_string()
                .into();
    });
    let facts = pod_facts(&annotated.to_string()).unwrap();
    assert!(format!("{facts:?}").len() < 2_000);
    assert!(
        pod_facts(&pod("b", "127.50.0.2").to_string())
            .unwrap()
            .networks
            .is_none()
    );
}

const CONFIG: &str = r#"{"type":"macvlan","ipam":{"type":"whereabouts","range":"10.9.0.0/24"}}"#;
const EDITED: &str = r#"{"ipam":{"range":"10.7.0.0/24","type":"whereabouts"},"type":"macvlan"}"#;

fn on_storage(name: &str, created: &str) -> Value {
    let mut pod = storage_pod(
        name,
        "127.50.0.1",
        &[attached("net/storage", "lhnet1", &["10.9.0.1"])],
    );
    pod["metadata"]["creationTimestamp"] = created.into();
    pod
}

#[test]
fn problems_of_the_definition_are_sentences() {
    let mut case = Case::with(&wanted(), &[]);
    assert_eq!(case.state(), AttachmentState::default(), "not known yet");
    let net: Arc<str> = "net".into();
    case.0.attachments().set_trouble(&net, Some("no right"));
    assert_eq!(case.state().problem.as_deref(), Some("no right"));
    case.0.attachments().reset(&net, Vec::new(), NOW);
    let why = case.state().problem.unwrap();
    assert!(
        why.contains("NetworkAttachmentDefinition net/storage does not exist: create it"),
        "{why}"
    );
    case.config("{", None, NOW);
    let why = case.state().problem.unwrap();
    assert!(
        why.contains("net/storage cannot be used: spec.config: `{` is no JSON"),
        "{why}"
    );
    case.config(CONFIG, None, NOW);
    assert_eq!(case.state().problem, None);
    // A failing watch is no news about what was read.
    case.0.attachments().set_trouble(&net, Some("no answer"));
    assert_eq!(case.state().problem, None);
}

#[test]
fn an_edit_is_drift_until_every_attached_pod_is_younger() {
    let mut case = Case::with(
        &wanted(),
        &[
            on_storage("a", "2026-01-01T00:00:00Z"),
            pod("b", "127.50.0.2"),
        ],
    );
    case.config(CONFIG, None, NOW);
    let first = case.state();
    let applied = first.applied.clone().unwrap();
    assert!(applied.config.contains("10.9.0.0/24"), "{applied:?}");
    assert_eq!(first.drift, None);
    // The same in other words is no edit.
    case.config(&format!(" {CONFIG} "), None, NOW);
    assert_eq!(case.state().drift, None);
    // 2026-01-02.
    case.config(EDITED, Some(Timestamp(1_767_312_000_000)), NOW);
    let drifted = case.state();
    let said = drifted.drift.unwrap();
    assert_eq!(
        &*said,
        r#"ipam.range was "10.9.0.0/24" and is "10.7.0.0/24""#
    );
    assert_eq!(
        drifted.applied.as_ref(),
        Some(&applied),
        "what was applied stays"
    );
    assert_eq!(
        case.member("a").storage.outside.len(),
        1,
        "10.9.0.1 is not in 10.7.0.0/24"
    );
    case.apply(&on_storage("a", "2026-01-03T00:00:00Z"));
    let anew = case.state();
    assert_eq!(anew.drift, None);
    assert!(anew.applied.unwrap().config.contains("10.7.0.0/24"));
}

/// Managed fields tell of every edit, also of one that leaves the config alone.
#[test]
fn a_later_edit_of_labels_makes_no_pod_older_than_the_config() {
    let mut case = Case::with(&wanted(), &[on_storage("a", "2026-01-01T00:00:00Z")]);
    case.config(CONFIG, None, NOW);
    assert_eq!(case.state().drift, None);
    // 2026-01-02 and 2026-01-04.
    case.config(EDITED, Some(Timestamp(1_767_312_000_000)), NOW);
    assert!(case.state().drift.is_some());
    case.config(EDITED, Some(Timestamp(1_767_484_800_000)), NOW);
    case.apply(&on_storage("a", "2026-01-03T00:00:00Z"));
    assert_eq!(case.state().drift, None);
}

#[test]
fn what_was_applied_survives_a_restart() {
    let pods = [on_storage("a", "2026-01-01T00:00:00Z")];
    let mut before = Case::with(&wanted(), &pods);
    before.config(CONFIG, None, NOW);
    let applied = before.state().applied;
    let mut after = Case::with(&wanted(), &[]);
    after.mesh(&wanted(), applied.as_ref());
    after.list(&pods);
    after.config(EDITED, None, NOW);
    assert!(after.state().drift.is_some(), "edited while nobody looked");
    // Without the status nobody knows.
    let mut unknown = Case::with(&wanted(), &pods);
    unknown.config(EDITED, None, NOW);
    assert_eq!(unknown.state().drift, None);
}

#[test]
fn another_attachment_begins_anew() {
    let mut case = Case::with(&wanted(), &[on_storage("a", "2026-01-01T00:00:00Z")]);
    case.config(CONFIG, None, NOW);
    let stale = case.state().applied;
    case.mesh(&json!({ "attachment": "net/new" }), stale.as_ref());
    assert_eq!(case.state().applied, None);
    case.mesh(&json!({}), stale.as_ref());
    assert_eq!(case.state(), AttachmentState::default());
}

/// Where nothing is attached, nothing was applied.
#[test]
fn an_edit_before_the_first_pod_is_attached_is_no_drift() {
    let mut case = Case::with(&wanted(), &[pod("a", "127.50.0.1")]);
    case.config(CONFIG, None, NOW);
    assert!(case.state().applied.is_some());
    case.config(EDITED, None, NOW);
    let state = case.state();
    assert_eq!(state.drift, None);
    assert!(state.applied.unwrap().config.contains("10.7.0.0/24"));
}
