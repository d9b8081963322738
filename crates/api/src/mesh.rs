//! `SwarmMesh`: the policy of a mesh, and what is seen of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::{self, port_rule, selector_rule};
use crate::{AgentsSpec, ClusterPeersSpec, NetworkSpec, RelaysSpec, Span};

/// Policy of a mesh of Kubo nodes: which pods, and how they are kept connected.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubomesh.dev",
    version = "v1alpha1",
    kind = "SwarmMesh",
    plural = "swarmmeshes",
    shortname = "sm",
    namespaced,
    status = "SwarmMeshStatus",
    derive = "PartialEq",
    doc = "Keeps the Kubo pods of a namespace that a selector names connected with each other.",
    printcolumn = r#"{"name":"Members","type":"integer","jsonPath":".status.members"}"#,
    printcolumn = r#"{"name":"Links","type":"string","jsonPath":".status.linksSummary","description":"Healthy links of the desired ones."}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct SwarmMeshSpec {
    /// Enforce the policy, only observe, or release what was put into the nodes.
    #[serde(default)]
    pub mode: ModeSpec,
    /// The Kubo pods and how they are reached.
    #[serde(default)]
    #[schemars(!default)]
    pub peers: PeersSpec,
    /// The storage network.
    #[serde(default)]
    pub network: NetworkSpec,
    /// Which pairs are linked.
    #[serde(default)]
    pub topology: TopologySpec,
    /// How a link is kept.
    #[serde(default)]
    pub links: LinksSpec,
    /// What to do when a node's dial filters cover the mesh network.
    #[serde(default)]
    pub filters: FiltersSpec,
    /// Circuit relays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relays: Option<RelaysSpec>,
    /// ipfs-cluster peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_peers: Option<ClusterPeersSpec>,
    /// The gRPC agent beside a Kubo.
    #[serde(default)]
    pub agents: AgentsSpec,
    /// Time between two full sweeps; events only make one sooner.
    #[serde(default = "resync_interval")]
    #[schemars(extend("x-kubernetes-validations" = [rules::RESYNC.rule()]))]
    pub resync_interval: Span,
    /// How much at once.
    #[serde(default)]
    pub limits: LimitsSpec,
}

/// `spec.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ModeSpec {
    /// Make it so.
    #[default]
    Enforce,
    /// No mutating call to any node; records and status are still written.
    Observe,
    /// Take back everything that was put into the nodes, then only watch.
    Release,
}

/// `spec.peers`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeersSpec {
    /// Labels of the Kubo pods in this namespace; an empty selector is refused.
    #[serde(default)]
    #[schemars(!default)]
    #[schemars(extend("x-kubernetes-validations" = [selector_rule()]))]
    pub selector: LabelSelector,
    /// Their management API.
    #[serde(default)]
    pub rpc: RpcSpec,
    /// Where they listen for other nodes.
    #[serde(default)]
    pub swarm: SwarmSpec,
}

/// `spec.peers.rpc`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RpcSpec {
    /// Port of the RPC; default: the container port named `api`, else 5001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [port_rule("spec.peers.rpc.port")]))]
    pub port: Option<i64>,
    /// Secret of type `kubomesh.dev/rpc-auth` that holds `bearer:…` or `basic:…` as Kubo's
    /// `API.Authorizations` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_secret_ref: Option<SecretKeyRef>,
}

/// A key of a secret in the mesh's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its key.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// `spec.peers.swarm`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwarmSpec {
    /// Swarm port; default: the container port named `swarm`, else what the node listens on, else
    /// 4001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [port_rule("spec.peers.swarm.port")]))]
    pub port: Option<i64>,
}

/// `spec.topology`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TopologySpec {
    /// Up to this many members every pair is linked.
    #[schemars(extend("x-kubernetes-validations" = [rules::FULL_MESH_UP_TO.rule()]))]
    pub full_mesh_up_to: i64,
    /// Links a member above that: `Auto` (16 to 1,000 members, 20 to 10,000, 24 above) or an even
    /// number.
    #[schemars(extend("x-kubernetes-validations" = [rules::degree_rule()]))]
    pub degree: DegreeSpec,
}

/// `Auto` or a number.
pub type DegreeSpec = IntOrString;

