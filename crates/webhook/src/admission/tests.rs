//! Reviews as an API server sends them, and bodies as nobody should.

#![allow(
    clippy::needless_pass_by_value,
    reason = "tables of JSON read better so"
)]

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http::{Request, StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use kubomesh_process::Readiness;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::{Account, ApiServer, Fault};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Admission, MESHES, MOST_BYTES, MOST_PODS, PODS, router};
use crate::cluster::{Cluster, Events};
use crate::metrics::{Hook, Outcome, WebhookMetrics};

const DEADLINE: Duration = Duration::from_secs(30);

struct Webhook {
    router: Router,
    server: ApiServer,
    readiness: Readiness,
    metrics: WebhookMetrics,
    _tasks: JoinSet<()>,
}

impl Webhook {
    fn new() -> Self {
        let server = ApiServer::asked_by(Account::Webhook);
        let client = kube::Client::new(server.service(), "default");
        let readiness = Readiness::new();
        let metrics = WebhookMetrics::register(&Catalog::new().unwrap()).unwrap();
        let (cluster, watching) = Cluster::new(client.clone(), &readiness);
        let (events, writing) = Events::new(client, "one".to_owned(), metrics.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(watching);
        tasks.spawn(writing);
        let admission = Admission::new(cluster, events, "agent:1".to_owned(), metrics.clone());
        Self {
            router: router(admission),
            server,
            readiness,
            metrics,
            _tasks: tasks,
        }
    }

    /// With meshes, each with its creation and network.
    async fn with(meshes: &[(&str, &str, Value)]) -> Self {
        let webhook = Self::new();
        for (name, created, network) in meshes {
            webhook.server.put(
                "swarmmeshes",
                json!({
                    "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
                    "metadata": { "name": name, "namespace": "ipfs", "creationTimestamp": created },
                    "spec": { "peers": { "selector": { "matchLabels": { "app": "kubo" } } },
                        "network": network },
                }),
            );
        }
        webhook
            .until("ready", || webhook.readiness.is_ready())
            .await;
        webhook
    }

    async fn until(&self, what: &str, is: impl Fn() -> bool) {
        let waiting = async {
            while !is() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.expect(what);
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, Bytes) {
        let request = Request::post(path).body(body.into()).unwrap();
        let response = TowerToHyperService::new(self.router.clone())
            .call(request)
            .await
            .unwrap();
        let status = response.status();
        (
            status,
            to_bytes(response.into_body(), usize::MAX).await.unwrap(),
        )
    }

    /// The response of an answered review.
    async fn ask(&self, path: &str, review: &Value) -> Value {
        let (status, body) = self.post(path, review.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], "u-1");
        answer["response"].clone()
    }

    fn counted(&self, hook: Hook, outcome: Outcome) -> u64 {
        self.metrics.requests.get((hook, outcome)).get()
    }
}

fn review(resource: &str, object: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "name": "", "namespace": "ipfs", "operation": "CREATE",
            "kind": { "group": "", "version": "v1", "kind": "Any" },
            "resource": { "group": "", "version": "v1", "resource": resource },
            "userInfo": { "username": "somebody" }, "object": object, "oldObject": null,
            "dryRun": false, "options": null,
        },
    })
}

/// A pod of a workload: it has no name yet.
fn pod(annotations: Value) -> Value {
    review(
        "pods",
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "generateName": "kubo-", "labels": { "app": "kubo" }, "annotations": annotations,
                "creationTimestamp": null,
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "kubo",
                    "uid": "o", "controller": true }] },
            "spec": { "containers": [{ "name": "kubo", "image": "ipfs/kubo" }] },
            "status": {},
        }),
    )
}

/// The object with the patch of an answer put to it.
fn patched(review: &Value, response: &Value) -> Value {
    let patch: Vec<u8> = serde_json::from_value(response["patch"].clone()).unwrap_or_else(|_| {
        let text: k8s_openapi::ByteString =
            serde_json::from_value(response["patch"].clone()).unwrap();
        text.0
    });
    assert_eq!(response["patchType"], "JSONPatch");
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut object = review["request"]["object"].clone();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}

const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";

