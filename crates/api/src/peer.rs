//! `SwarmPeer`: one record per member, written by the controller alone, and what is seen of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Record of a member: what must survive a crash of the controller. Texts stay texts here; they are
/// read by [`record_from`](crate::record_from), so that one edited by hand gets a sentence.
#[derive(CustomResource, Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubomesh.dev",
    version = "v1alpha1",
    kind = "SwarmPeer",
    plural = "swarmpeers",
    shortname = "sp",
    namespaced,
    status = "SwarmPeerStatus",
    derive = "PartialEq",
    doc = "Record of one member of a mesh, written by the controller alone. Deleting it is safe: it is made anew while the member lives.",
    printcolumn = r#"{"name":"Mesh","type":"string","jsonPath":".spec.mesh"}"#,
    printcolumn = r#"{"name":"IP","type":"string","jsonPath":".status.ip"}"#,
    printcolumn = r#"{"name":"Links","type":"string","jsonPath":".status.linksSummary","description":"Healthy links of the desired ones."}"#,
    printcolumn = r#"{"name":"Reachable","type":"string","jsonPath":".status.conditions[?(@.type=='Reachable')].status"}"#,
    printcolumn = r#"{"name":"Linked","type":"string","jsonPath":".status.conditions[?(@.type=='Linked')].status"}"#,
    printcolumn = r#"{"name":"Peer ID","type":"string","jsonPath":".spec.peerID"}"#,
    printcolumn = r#"{"name":"Version","type":"string","jsonPath":".status.agentVersion"}"#,
    printcolumn = r#"{"name":"Zone","type":"string","jsonPath":".status.zone"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", default)]
pub struct SwarmPeerSpec {
    /// Name of the SwarmMesh in this namespace.
    pub mesh: String,
    /// What the member is.
    pub role: RoleSpec,
    /// Address of its management API.
    pub rpc: String,
    /// UID of the pod that `peerID` belongs to.
    #[serde(rename = "podUID")]
    pub pod_uid: String,
    /// Its identity; absent until it was seen.
    #[serde(rename = "peerID", skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
    /// Its swarm addresses, the present one first, then those that nodes may still hold.
    pub addresses: Vec<String>,
    /// Start of the container at which `peerID` was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerSpec>,
    /// Links that it may carry: a number, `Unlimited`, or `Assumed` where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// Zone of its host.
    pub zone: String,
    /// Identities that are to be unlinked everywhere.
    pub retired: Vec<RetiredSpec>,
    /// Our dial filters on this node.
    pub owned_filters: Vec<OwnedFilterSpec>,
    /// Dial filters of the node's owner that were taken away and are given back.
    pub removed_filters: Vec<RemovedFilterSpec>,
}

/// `spec.role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RoleSpec {
    /// A Kubo node.
    #[default]
    Kubo,
    /// A circuit relay.
    Relay,
    /// An ipfs-cluster peer.
    Cluster,
}

/// `spec.container`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerSpec {
    /// `restartCount` of the container that owns the RPC port.
    pub restarts: i64,
    /// Its `containerID`.
    pub id: String,
}

/// One entry of `spec.retired`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetiredSpec {
    /// UID of the pod that had it.
    #[serde(rename = "podUID")]
    pub pod_uid: String,
    /// The identity.
    #[serde(rename = "peerID")]
    pub peer_id: String,
    /// Every address that nodes may hold for it.
    pub addresses: Vec<String>,
    /// When it was retired.
    pub since: String,
}

/// One entry of `spec.ownedFilters`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnedFilterSpec {
    /// Whose address it hides; empty where it hides a whole network.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub peer: String,
    /// The entry's exact text.
    pub cidr: String,
    /// How far it is: `Intended`, `Leaving` or, under `steering: Strict`, `Standing`.
    pub step: String,
    /// When it was intended.
    pub since: String,
}

/// One entry of `spec.removedFilters`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RemovedFilterSpec {
    /// The entry's exact text.
    pub cidr: String,
    /// The container start at which it was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerSpec>,
    /// When.
    pub since: String,
    /// Whether the node was seen without it since.
    pub gone: bool,
}

/// What is seen of a member.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SwarmPeerStatus {
    /// Its pod IP.
    pub ip: String,
    /// Its IP on the mesh network; the pod IP when no storage network is set.
    #[serde(rename = "storageIP")]
    pub storage_ip: String,
    /// Kubo's version as it says.
    pub agent_version: String,
    /// Zone of its host.
    pub zone: String,
    /// Links that it may carry: a number, `Unlimited` or `Assumed`.
    pub capacity: String,
    /// How its connections are kept on the storage network: `Prevented` (it announces no other address),
    /// `Steered`, `Strict` or `Unsteered`; empty where none is asked for.
    // Written though it is empty, as the reason below: what a merge patch does not name stays.
    pub steering: String,
    /// How it is reached.
    pub path: PathStatus,
    /// Why it is not reached by an agent, where it could be.
    pub path_reason: String,
    /// Its links' sums.
    pub links: PeerLinksStatus,
    /// `healthy/desired`, for the printer column.
    pub links_summary: String,
    /// Reachable, Linked, OnNetwork, FilterConflict, AddressConflict, WrongIdentity,
    /// DuplicateIdentity.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// `status.path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum PathStatus {
    /// Kubo's own RPC.
    #[default]
    Direct,
    /// The agent beside it.
    Agent,
}

/// `status.links`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PeerLinksStatus {
    /// All desired ones.
    pub desired: i64,
    /// Of these healthy.
    pub healthy: i64,
}