/// `spec.links`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LinksSpec {
    /// Register each link with the peering service of both ends.
    pub protect: bool,
    /// How long a member whose pod is gone keeps its place.
    #[schemars(extend("x-kubernetes-validations" = [rules::FORGET_AFTER.rule()]))]
    pub forget_after: Span,
}

/// `spec.filters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum FiltersSpec {
    /// Say which filters cover the mesh network.
    #[default]
    Report,
    /// Take them away, once per container start, and remember them.
    Repair,
}

/// `spec.limits`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitsSpec {
    /// Calls in flight to all nodes together.
    #[schemars(extend("x-kubernetes-validations" = [rules::IN_FLIGHT.rule()]))]
    pub in_flight: i64,
    /// Calls in flight to one node.
    #[schemars(extend("x-kubernetes-validations" = [rules::IN_FLIGHT_PER_NODE.rule()]))]
    pub in_flight_per_node: i64,
    /// Deadline of a dial.
    #[schemars(extend("x-kubernetes-validations" = [rules::DIAL_TIMEOUT.rule()]))]
    pub dial_timeout: Span,
    /// Least time between two dials of one pair.
    #[schemars(extend("x-kubernetes-validations" = [rules::DIAL_INTERVAL.rule()]))]
    pub dial_interval: Span,
    /// Percent of the surplus links that may go in a minute; at least one link.
    #[schemars(extend("x-kubernetes-validations" = [rules::REMOVAL_PERCENT.rule()]))]
    pub removal_percent_per_minute: i64,
    /// Status writes a second.
    #[schemars(extend("x-kubernetes-validations" = [rules::STATUS_WRITES.rule()]))]
    pub status_writes_per_second: i64,
}

/// What is seen of a mesh.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SwarmMeshStatus {
    /// Generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Members, those away included.
    pub members: i64,
    /// Members that answer.
    pub reachable: i64,
    /// The links' sums.
    pub links: LinksStatus,
    /// `healthy/desired`, for the printer column.
    pub links_summary: String,
    /// The storage network that the members were created with. Written as `null` where there is none:
    /// that is how a merge patch takes it away.
    pub network: Option<AppliedNetworkStatus>,
    /// When all desired links were last made, and how long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_convergence: Option<LastConvergence>,
    /// Accepted, NetworkApplied, Connected, Degraded, Ready.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// `status.links`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LinksStatus {
    /// All desired ones.
    pub desired: i64,
    /// Of these healthy.
    pub healthy: i64,
    /// Of these degraded.
    pub degraded: i64,
    /// Of these missing.
    pub missing: i64,
}

/// `status.network`: what an edit of the NetworkAttachmentDefinition is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AppliedNetworkStatus {
    /// The NetworkAttachmentDefinition, `namespace/name`.
    pub attachment: String,
    /// Its `spec.config` when it was applied, as compact JSON.
    pub config: String,
}

/// `status.lastConvergence`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastConvergence {
    /// When the mesh became Ready.
    pub at: Time,
    /// Seconds since it was not.
    pub seconds: f64,
}

// === impl Defaults ===

fn resync_interval() -> Span {
    Span::secs(30)
}

impl Default for SwarmMeshSpec {
    fn default() -> Self {
        Self {
            mode: ModeSpec::default(),
            peers: PeersSpec::default(),
            network: NetworkSpec::default(),
            topology: TopologySpec::default(),
            links: LinksSpec::default(),
            filters: FiltersSpec::default(),
            relays: None,
            cluster_peers: None,
            agents: AgentsSpec::default(),
            resync_interval: resync_interval(),
            limits: LimitsSpec::default(),
        }
    }
}

impl Default for TopologySpec {
    fn default() -> Self {
        Self {
            full_mesh_up_to: 48,
            degree: IntOrString::String("Auto".into()),
        }
    }
}

impl Default for LinksSpec {
    fn default() -> Self {
        Self {
            protect: true,
            forget_after: Span::secs(120),
        }
    }
}

impl Default for LimitsSpec {
    fn default() -> Self {
        Self {
            in_flight: 64,
            in_flight_per_node: 8,
            dial_timeout: Span::secs(15),
            dial_interval: Span::secs(10),
            removal_percent_per_minute: 10,
            status_writes_per_second: 50,
        }
    }
}