#[tokio::test]
async fn a_pod_gets_the_network_of_the_oldest_mesh_that_selects_it() {
    let webhook = Webhook::with(&[
        (
            "young",
            "2026-02-01T00:00:00Z",
            json!({ "attachment": "net/young" }),
        ),
        (
            "old",
            "2026-01-01T00:00:00Z",
            json!({ "attachment": "net/old" }),
        ),
    ])
    .await;
    for annotations in [json!({}), json!(null), json!({ "a": "b" })] {
        let review = pod(annotations);
        let response = webhook.ask(PODS, &review).await;
        assert_eq!(response["allowed"], true);
        let after = patched(&review, &response);
        assert_eq!(after["metadata"]["annotations"][NETWORKS], "net/old@lhnet1");
        let mut without = after.clone();
        without["metadata"]["annotations"]
            .as_object_mut()
            .unwrap()
            .remove(NETWORKS);
        assert_eq!(without["spec"], review["request"]["object"]["spec"]);
    }
    assert_eq!(webhook.counted(Hook::Pod, Outcome::Changed), 3);
    // One that no mesh selects, and one of another namespace.
    let mut other = pod(json!({}));
    other["request"]["object"]["metadata"]["labels"] = json!({ "app": "other" });
    let mut elsewhere = pod(json!({}));
    elsewhere["request"]["namespace"] = json!("elsewhere");
    for review in [other, elsewhere] {
        let response = webhook.ask(PODS, &review).await;
        assert_eq!(
            (&response["allowed"], &response["patch"]),
            (&json!(true), &json!(null))
        );
    }
    assert_eq!(webhook.counted(Hook::Pod, Outcome::Allowed), 2);
}

#[tokio::test]
async fn a_mesh_that_changes_is_heard_of() {
    let webhook = Webhook::with(&[("fleet", "2026-01-01T00:00:00Z", json!({}))]).await;
    assert_eq!(
        webhook.ask(PODS, &pod(json!({}))).await["patch"],
        json!(null)
    );
    webhook.server.edit("swarmmeshes", "ipfs", "fleet", |mesh| {
        mesh["spec"]["network"]["attachment"] = json!("net/storage");
    });
    let changed = async {
        while webhook.ask(PODS, &pod(json!({}))).await["patch"].is_null() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, changed).await.unwrap();
}

#[tokio::test]
async fn what_a_pod_does_not_get_is_said_in_a_warning_and_an_event() {
    let webhook = Webhook::with(&[(
        "fleet",
        "2026-01-01T00:00:00Z",
        json!({ "attachment": "net/storage" }),
    )])
    .await;
    let response = webhook.ask(PODS, &pod(json!({ NETWORKS: "[{" }))).await;
    assert_eq!(
        (&response["allowed"], &response["patch"]),
        (&json!(true), &json!(null))
    );
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("not attached to net/storage: annotation"),
        "{warning}"
    );
    assert!(warning.len() <= 256);
    webhook
        .until("the event", || !webhook.server.all("events").is_empty())
        .await;
    let event = &webhook.server.all("events")[0];
    assert_eq!(event["regarding"]["kind"], "StatefulSet");
    assert_eq!(event["regarding"]["name"], "kubo");
    assert_eq!(event["metadata"]["namespace"], "ipfs");
    assert_eq!(event["reason"], "AnnotationMalformed");
    assert_eq!(webhook.counted(Hook::Pod, Outcome::Skipped), 1);

    let mut dry = pod(json!({ NETWORKS: "[{" }));
    dry["request"]["dryRun"] = json!(true);
    dry["request"]["uid"] = json!("u-1");
    webhook.ask(PODS, &dry).await;
    assert_eq!(
        webhook.server.asked("create", "events"),
        1,
        "nothing is created, nothing is said"
    );
}

#[tokio::test]
async fn the_agent_is_added_where_its_secret_is() {
    let webhook = Webhook::with(&[("fleet", "2026-01-01T00:00:00Z", json!({}))]).await;
    let review = pod(json!({ "kubomesh.dev/inject-agent": "true" }));
    let response = webhook.ask(PODS, &review).await;
    assert_eq!(response["patch"], json!(null));
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("the namespace ipfs has no Secret kubomesh-agent-tls"),
        "{warning}"
    );
    webhook
        .server
        .fail("get", "secrets", Fault::Status(500), Some(1));
    let response = webhook.ask(PODS, &review).await;
    assert!(
        response["warnings"][0]
            .as_str()
            .unwrap()
            .contains("is not known"),
        "{response}"
    );
    webhook.server.put(
        "secrets",
        json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "namespace": "ipfs", "name": "kubomesh-agent-tls" } }),
    );
    let response = webhook.ask(PODS, &review).await;
    let after = patched(&review, &response);
    assert_eq!(after["spec"]["containers"][1]["name"], "kubomesh-agent");
    assert_eq!(after["spec"]["volumes"][0]["name"], "kubomesh-agent-tls");
}

#[tokio::test(start_paused = true)]
async fn no_pod_waits_for_an_api_server_that_does_not_answer() {
    let webhook = Webhook::new();
    webhook
        .server
        .fail("list", "swarmmeshes", Fault::Hang, None);
    let begun = tokio::time::Instant::now();
    let response = webhook.ask(PODS, &pod(json!({}))).await;
    assert_eq!(response["allowed"], true);
    let said = "the webhook has not heard of the SwarmMeshes yet";
    assert_eq!(response["warnings"][0], said);
    assert!(begun.elapsed() < Duration::from_millis(1_600));
    assert!(!webhook.readiness.is_ready());
}

