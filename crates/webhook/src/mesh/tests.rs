//! What is refused, what is warned of, what passes, against an API server in memory.

#![allow(
    clippy::needless_pass_by_value,
    reason = "tables of JSON read better so"
)]

use kube::api::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionReview};
use kubomesh_process::Readiness;
use kubomesh_testkit::api_server::{Account, ApiServer, Fault};
use serde_json::{Value, json};

use super::{Ruling, judge};
use crate::cluster::Cluster;

const NADS: &str = "network-attachment-definitions";

fn request(new: &Value, old: Option<&Value>) -> AdmissionRequest<DynamicObject> {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u", "name": "fleet", "namespace": "ipfs",
            "kind": { "group": "kubomesh.dev", "version": "v1alpha1", "kind": "SwarmMesh" },
            "resource": { "group": "kubomesh.dev", "version": "v1alpha1", "resource": "swarmmeshes" },
            "operation": if old.is_some() { "UPDATE" } else { "CREATE" },
            "userInfo": {}, "object": new, "oldObject": old,
        },
    });
    let review: AdmissionReview<DynamicObject> = serde_json::from_value(review).unwrap();
    review.try_into().unwrap()
}

fn mesh(network: Value) -> Value {
    json!({
        "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
        "metadata": { "name": "fleet", "namespace": "ipfs" },
        "spec": { "peers": { "selector": { "matchLabels": { "app": "kubo" } } }, "network": network },
    })
}

/// With so many healthy and degraded links, and members.
fn linked(network: Value, (healthy, degraded, members): (i64, i64, i64)) -> Value {
    let mut mesh = mesh(network);
    mesh["status"] =
        json!({ "members": members, "links": { "healthy": healthy, "degraded": degraded } });
    mesh
}

fn server(config: &str) -> ApiServer {
    let server = ApiServer::asked_by(Account::Webhook);
    for namespace in ["net", "ipfs"] {
        server.put(
            NADS,
            json!({ "metadata": { "namespace": namespace, "name": "storage" },
                "spec": { "config": config } }),
        );
    }
    server
}

const GOOD: &str = r#"{"cniVersion":"1.0.0","type":"macvlan","ipam":{"type":"whereabouts","range":"192.168.77.0/24"}}"#;

async fn ask(server: &ApiServer, new: &Value, old: Option<&Value>) -> Ruling {
    let client = kube::Client::new(server.service(), "default");
    let (cluster, _) = Cluster::new(client, &Readiness::new());
    judge(&request(new, old), &cluster).await
}

async fn refusal(server: &ApiServer, new: &Value, old: Option<&Value>) -> String {
    match ask(server, new, old).await {
        Ruling::Refused(why) => why,
        Ruling::Allowed(warnings) => panic!("it is allowed, with {warnings:?}"),
    }
}

async fn warnings(server: &ApiServer, new: &Value, old: Option<&Value>) -> Vec<String> {
    match ask(server, new, old).await {
        Ruling::Allowed(warnings) => warnings,
        Ruling::Refused(why) => panic!("it is refused: {why}"),
    }
}

fn none() -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn a_mesh_without_a_storage_network_asks_nobody() {
    let server = ApiServer::asked_by(Account::Webhook);
    assert_eq!(warnings(&server, &mesh(json!({})), None).await, none());
    assert_eq!(server.asked("get", NADS), 0);
}

#[tokio::test]
async fn what_the_controller_would_not_act_on_is_refused_in_the_same_words() {
    let server = server(GOOD);
    let with = |path: &str, value: Value| {
        let mut mesh = mesh(json!({}));
        mesh["spec"][path] = value;
        mesh
    };
    let cases = [
        (
            mesh(json!({ "attachment": "storage" })),
            "spec.network.attachment is `storage`: write it as",
        ),
        (
            mesh(json!({ "attachment": "net/Storage" })),
            "spec.network.attachment is `net/Storage`: write",
        ),
        (
            mesh(json!({ "attachment": "a/b/c" })),
            "spec.network.attachment is `a/b/c`: write it as",
        ),
        (
            mesh(json!({ "interface": "with space" })),
            "spec.network.interface is `with space`: write 1 to 15",
        ),
        (
            mesh(json!({ "podCIDRs": ["10.0.0.0/33"] })),
            "spec.network.podCIDRs is `10.0.0.0/33`: write each",
        ),
        (
            with("peers", json!({})),
            "spec.peers.selector is empty: name the Kubo pods",
        ),
        (
            with("relays", json!({})),
            "spec.relays is set: this version does not implement it",
        ),
        (
            with("resyncInterval", json!("never")),
            "spec.resyncInterval is `never`: write a time",
        ),
        (
            with("mode", json!("Perhaps")),
            "the object cannot be read (unknown variant `Perhaps`",
        ),
        (
            with("peers", json!(7)),
            "the object cannot be read (invalid type",
        ),
    ];
    for (new, sentence) in cases {
        let why = refusal(&server, &new, None).await;
        assert!(why.starts_with(sentence), "{why}");
    }
}

