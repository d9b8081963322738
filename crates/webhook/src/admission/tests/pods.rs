//! Pods: what they get, and what is said of what they do not get.

use kubomesh_testkit::api_server::Fault;
use serde_json::json;

use super::super::PODS;
use super::{DEADLINE, Webhook, patched, pod};
use crate::metrics::{Hook, Outcome};

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