#[tokio::test]
async fn a_mesh_is_refused_with_a_sentence() {
    let webhook = Webhook::new();
    let spec = json!({ "peers": { "selector": { "matchLabels": { "app": "kubo" } } },
        "network": { "attachment": "nonsense" } });
    let object = json!({ "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
        "metadata": { "name": "fleet", "namespace": "ipfs" }, "spec": spec });
    let response = webhook
        .ask(MESHES, &review("swarmmeshes", object.clone()))
        .await;
    assert_eq!(response["allowed"], false);
    let why = response["status"]["message"].as_str().unwrap();
    assert!(
        why.starts_with("spec.network.attachment is `nonsense`"),
        "{response}"
    );
    let mut fine = object;
    fine["spec"]["network"] = json!({});
    let response = webhook.ask(MESHES, &review("swarmmeshes", fine)).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(webhook.counted(Hook::Mesh, Outcome::Refused), 1);
    assert_eq!(webhook.counted(Hook::Mesh, Outcome::Allowed), 1);
}

#[tokio::test]
async fn what_is_no_review_is_answered_with_what_is_wrong() {
    let webhook = Webhook::with(&[]).await;
    let old = pod(json!({}))
        .to_string()
        .replace("k8s.io/v1\"", "k8s.io/v1beta1\"");
    let mut none = pod(json!({}));
    none["request"] = json!(null);
    let deep = "[".repeat(100_000);
    let cases = [
        (String::new(), 400, "the body is no AdmissionReview"),
        ("null".to_owned(), 400, "the body is no AdmissionReview"),
        ("{}".to_owned(), 400, "the body is no AdmissionReview"),
        (
            "\u{0}\u{1}".to_owned(),
            400,
            "the body is no AdmissionReview",
        ),
        (deep, 400, "the body is no AdmissionReview"),
        (
            old,
            400,
            "the review is of version admission.k8s.io/v1beta1",
        ),
        (none.to_string(), 400, "the review has no request"),
        (
            review("nodes", json!({})).to_string(),
            400,
            "the review is about nodes",
        ),
        (" ".repeat(MOST_BYTES + 1), 413, "the body is larger than"),
    ];
    for path in [PODS, MESHES] {
        for (body, status, sentence) in &cases {
            let (code, said) = webhook.post(path, body.clone()).await;
            let said = String::from_utf8_lossy(&said).into_owned();
            assert_eq!(code.as_u16(), *status, "{said}");
            assert!(said.starts_with(sentence), "{said}");
        }
    }
    let count = u64::try_from(cases.len()).unwrap();
    assert_eq!(webhook.counted(Hook::Pod, Outcome::Failed), count);
    let (code, _) = webhook.post("/", "").await;
    assert_eq!(code, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_pod_without_an_object_or_being_changed_is_let_through() {
    let webhook = Webhook::with(&[(
        "fleet",
        "2026-01-01T00:00:00Z",
        json!({ "attachment": "net/storage" }),
    )])
    .await;
    let mut deleted = pod(json!({}));
    deleted["request"]["operation"] = json!("DELETE");
    deleted["request"]["object"] = json!(null);
    let mut updated = pod(json!({}));
    updated["request"]["operation"] = json!("UPDATE");
    for review in [deleted, updated] {
        let response = webhook.ask(PODS, &review).await;
        assert_eq!(
            (&response["allowed"], &response["patch"]),
            (&json!(true), &json!(null))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_slow_bodies_costs_no_more_than_its_bound() {
    let webhook = Webhook::new();
    let mut floods = JoinSet::new();
    for _ in 0..MOST_PODS + 40 {
        let router = TowerToHyperService::new(webhook.router.clone());
        floods.spawn(async move {
            let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
            let request = Request::post(PODS).body(Body::from_stream(never)).unwrap();
            router.call(request).await.unwrap().status()
        });
    }
    // Meshes never wait for pods.
    let none = review("swarmmeshes", json!({})).to_string();
    assert_eq!(webhook.post(MESHES, none).await.0, StatusCode::OK);
    let statuses = tokio::time::timeout(DEADLINE, floods.join_all())
        .await
        .unwrap();
    let of = |wanted: StatusCode| statuses.iter().filter(|status| **status == wanted).count();
    assert!(of(StatusCode::REQUEST_TIMEOUT) >= MOST_PODS, "{statuses:?}");
    assert_eq!(
        of(StatusCode::REQUEST_TIMEOUT) + of(StatusCode::SERVICE_UNAVAILABLE),
        statuses.len()
    );
}
