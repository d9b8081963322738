//! Meshes: admitted, or refused with a sentence.

use serde_json::json;

use super::super::MESHES;
use super::{Webhook, review};
use crate::metrics::{Hook, Outcome};

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
