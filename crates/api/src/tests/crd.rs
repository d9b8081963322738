//! The CRDs as they are installed: what the schema says, and what its rules refuse.

use kube::core::cel::validate_cel;
use serde_json::{Value, json};

use crate::{SwarmMesh, SwarmPeer, crds, crds_yaml};

#[test]
fn crds_are_as_reviewed() {
    insta::assert_snapshot!(crds_yaml().unwrap());
}

#[test]
fn crds_can_be_read_back() {
    let yaml = crds_yaml().unwrap();
    let read: Vec<Value> = serde_saphyr::from_multiple(&yaml).unwrap();
    let made: Vec<Value> = crds()
        .iter()
        .map(|crd| serde_json::to_value(crd).unwrap())
        .collect();
    assert_eq!(read, made);
}

/// No object of ours may hold up a deletion: the schema has no such thing, and neither may code.
#[test]
fn formats_are_those_that_the_api_server_knows() {
    let yaml = crds_yaml().unwrap();
    let formats: Vec<_> = yaml
        .lines()
        .filter(|line| line.trim().starts_with("format:"))
        .collect();
    let known = ["int32", "int64", "double", "date-time"];
    for line in formats {
        let format = line.trim().trim_start_matches("format:").trim();
        assert!(
            known.contains(&format),
            "the API server warns of format {format}"
        );
    }
}

#[test]
fn a_mesh_needs_nothing_but_a_selector() {
    let mesh = mesh(&json!({ "peers": selector() }));
    validate_cel(&mesh).unwrap();
    let whole = serde_json::to_value(&mesh.spec).unwrap();
    assert_eq!(whole["resyncInterval"], "30s");
    assert_eq!(whole["limits"]["dialTimeout"], "15s");
    assert_eq!(whole["links"]["forgetAfter"], "2m");
}

#[test]
fn each_rule_refuses_with_a_sentence() {
    let cases = vec![
        (
            json!({ "peers": {} }),
            "spec.peers.selector is empty: name the Kubo pods",
        ),
        (
            json!({ "peers": { "selector": { "matchLabels": {} } } }),
            "spec.peers.selector is empty",
        ),
        (
            with(
                "peers",
                json!({ "selector": selector()["selector"], "rpc": { "port": 0 } }),
            ),
            "spec.peers.rpc.port is no port: choose one from 1 to 65535",
        ),
        (
            with("resyncInterval", json!("0s")),
            "spec.resyncInterval is `0s`: write a time such as",
        ),
        (
            with("resyncInterval", json!("soon")),
            "spec.resyncInterval is `soon`: write a time",
        ),
        (
            with("links", json!({ "forgetAfter": "25h" })),
            "spec.links.forgetAfter is `25h`",
        ),
        (
            with("limits", json!({ "inFlight": 0 })),
            "spec.limits.inFlight is out of bounds: choose a number",
        ),
        (
            with("limits", json!({ "inFlightPerNode": 9 })),
            "from 1 to 8",
        ),
        (
            with("limits", json!({ "dialTimeout": "2m" })),
            "spec.limits.dialTimeout is `2m`",
        ),
        (
            with("limits", json!({ "dialInterval": "0s" })),
            "spec.limits.dialInterval is `0s`",
        ),
        (
            with("limits", json!({ "removalPercentPerMinute": 101 })),
            "from 1 to 100",
        ),
        (
            with("limits", json!({ "statusWritesPerSecond": 51 })),
            "from 1 to 50",
        ),
    ];
    refused(cases);
}

#[test]
fn topology_and_network_refuse_with_a_sentence_too() {
    let cases = vec![
        (
            with("topology", json!({ "fullMeshUpTo": 1 })),
            "spec.topology.fullMeshUpTo is out of bounds",
        ),
        (
            with("topology", json!({ "degree": 9 })),
            "spec.topology.degree is `9`: write Auto, or",
        ),
        (
            with("topology", json!({ "degree": "auto" })),
            "spec.topology.degree is `auto`",
        ),
        (
            with("network", json!({ "steering": "Strict" })),
            "spec.network.steering is Strict and spec.network.podCIDRs is empty",
        ),
        (
            with(
                "network",
                json!({ "steering": "Strict", "podCIDRs": ["10.0.0.0/8"], "fallback": "PodNetwork" }),
            ),
            "set fallback to Never",
        ),
    ];
    refused(cases);
}

#[test]
fn what_is_allowed_passes() {
    for spec in [
        with("topology", json!({ "degree": 16, "fullMeshUpTo": 2 })),
        with("topology", json!({ "degree": "Auto" })),
        with("resyncInterval", json!("1m30s")),
        with("links", json!({ "forgetAfter": "0s" })),
        with(
            "network",
            json!({ "steering": "Strict", "podCIDRs": ["10.0.0.0/8"] }),
        ),
    ] {
        validate_cel(&mesh(&spec)).unwrap_or_else(|errors| panic!("{spec} is refused: {errors}"));
    }
}

#[test]
fn unknown_and_missing_fields_of_a_record_do_not_stop_decoding() {
    let object = json!({
        "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmPeer",
        "metadata": { "name": "a" }, "spec": { "mesh": "kubo", "later": 1 },
    });
    let peer: SwarmPeer = serde_json::from_value(object).unwrap();
    assert_eq!(peer.spec.mesh, "kubo");
}

fn selector() -> Value {
    json!({ "selector": { "matchLabels": { "app": "kubo" } } })
}

fn with(field: &str, value: Value) -> Value {
    let mut spec = json!({ "peers": selector() });
    spec[field] = value;
    spec
}

fn mesh(spec: &Value) -> SwarmMesh {
    serde_json::from_value(json!({
        "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
        "metadata": { "name": "kubo", "namespace": "apps" }, "spec": spec,
    }))
    .unwrap()
}

fn refused(cases: Vec<(Value, &str)>) {
    for (spec, sentence) in cases {
        let errors = validate_cel(&mesh(&spec))
            .expect_err(&spec.to_string())
            .to_string();
        assert!(
            errors.contains(sentence),
            "{spec}\nsays {errors}\nnot {sentence}"
        );
    }
}
