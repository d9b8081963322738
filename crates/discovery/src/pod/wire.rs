//! The wire type of a pod: only what is read, alive for one event, and what is kept of it.

use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{ContainerStart, Timestamp};
use serde::{Deserialize, Deserializer};

use super::networks::{Annotations, PodNetworks};

/// `status.phase`, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Pending, Running or unknown.
    Alive,
    /// Succeeded or Failed.
    Ended,
}

/// What is kept of a pod: about 0.4 KB with one container, and 0.2 KB where Multus reports a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID.
    pub uid: Arc<str>,
    /// Its resource version as a number; 0 when it is none.
    pub version: u64,
    /// When it was created.
    pub created: Timestamp,
    /// Name of its node; empty before it is scheduled.
    pub node: Arc<str>,
    /// Whether it uses its host's network.
    pub host_network: bool,
    /// Whether it ended.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Its Ready condition.
    pub ready: bool,
    /// Its IPs, the preferred one first, each once.
    pub ips: Box<[IpAddr]>,
    /// IP of its host.
    pub host_ip: Option<IpAddr>,
    /// Its containers, then its init containers.
    pub containers: Box<[ContainerFacts]>,
    /// What its annotations say of networks; `None` where none of them is set.
    pub networks: Option<Box<PodNetworks>>,
}

/// What is kept of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Whether image, name or ports look like Kubo (reference/kubo.md 8.2).
    pub kubo: bool,
    /// Whether it is an init container.
    pub init: bool,
    /// The port named `api`.
    pub api: Option<u16>,
    /// The port named `swarm`.
    pub swarm: Option<u16>,
    /// The port of the agent, if it is one: named `agent`, or 0 where only the container's name says so.
    pub agent: Option<u16>,
    /// Every TCP port.
    pub ports: Box<[u16]>,
    /// Its start; `None` before its first status.
    pub start: Option<ContainerStart>,
}

/// Reads a pod from its JSON.
///
/// # Errors
/// When it is not a pod, with what the decoder says.
pub fn pod_facts(json: &str) -> Result<PodFacts, serde_json::Error> {
    serde_json::from_str::<PodWire>(json).map(PodWire::facts)
}

/// What is read of any object's metadata.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) namespace: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) uid: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) resource_version: String,
    pub(crate) creation_timestamp: Option<jiff::Timestamp>,
    pub(crate) deletion_timestamp: Option<serde::de::IgnoredAny>,
    /// Read of pods; of all annotations those few.
    #[serde(deserialize_with = "nullable")]
    pub(super) annotations: Annotations,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PodWire {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default, deserialize_with = "nullable")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(deserialize_with = "nullable")]
    node_name: String,
    #[serde(deserialize_with = "nullable")]
    host_network: bool,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    name: String,
    #[serde(deserialize_with = "nullable")]
    image: String,
    #[serde(deserialize_with = "nullable")]
    ports: Vec<Port>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Port {
    #[serde(deserialize_with = "nullable")]
    name: String,
    container_port: u16,
    #[serde(deserialize_with = "nullable")]
    protocol: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(deserialize_with = "nullable")]
    phase: String,
    #[serde(rename = "podIP", deserialize_with = "nullable")]
    pod_ip: String,
    #[serde(rename = "podIPs", deserialize_with = "nullable")]
    pod_ips: Vec<PodIp>,
    #[serde(rename = "hostIP", deserialize_with = "nullable")]
    host_ip: String,
    #[serde(deserialize_with = "nullable")]
    conditions: Vec<PodCondition>,
    #[serde(deserialize_with = "nullable")]
    container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "nullable")]
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodIp {
    #[serde(deserialize_with = "nullable")]
    ip: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: String,
    #[serde(deserialize_with = "nullable")]
    restart_count: u32,
    #[serde(rename = "containerID", deserialize_with = "nullable")]
    container_id: String,
}

/// `null` is as good as absent.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

// === impl PodWire ===

impl PodWire {
    /// What is kept.
    pub(crate) fn facts(self) -> PodFacts {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let container = |init: bool, statuses: &[ContainerStatus], container: &Container| {
            let status = statuses.iter().find(|status| status.name == container.name);
            container.facts(init, status)
        };
        let plain = spec
            .containers
            .iter()
            .map(|c| container(false, &status.container_statuses, c));
        let init = spec
            .init_containers
            .iter()
            .map(|c| container(true, &status.init_container_statuses, c));
        PodFacts {
            namespace: metadata.namespace.into(),
            name: metadata.name.into(),
            uid: metadata.uid.into(),
            version: metadata.resource_version.parse().unwrap_or(0),
            created: timestamp(metadata.creation_timestamp),
            node: spec.node_name.into(),
            host_network: spec.host_network,
            phase: match status.phase.as_str() {
                "Succeeded" | "Failed" => Phase::Ended,
                _ => Phase::Alive,
            },
            terminating: metadata.deletion_timestamp.is_some(),
            ready: status
                .conditions
                .iter()
                .any(|c| c.kind == "Ready" && c.status == "True"),
            ips: ips(&status),
            host_ip: status.host_ip.parse().ok(),
            containers: plain.chain(init).collect(),
            networks: PodNetworks::of(&metadata.annotations),
        }
    }
}

/// An API server's time as ours.
pub(crate) fn timestamp(at: Option<jiff::Timestamp>) -> Timestamp {
    let millis = at.map_or(0, jiff::Timestamp::as_millisecond);
    Timestamp(u64::try_from(millis).unwrap_or(0))
}

fn ips(status: &Status) -> Box<[IpAddr]> {
    let all = std::iter::once(&status.pod_ip).chain(status.pod_ips.iter().map(|entry| &entry.ip));
    let mut ips = Vec::new();
    for ip in all.filter_map(|text| text.parse().ok()) {
        if !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    ips.into()
}

// === impl Container ===

/// Name of an agent's container.
const AGENT: &str = "kubomesh-agent";

impl Container {
    /// Port of Kubo's RPC where nothing else is said.
    const API_PORT: u16 = 5001;

    fn facts(&self, init: bool, status: Option<&ContainerStatus>) -> ContainerFacts {
        let tcp = || {
            self.ports
                .iter()
                .filter(|port| matches!(&*port.protocol, "" | "TCP"))
        };
        let named = |name| {
            tcp()
                .find(|port| port.name == name)
                .map(|port| port.container_port)
        };
        let api = named("api");
        ContainerFacts {
            kubo: self.is_kubo_by_name() || api == Some(Self::API_PORT),
            init,
            api,
            swarm: named("swarm"),
            agent: named("agent").or_else(|| (self.name == AGENT).then_some(0)),
            ports: tcp().map(|port| port.container_port).collect(),
            start: status
                .filter(|status| !status.container_id.is_empty())
                .map(|status| ContainerStart {
                    restarts: status.restart_count,
                    id: status.container_id.as_str().into(),
                }),
        }
    }

    /// By image or name (reference/kubo.md 8.2).
    fn is_kubo_by_name(&self) -> bool {
        let image = self.image.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        let repository = last.split(':').next().unwrap_or_default();
        matches!(repository, "kubo" | "go-ipfs") || matches!(&*self.name, "ipfs" | "kubo")
    }
}
