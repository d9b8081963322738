//! Fields of a pod as JSON: what is not understood is kept as it is.

use kubomesh_api::SwarmMeshSpec;
use serde_json::{Map, Value, json};

/// Kubo's default port of its RPC.
const RPC_PORT: i64 = 5001;

/// An annotation's value.
pub(super) fn annotation<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    pod.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// Sets an annotation.
pub(super) fn annotate(pod: &mut Value, name: &str, value: String) {
    let metadata = object(pod, "metadata");
    object(metadata, "annotations")[name] = Value::String(value);
}

/// Whether an annotation says yes.
pub(super) fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

/// Whether the pod uses its host's network.
pub(super) fn uses_host_network(pod: &Value) -> bool {
    pod.pointer("/spec/hostNetwork") == Some(&Value::Bool(true))
}

/// A list of the pod's spec; empty where there is none.
pub(super) fn list<'a>(pod: &'a Value, name: &str) -> &'a [Value] {
    let list = pod.get("spec").and_then(|spec| spec.get(name));
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Adds to a list of an object, which is made if it is not there.
pub(super) fn push(owner: &mut Value, name: &str, item: Value) {
    let slot = &mut owner[name];
    if !slot.is_array() {
        *slot = json!([]);
    }
    if let Some(items) = slot.as_array_mut() {
        items.push(item);
    }
}

/// The port of Kubo's RPC, as the mesh or the pod says it.
pub(super) fn rpc_port(pod: &Value, spec: &SwarmMeshSpec) -> i64 {
    let named = || {
        let ports = list(pod, "containers").iter().flat_map(ports);
        let mut api = ports.filter(|port| port["name"] == "api");
        api.find_map(|port| port["containerPort"].as_i64())
    };
    spec.peers.rpc.port.or_else(named).unwrap_or(RPC_PORT)
}

/// Which of the containers is Kubo: the one with the RPC's port, else the one whose image or name says
/// so.
pub(super) fn kubo(pod: &Value, spec: &SwarmMeshSpec) -> Option<usize> {
    let containers = list(pod, "containers");
    let wanted = rpc_port(pod, spec);
    let by_port = |container: &Value| {
        ports(container).any(|port| port["containerPort"].as_i64() == Some(wanted))
    };
    let by_image = |container: &Value| {
        let image = container["image"].as_str().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        let name = last.split([':', '@']).next().unwrap_or_default();
        matches!(name, "kubo" | "go-ipfs")
    };
    let by_name = |container: &Value| {
        matches!(
            container["name"].as_str(),
            Some("kubo" | "ipfs" | "go-ipfs")
        )
    };
    let position = |is: &dyn Fn(&Value) -> bool| containers.iter().position(is);
    position(&by_port)
        .or_else(|| position(&by_image))
        .or_else(|| position(&by_name))
}

/// The ports of a container.
pub(super) fn ports(container: &Value) -> impl Iterator<Item = &Value> {
    container["ports"].as_array().into_iter().flatten()
}

/// Adds an environment variable unless there is one of its name.
pub(super) fn env(container: &mut Value, name: &str, mut variable: Value) {
    let mut present = container["env"].as_array().into_iter().flatten();
    if present.any(|variable| variable["name"] == name) {
        return;
    }
    variable["name"] = json!(name);
    push(container, "env", variable);
}

/// The object in a field of an object, made if it is not there.
fn object<'a>(owner: &'a mut Value, name: &str) -> &'a mut Value {
    let slot = &mut owner[name];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot
}
