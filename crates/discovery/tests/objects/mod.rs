//! Objects as an API server sends them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use kubomesh_discovery::{PodFacts, pod_facts};
use serde_json::{Value, json};

/// A Ready pod of a Kubo with one IP.
pub fn pod(name: &str, ip: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "apps", "uid": format!("{name}-1"),
            "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": { "app": "kubo" },
            "annotations": { "unread": "x" }, "managedFields": [{ "unread": true }],
        },
        "spec": {
            "nodeName": "node-a",
            "containers": [{
                "name": "ipfs", "image": "ipfs/kubo:v0.43.0",
                "ports": [
                    { "name": "swarm", "containerPort": 4001, "protocol": "TCP" },
                    { "name": "api", "containerPort": 5001, "protocol": "TCP" },
                ],
            }],
        },
        "status": {
            "phase": "Running", "podIP": ip, "podIPs": [{ "ip": ip }], "hostIP": "127.50.0.200",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{
                "name": "ipfs", "restartCount": 2, "containerID": "containerd://abc",
            }],
        },
    })
}

/// The same with changes.
pub fn pod_with(name: &str, ip: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let mut pod = pod(name, ip);
    edit(&mut pod);
    pod
}

/// What discovery keeps of it.
pub fn facts(pod: &Value) -> PodFacts {
    pod_facts(&pod.to_string()).unwrap()
}

/// A mesh that selects `app: kubo`.
pub fn mesh(name: &str, spec: Value) -> Value {
    let mut whole = json!({ "peers": { "selector": { "matchLabels": { "app": "kubo" } } } });
    let (Value::Object(whole_fields), Value::Object(fields)) = (&mut whole, spec) else {
        panic!("a spec is an object");
    };
    whole_fields.extend(fields);
    json!({
        "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
        "metadata": {
            "name": name, "namespace": "apps", "uid": format!("mesh-{name}"), "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": whole,
    })
}

/// A node in a zone.
pub fn node(name: &str, zone: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "topology.kubernetes.io/zone": zone } },
    })
}

/// A record with an identity.
pub fn peer(name: &str, mesh: &str) -> Value {
    json!({
        "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmPeer",
        "metadata": { "name": name, "namespace": "apps" },
        "spec": {
            "mesh": mesh, "role": "Kubo", "podUID": format!("{name}-1"),
            "peerID": "12D3KooWGRUahGgbEdJrTvHe7uTBC7K7fiGJxv6mBpS5mbfhxX8P",
        },
    })
}

/// A pod that asks for `net/storage` at `lhnet1` and of which Multus reports these entries (none: it
/// has not reported).
pub fn storage_pod(name: &str, ip: &str, reported: &[Value]) -> Value {
    pod_with(name, ip, |pod| {
        let annotations = &mut pod["metadata"]["annotations"];
        annotations["k8s.v1.cni.cncf.io/networks"] = "net/storage@lhnet1".into();
        if !reported.is_empty() {
            let text = serde_json::to_string_pretty(reported).unwrap();
            annotations["k8s.v1.cni.cncf.io/network-status"] = text.into();
        }
    })
}

/// A network as Multus reports it.
pub fn attached(network: &str, interface: &str, ips: &[&str]) -> Value {
    json!({ "name": network, "interface": interface, "ips": ips, "mac": "02:00:00:00:00:01", "dns": {} })
}

/// A NetworkAttachmentDefinition in namespace `net`.
pub fn attachment(name: &str, config: &str) -> Value {
    json!({
        "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": { "name": name, "namespace": "net", "uid": format!("nad-{name}") },
        "spec": { "config": config },
    })
}