#[tokio::test]
async fn a_network_must_exist_and_be_readable() {
    let new = mesh(json!({ "attachment": "net/other" }));
    let why = refusal(&server(GOOD), &new, None).await;
    let said =
        "spec.network.attachment is `net/other`: there is no such NetworkAttachmentDefinition";
    assert!(why.starts_with(said), "{why}");
    let new = mesh(json!({ "attachment": "net/storage" }));
    for config in [
        "{",
        "[]",
        "{}",
        r#"{"plugins":[]}"#,
        r#"{"type":"x","ipam":{"type":"host-local","subnet":"x"}}"#,
    ] {
        let why = refusal(&server(config), &new, None).await;
        let said = "spec.network.attachment is `net/storage`: its NetworkAttachmentDefinition cannot be used: spec.config: ";
        assert!(why.starts_with(said), "{config}: {why}");
    }
}

#[tokio::test]
async fn without_multus_it_is_said() {
    // As an API server answers about a kind that it does not know.
    let unknown = axum::Router::new()
        .fallback(async || (http::StatusCode::NOT_FOUND, "404 page not found\n"));
    let client = kube::Client::new(unknown, "default");
    let (cluster, _) = Cluster::new(client, &Readiness::new());
    let new = mesh(json!({ "attachment": "net/storage" }));
    let Ruling::Refused(why) = judge(&request(&new, None), &cluster).await else {
        panic!("it is allowed");
    };
    assert!(
        why.contains("Multus is not installed; install it, or leave the field empty"),
        "{why}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_say_is_not_waited_for() {
    let server = server(GOOD);
    let new = mesh(json!({ "attachment": "net/storage" }));
    server.fail("get", NADS, Fault::Hang, None);
    let why = refusal(&server, &new, None).await;
    assert!(
        why.contains("is not known, the API server did not answer within 3 s; try again"),
        "{why}"
    );
    server.fail("get", NADS, Fault::Status(403), None);
    let why = refusal(&server, &new, None).await;
    assert!(
        why.contains("grant its service account what manifests/components/webhook does"),
        "{why}"
    );
    server.fail("get", NADS, Fault::Status(500), None);
    let why = refusal(&server, &new, None).await;
    assert!(
        why.contains("is not known: the API server answered:"),
        "{why}"
    );
}

#[tokio::test]
async fn setting_a_network_is_allowed_and_said_to_be_dangerous() {
    let new = mesh(json!({ "attachment": "ipfs/storage" }));
    let said = warnings(&server(GOOD), &new, None).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with(
            "dangerous setting: all links of this mesh move to ipfs/storage at lhnet1"
        )
    );
    let old = linked(json!({ "attachment": "ipfs/storage" }), (0, 0, 0));
    let said = warnings(&server(GOOD), &mesh(json!({})), Some(&old)).await;
    assert!(said[0].contains("move to the pod network"), "{said:?}");
    let renamed = mesh(json!({ "attachment": "ipfs/storage", "interface": "net1" }));
    let said = warnings(&server(GOOD), &renamed, Some(&old)).await;
    assert!(said[0].contains("ipfs/storage at net1"), "{said:?}");
}

#[tokio::test]
async fn what_will_probably_not_work_is_warned_of() {
    let new = mesh(json!({ "attachment": "net/storage" }));
    let said = warnings(&server(GOOD), &new, None).await;
    assert!(
        said[1].contains("another namespace than the mesh: with Multus' namespaceIsolation"),
        "{said:?}"
    );
    let local = r#"{"type":"macvlan","ipam":{"type":"host-local","subnet":"192.168.77.0/24"}}"#;
    let said = warnings(
        &server(local),
        &mesh(json!({ "attachment": "ipfs/storage" })),
        None,
    )
    .await;
    assert!(
        said[1].starts_with("ipfs/storage: ipam.type host-local knows only its own node"),
        "{said:?}"
    );
    let said = warnings(
        &server(""),
        &mesh(json!({ "attachment": "ipfs/storage" })),
        None,
    )
    .await;
    assert!(said[1].contains("spec.config is empty"), "{said:?}");
}

