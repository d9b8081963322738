//! The agent beside a Kubo, added to a pod that asks for it.

use kubomesh_api::SwarmMeshSpec;
use serde_json::{Value, json};

use super::Skipped;
use super::fields::{list, ports, push, rpc_port, uses_host_network};
use crate::cluster::{Cluster, MeshView};

/// Name of the container, of its volume, and of the agent's program.
const CONTAINER: &str = "kubomesh-agent";

/// Secret with the agents' certificate, one a namespace.
pub(super) const SECRET: &str = "kubomesh-agent-tls";

/// Where it is mounted.
const MOUNT: &str = "/etc/kubomesh-agent/tls";

/// Name of the volume.
const VOLUME: &str = "kubomesh-agent-tls";

/// Port of the agent unless the mesh says another.
const PORT: i64 = 8501;

/// Port of its probes.
const HEALTH_PORT: i64 = 8502;

/// Name of the volume with the secret of Kubo's RPC, and where it is mounted.
const AUTH_VOLUME: &str = "kubomesh-agent-auth";
const AUTH_MOUNT: &str = "/etc/kubomesh-agent/auth";

/// Whether the namespace has the Secret: a pod with a volume of one that is missing never starts.
///
/// # Errors
/// When it has not, or nobody knows.
pub(super) async fn secret(cluster: &Cluster, namespace: &str) -> Result<(), Skipped> {
    match cluster.has_secret(namespace, SECRET).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Skipped::new(
            "AgentSecretMissing",
            format!(
                "the agent is not added: the namespace {namespace} has no Secret {SECRET}; create it \
                 with tls.crt, tls.key and ca.crt, then recreate the pod"
            ),
        )),
        Err(error) => Err(Skipped::new(
            "AgentSecretUnknown",
            format!(
                "the agent is not added: whether the namespace {namespace} has the Secret {SECRET} is \
                 not known, {error}"
            ),
        )),
    }
}

/// Adds the container and its volume, once.
///
/// # Errors
/// When something of the pod stands against it; the pod is as it was.
pub(super) fn inject(
    pod: &mut Value,
    namespace: &str,
    mesh: &MeshView,
    image: &str,
) -> Result<(), Skipped> {
    let refused = |note: String| Err(Skipped::new("AgentConflict", note));
    let containers = list(pod, "containers");
    if containers.is_empty() {
        return refused("the agent is not added: the pod has no containers".to_owned());
    }
    if containers.iter().any(|c| c["name"] == CONTAINER) {
        return Ok(());
    }
    if uses_host_network(pod) {
        return refused(
            "the agent is not added: the pod uses its host's network, where it would face everybody; \
             set hostNetwork to false"
                .to_owned(),
        );
    }
    let port = agent_port(&mesh.spec);
    for wanted in [port, HEALTH_PORT] {
        let has_port = |port_of: &Value| port_of["containerPort"].as_i64() == Some(wanted);
        if containers.iter().any(|other| ports(other).any(has_port)) {
            return refused(format!(
                "the agent is not added: another container of the pod has port {wanted}; give it \
                 another, or for {port} set spec.agents.port of the mesh"
            ));
        }
    }
    for name in [VOLUME, AUTH_VOLUME] {
        if list(pod, "volumes").iter().any(|v| v["name"] == name) {
            return refused(format!(
                "the agent is not added: the pod has a volume named {name} already; give it another name"
            ));
        }
    }
    let mut container = container(namespace, (port, rpc_port(pod, &mesh.spec)), image);
    let spec = &mut pod["spec"];
    let tls = json!({ "name": VOLUME, "secret": { "secretName": SECRET, "defaultMode": 0o444 } });
    push(spec, "volumes", tls);
    if let Some(auth) = &mesh.spec.peers.rpc.auth_secret_ref {
        let file = format!("--kubo-auth-file={AUTH_MOUNT}/auth");
        push(&mut container, "args", json!(file));
        let mount = json!({ "name": AUTH_VOLUME, "mountPath": AUTH_MOUNT, "readOnly": true });
        push(&mut container, "volumeMounts", mount);
        // A Secret that is missing keeps the agent from working, never the pod from starting.
        let secret = json!({
            "secretName": auth.name, "items": [{ "key": auth.key, "path": "auth" }],
            "defaultMode": 0o444, "optional": true,
        });
        push(
            spec,
            "volumes",
            json!({ "name": AUTH_VOLUME, "secret": secret }),
        );
    }
    push(spec, "containers", container);
    Ok(())
}

fn agent_port(spec: &SwarmMeshSpec) -> i64 {
    Some(spec.agents.port)
        .filter(|port| (1..=65_535).contains(port))
        .unwrap_or(PORT)
}

fn container(namespace: &str, (port, rpc): (i64, i64), image: &str) -> Value {
    json!({
        "name": CONTAINER,
        "image": image,
        "args": [
            format!("--listen=[::]:{port}"),
            format!("--kubo=http://127.0.0.1:{rpc}"),
            format!("--namespace={namespace}"),
            format!("--tls-cert={MOUNT}/tls.crt"),
            format!("--tls-key={MOUNT}/tls.key"),
            format!("--tls-ca={MOUNT}/ca.crt"),
        ],
        "env": [
            { "name": "POD_UID", "valueFrom": { "fieldRef": { "fieldPath": "metadata.uid" } } },
        ],
        "ports": [
            { "name": "agent", "containerPort": port, "protocol": "TCP" },
            { "name": "agent-health", "containerPort": HEALTH_PORT, "protocol": "TCP" },
        ],
        // No readiness: a Kubo is ready whether it is commanded through an agent or not.
        "livenessProbe": {
            "httpGet": { "path": "/livez", "port": "agent-health" },
            "periodSeconds": 10, "failureThreshold": 3,
        },
        "volumeMounts": [{ "name": VOLUME, "mountPath": MOUNT, "readOnly": true }],
        "resources": {
            "requests": { "cpu": "10m", "memory": "16Mi" },
            "limits": { "memory": "64Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "runAsUser": 65_532,
            "runAsGroup": 65_532,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
    })
}
