//! What pods get: tables.

#![allow(
    clippy::needless_pass_by_value,
    reason = "tables of JSON read better so"
)]

mod agent;
mod annotations;
mod prepare;
mod script;

use kubomesh_api::SwarmMeshSpec;
use serde_json::{Value, json};

use super::{Admitted, Skipped, mutate};
use crate::cluster::MeshView;

/// A mesh with a storage network `net/storage` at `lhnet1`.
fn mesh(network: Value) -> MeshView {
    let mut spec = json!({ "peers": { "selector": { "matchLabels": { "app": "kubo" } } } });
    spec["network"] = network;
    MeshView {
        name: "fleet".to_owned(),
        spec: serde_json::from_value::<SwarmMeshSpec>(spec).unwrap(),
    }
}

fn storage() -> MeshView {
    mesh(json!({ "attachment": "net/storage", "podCIDRs": ["10.0.0.0/8"] }))
}

/// A pod with these annotations and one Kubo.
fn pod(annotations: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "generateName": "kubo-", "namespace": "ipfs", "labels": { "app": "kubo" },
            "annotations": annotations },
        "spec": { "containers": [{ "name": "kubo", "image": "ipfs/kubo:v0.43.0",
            "ports": [{ "name": "api", "containerPort": 5001 }] }] },
    })
}

/// Without an agent.
fn admit(pod: &Value, mesh: &MeshView) -> Admitted {
    mutate(pod, "ipfs", mesh, ("agent:1", None))
}

/// With one, whose Secret is there.
fn with_agent(pod: &Value, mesh: &MeshView) -> Admitted {
    mutate(pod, "ipfs", mesh, ("agent:1", Some(Ok(()))))
}

fn notes(admitted: &Admitted) -> Vec<&str> {
    admitted
        .skipped
        .iter()
        .map(|skipped| skipped.note.as_str())
        .collect()
}

#[test]
fn a_mesh_that_cannot_be_read_leaves_its_pods_alone() {
    let mesh = mesh(json!({ "attachment": "storage" }));
    let admitted = admit(&pod(json!({})), &mesh);
    assert_eq!(admitted.changed, None);
    let said =
        "the SwarmMesh fleet cannot be acted on: spec.network.attachment is `storage`: write";
    assert!(notes(&admitted)[0].starts_with(said), "{admitted:?}");
}

#[test]
fn whatever_a_pod_is_made_of_nothing_panics() {
    let whole = pod(json!({ "kubomesh.dev/prepare-kubo": "true" }));
    let odd = [
        json!(null),
        json!(7),
        json!("text"),
        json!([]),
        json!([7, null, "x", {}]),
        json!({}),
    ];
    let places = [
        "/metadata",
        "/metadata/annotations",
        "/spec",
        "/spec/containers",
        "/spec/containers/0",
        "/spec/containers/0/ports",
        "/spec/containers/0/ports/0",
        "/spec/containers/0/name",
    ];
    for place in places {
        for value in &odd {
            let mut pod = whole.clone();
            if let Some(slot) = pod.pointer_mut(place) {
                *slot = value.clone();
            }
            let _ = with_agent(&pod, &storage());
        }
    }
    let lists = ["volumes", "containers", "initContainers"];
    for list in lists {
        for value in &odd {
            let mut pod = whole.clone();
            pod["spec"][list] = value.clone();
            let _ = with_agent(&pod, &storage());
        }
    }
    for field in ["volumeMounts", "env"] {
        for value in &odd {
            let mut pod = whole.clone();
            pod["spec"]["containers"][0][field] = value.clone();
            let _ = with_agent(&pod, &storage());
        }
    }
}

#[test]
fn one_thing_that_cannot_be_had_does_not_keep_the_others_back() {
    let mut pod = pod(json!({ "k8s.v1.cni.cncf.io/networks": "[{" }));
    pod["metadata"]["annotations"]["kubomesh.dev/inject-agent"] = json!("true");
    let admitted = with_agent(&pod, &storage());
    let changed = admitted.changed.clone().unwrap();
    assert_eq!(changed["spec"]["containers"].as_array().unwrap().len(), 2);
    assert_eq!(changed["metadata"], pod["metadata"]);
    assert_eq!(admitted.skipped[0].reason, "AnnotationMalformed");
    let missing = Skipped::new("AgentSecretMissing", "why".to_owned());
    let admitted = mutate(
        &super::tests::pod(json!({})),
        "ipfs",
        &storage(),
        ("", Some(Err(missing))),
    );
    assert!(admitted.changed.is_some(), "the network all the same");
    assert_eq!(notes(&admitted), ["why"]);
}