#[tokio::test]
async fn a_range_that_is_too_small_or_overlaps_is_warned_of() {
    let small = r#"{"type":"macvlan","ipam":{"type":"whereabouts","range":"10.1.2.0/29"}}"#;
    let server = server(small);
    for (mesh, ip) in [
        ("fleet", "10.1.2.3"),
        ("other", "10.1.2.4"),
        ("fleet", "10.9.9.9"),
    ] {
        server.put(
            "swarmpeers",
            json!({ "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmPeer",
            "metadata": { "namespace": "ipfs", "name": ip }, "spec": { "mesh": mesh },
            "status": { "ip": ip } }),
        );
    }
    let old = linked(json!({}), (0, 0, 40));
    let new = linked(json!({ "attachment": "ipfs/storage" }), (0, 0, 40));
    let said = warnings(&server, &new, Some(&old)).await;
    assert!(
        said[1].contains("addresses for 40 members; widen them"),
        "{said:?}"
    );
    assert!(
        said[2].contains("the range 10.1.2.0/29 holds 10.1.2.3"),
        "{said:?}"
    );
    assert_eq!(said.len(), 3);
    // Nobody is kept waiting for a warning.
    server.fail("list", "swarmpeers", Fault::Status(500), None);
    assert_eq!(warnings(&server, &new, Some(&old)).await.len(), 2);
}

#[tokio::test]
async fn a_network_in_use_is_not_changed_unless_rolling() {
    let server = server(GOOD);
    let on = |rollout: &str| json!({ "attachment": "ipfs/storage", "rollout": rollout });
    let other = |rollout: &str| json!({ "attachment": "net/storage", "rollout": rollout });
    let off = |rollout: &str| json!({ "rollout": rollout });
    // Before, after, links.
    let refused = [
        (
            off("WhenIdle"),
            on("WhenIdle"),
            (3, 0, 3),
            "from `` (the pod network) to `ipfs/storage` while 3 links use",
        ),
        (
            on("WhenIdle"),
            off("WhenIdle"),
            (2, 1, 3),
            "from `ipfs/storage` to `` (the pod network) while 3 links use",
        ),
        (
            on("WhenIdle"),
            other("WhenIdle"),
            (0, 1, 2),
            "from `ipfs/storage` to `net/storage` while 1 link uses",
        ),
        (
            on("Rolling"),
            other("WhenIdle"),
            (1, 0, 2),
            "while 1 link uses",
        ),
    ];
    for (before, after, links, sentence) in refused {
        let (old, new) = (linked(before, links), linked(after, links));
        let why = refusal(&server, &new, Some(&old)).await;
        assert!(why.contains(sentence), "{why}");
        assert!(
            why.contains("set spec.network.rollout to Rolling in the same update"),
            "{why}"
        );
    }
    let allowed = [
        (off("WhenIdle"), on("Rolling"), (3, 0, 3)),
        (on("WhenIdle"), off("Rolling"), (3, 3, 3)),
        (on("WhenIdle"), other("WhenIdle"), (0, 0, 9)),
    ];
    for (before, after, links) in allowed {
        let (old, new) = (linked(before, links), linked(after, links));
        assert!(!warnings(&server, &new, Some(&old)).await.is_empty());
    }
    assert_eq!(
        server.asked("get", NADS),
        2,
        "the pod network has no definition"
    );
}

#[tokio::test]
async fn what_does_not_touch_the_network_passes_whatever_became_of_it() {
    let server = ApiServer::asked_by(Account::Webhook);
    server.fail("get", NADS, Fault::Status(500), None);
    let old = linked(json!({ "attachment": "gone/gone" }), (9, 9, 9));
    let mut released = old.clone();
    released["spec"]["mode"] = json!("Release");
    assert_eq!(warnings(&server, &released, Some(&old)).await, none());
    // Not even what is wrong is looked at where nothing changed, or the mesh is on its way out.
    let mut wrong = mesh(json!({ "attachment": "none" }));
    assert_eq!(
        warnings(&server, &wrong, Some(&wrong.clone())).await,
        none()
    );
    let old = wrong.clone();
    wrong["spec"]["mode"] = json!("Nonsense");
    wrong["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    wrong["metadata"]["finalizers"] = json!([]);
    assert_eq!(warnings(&server, &wrong, Some(&old)).await, none());
}

#[tokio::test]
async fn a_network_that_could_not_be_read_before_counts_as_none() {
    let old = linked(json!({ "attachment": "nonsense" }), (2, 0, 2));
    let new = linked(json!({}), (2, 0, 2));
    assert_eq!(warnings(&server(GOOD), &new, Some(&old)).await, none());
}
