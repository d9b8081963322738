//! Reviews as an API server sends them, and bodies as nobody should.

#![allow(
    clippy::needless_pass_by_value,
    reason = "tables of JSON read better so"
)]

mod meshes;
mod pods;
mod strain;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http::{Request, StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use kubomesh_process::Readiness;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::{Account, ApiServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Admission, router};
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
