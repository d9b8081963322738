//! Bodies as nobody should send them, too many of them, and an API server that does not answer.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use kubomesh_testkit::api_server::Fault;
use serde_json::json;
use tokio::task::JoinSet;

use super::super::{MESHES, MOST_BYTES, MOST_PODS, PODS};
use super::{DEADLINE, Webhook, pod, review};
use crate::metrics::{Hook, Outcome};

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
