//! Pods and cluster nodes as a scheduler and a kubelet would make them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::multus::{Annotation, Multus};
use crate::node::{API_PORT, SWARM_PORT};

/// Labels of a pod unless a scenario wants others.
pub(crate) const APP: (&str, &str) = ("app.kubernetes.io/name", "kubo");

/// Address of every host. Nothing listens there.
const HOST_IP: &str = "10.255.0.1";

/// A pod's object, kept in step with what the lab does to the node behind it.
#[derive(Debug, Clone)]
pub(crate) struct PodObject {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Name of its cluster node.
    pub(crate) host: String,
    /// UID of the present object; empty before there is one.
    pub(crate) uid: String,
    pub(crate) ip: Option<Ipv4Addr>,
    pub(crate) phase: &'static str,
    pub(crate) ready: bool,
    pub(crate) restarts: u32,
    /// Port of its agent, if it states one.
    pub(crate) agent: Option<u16>,
    /// What Multus is asked for, if there is one.
    pub(crate) multus: Option<Multus>,
    /// What it has reported.
    pub(crate) report: Option<Annotation>,
}

// === impl PodObject ===

impl PodObject {
    /// A pod that is Running and Ready at this address as soon as it is created.
    pub(crate) fn new(namespace: &str, name: &str, host: &str, ip: Ipv4Addr) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: BTreeMap::from([(APP.0.to_owned(), APP.1.to_owned())]),
            host: host.to_owned(),
            uid: String::new(),
            ip: Some(ip),
            phase: "Running",
            ready: true,
            restarts: 0,
            agent: None,
            multus: None,
            report: None,
        }
    }

    /// Creates the object and sets its status.
    pub(crate) async fn create(&mut self, cluster: &Cluster) -> Result<()> {
        self.register(cluster).await?;
        self.write_status(cluster).await
    }

    /// Creates the object: nothing of it runs yet.
    pub(crate) async fn register(&mut self, cluster: &Cluster) -> Result<()> {
        let asked = self.multus.iter().filter_map(Multus::request);
        let annotations: BTreeMap<&str, String> = asked.collect();
        let pod = serde_json::from_value(json!({
            "metadata": {"name": self.name, "labels": self.labels, "annotations": annotations},
            "spec": {
                "nodeName": self.host,
                "automountServiceAccountToken": false,
                "containers": self.containers(),
            },
        }))?;
        let created = self.api(cluster).create(&PostParams::default(), &pod).await;
        let created = created.with_context(|| format!("pod {}", self.name))?;
        self.uid = created.metadata.uid.context("a pod without UID")?;
        self.restarts = 0;
        Ok(())
    }

    /// Writes the status as the kubelet does, and through it, as Multus does, what Multus reports.
    pub(crate) async fn write_status(&self, cluster: &Cluster) -> Result<()> {
        let reported: BTreeMap<_, _> = self.report.iter().cloned().collect();
        let status = Patch::Merge(json!({
            "metadata": {"annotations": reported},
            "status": self.status(),
        }));
        let patched = self.api(cluster);
        let patched = patched
            .patch_status(&self.name, &PatchParams::default(), &status)
            .await;
        patched.with_context(|| format!("status of pod {}", self.name))?;
        Ok(())
    }

    /// The container was started again in place.
    pub(crate) async fn restarted(&mut self, cluster: &Cluster) -> Result<()> {
        self.restarts += 1;
        self.write_status(cluster).await
    }

    /// Asks for its deletion: it is terminating from then on.
    pub(crate) async fn terminate(&self, cluster: &Cluster) -> Result<()> {
        self.api(cluster)
            .delete(&self.name, &DeleteParams::default())
            .await?;
        Ok(())
    }

    /// Deletes it at once: what a kubelet does when the last container is gone, and what
    /// `kubectl delete --force` does.
    pub(crate) async fn remove(&self, cluster: &Cluster) -> Result<()> {
        let now = DeleteParams::default().grace_period(0);
        let removed = self.api(cluster).delete(&self.name, &now).await;
        removed.with_context(|| format!("pod {}", self.name))?;
        Ok(())
    }

    fn api(&self, cluster: &Cluster) -> Api<Pod> {
        Api::namespaced(cluster.client().clone(), &self.namespace)
    }

    fn containers(&self) -> Vec<Value> {
        let mut containers = vec![json!({
            "name": "kubo",
            "image": "ipfs/kubo:v0.43.0",
            "ports": [
                {"name": "swarm", "containerPort": SWARM_PORT},
                {"name": "api", "containerPort": API_PORT},
            ],
        })];
        containers.extend(self.agent.map(|port| {
            json!({
                "name": "kubomesh-agent",
                "image": "kubomesh-agent:0.1.0",
                "ports": [{"name": "agent", "containerPort": port}],
            })
        }));
        containers
    }

    fn status(&self) -> Value {
        let ready = if self.ready { "True" } else { "False" };
        let ip = self.ip.map(|ip| ip.to_string());
        let ips: Vec<Value> = ip.iter().map(|ip| json!({"ip": ip})).collect();
        let running = self.phase == "Running";
        let container = json!({
            "name": "kubo",
            "image": "ipfs/kubo:v0.43.0",
            "imageID": "",
            "ready": self.ready,
            "started": running,
            "restartCount": self.restarts,
            "containerID": format!("containerd://{}-{}", self.uid, self.restarts),
        });
        json!({
            "phase": self.phase,
            "podIP": ip,
            "podIPs": ips,
            "hostIP": HOST_IP,
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [container],
        })
    }
}

// === impl Cluster ===

impl Cluster {
    /// Makes a cluster node in a zone; none where the zone is empty.
    pub(crate) async fn create_host(&self, name: &str, zone: &str) -> Result<()> {
        let hosts: Api<Node> = Api::all(self.client().clone());
        let labels = match zone {
            "" => json!({}),
            zone => json!({"topology.kubernetes.io/zone": zone}),
        };
        let host = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))?;
        let created = hosts.create(&PostParams::default(), &host).await;
        created.with_context(|| format!("node {name}"))?;
        Ok(())
    }

    /// Deletes a cluster node.
    pub(crate) async fn delete_host(&self, name: &str) -> Result<()> {
        let hosts: Api<Node> = Api::all(self.client().clone());
        hosts.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }
}
