//! The Kubernetes API that a controller is given in place of a members file: an API server in memory,
//! served to the controller's process, and what a kubelet writes there.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kubomesh_core::MeshId;
use kubomesh_testkit::api_server::ApiServer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::Stage;
use super::fakes::FleetNode;

/// The cluster. Dropping it ends its server.
pub(crate) struct Cluster {
    api: ApiServer,
    kubeconfig: PathBuf,
    /// Runs the server.
    _runtime: Runtime,
}

/// How the controller comes to the pods, and what else differs from the defaults.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ways {
    /// Another port of their RPC than the fakes' own.
    pub(crate) rpc: Option<u16>,
    /// Port of their agents, which are required then; without it agents are off.
    pub(crate) agent: Option<u16>,
    /// `spec.resyncInterval`, seconds.
    pub(crate) resync_seconds: Option<u64>,
}

/// Where the pods and their mesh are.
const NAMESPACE: &str = "ipfs";

/// The label by which the mesh selects its pods.
const APP: (&str, &str) = ("app.kubernetes.io/name", "kubo");

// === impl Stage ===

impl Stage {
    /// A cluster in which every fake is a Ready pod of one mesh with the default policy.
    ///
    /// # Errors
    /// When its server cannot listen.
    pub(crate) fn cluster(&self, nodes: &[FleetNode], ways: Ways) -> Result<Cluster> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let api = ApiServer::new();
        runtime.spawn(api.clone().serve(listener));
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "bench", "user": {}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        });
        let kubeconfig = self.path("kubeconfig.json");
        std::fs::write(&kubeconfig, config.to_string()).context("no kubeconfig can be written")?;
        let cluster = Cluster {
            api,
            kubeconfig,
            _runtime: runtime,
        };
        cluster.fill(nodes, ways);
        Ok(cluster)
    }
}

// === impl Cluster ===

impl Cluster {
    /// Who the controller's client is.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Writes that a node's container is gone: its pod is not Ready.
    pub(crate) fn stopped(&self, name: &str) {
        self.api.edit("pods", NAMESPACE, name, |pod| {
            set_ready(&mut pod["status"], false);
        });
    }

    /// Writes that a node's container was started anew and is Ready.
    pub(crate) fn started(&self, name: &str) {
        self.api.edit("pods", NAMESPACE, name, |pod| {
            let status = &mut pod["status"];
            let container = &mut status["containerStatuses"][0];
            let restarts = container["restartCount"].as_u64().unwrap_or_default() + 1;
            container["restartCount"] = json!(restarts);
            container["containerID"] = json!(format!("containerd://{name}-{restarts}"));
            set_ready(status, true);
        });
    }

    fn fill(&self, nodes: &[FleetNode], ways: Ways) {
        for node in nodes {
            let zone = &node.zone;
            self.api.put(
                "nodes",
                json!({"apiVersion": "v1", "kind": "Node", "metadata": {
                    "name": format!("host-{zone}"),
                    "labels": {"topology.kubernetes.io/zone": zone},
                }}),
            );
            self.api.put("pods", pod(node, ways));
        }
        let file = MeshId::file();
        let mode = ways.agent.map_or("Off", |_| "Required");
        let mut spec = json!({
            "peers": {"selector": {"matchLabels": {APP.0: APP.1}}}, "agents": {"mode": mode},
        });
        if let Some(seconds) = ways.resync_seconds {
            spec["resyncInterval"] = json!(format!("{seconds}s"));
        }
        // Links are drawn by the mesh's UID: with the same one they are the same.
        self.api.put(
            "swarmmeshes",
            json!({
                "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
                "metadata": {"name": "kubo", "namespace": NAMESPACE, "uid": file.uid, "generation": 1},
                "spec": spec,
            }),
        );
    }
}

fn pod(node: &FleetNode, ways: Ways) -> Value {
    let (name, ip) = (&node.name, node.api.ip());
    let mut status = json!({
        "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "10.255.0.1",
        "containerStatuses": [{
            "name": "kubo", "image": "", "imageID": "", "started": true, "restartCount": 0,
            "containerID": format!("containerd://{name}-0"),
        }],
    });
    set_ready(&mut status, true);
    let rpc = ways.rpc.unwrap_or(node.api.port());
    let mut ports = vec![
        json!({"name": "swarm", "containerPort": node.swarm().port()}),
        json!({"name": "api", "containerPort": rpc}),
    ];
    if let Some(port) = ways.agent {
        ports.push(json!({"name": "agent", "containerPort": port}));
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": node.pod_uid(), "labels": {APP.0: APP.1},
        },
        "spec": {
            "nodeName": format!("host-{}", node.zone),
            "containers": [{"name": "kubo", "image": "kubo", "ports": ports}],
        },
        "status": status,
    })
}

fn set_ready(status: &mut Value, ready: bool) {
    let word = if ready { "True" } else { "False" };
    status["conditions"] = json!([{"type": "Ready", "status": word}]);
    status["containerStatuses"][0]["ready"] = json!(ready);
}
