//! `spec.relays`, `spec.clusterPeers` and `spec.agents`: the programs beside Kubo. Carried by the
//! schema; relays and cluster peers are not implemented by this version.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SecretKeyRef;

/// Circuit relays: connected to all members and locked to them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RelaysSpec {
    /// Labels of the relays' pods in this namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// Which relay program it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Addresses of relays that are no pods.
    pub addresses: Vec<String>,
    /// Subnets that may use the relays besides the members.
    pub allow_subnets: Vec<String>,
    /// Peer IDs that may use the relays besides the members.
    pub allow_peers: Vec<String>,
    /// Further sources of allowed peers.
    pub sources: Vec<String>,
    /// The relays' admin API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<RelayAdminSpec>,
}

/// `spec.relays.admin`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RelayAdminSpec {
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    /// Its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_secret_ref: Option<SecretKeyRef>,
}

/// ipfs-cluster peers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterPeersSpec {
    /// Labels of the peers' pods in this namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// Port of the REST API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    /// Secret of the REST API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_secret_ref: Option<SecretKeyRef>,
    /// Must say `CRDT` before anything is nudged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consensus: Option<Consensus>,
}

/// `spec.clusterPeers.consensus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Consensus {
    /// Conflict-free replicated data types.
    #[serde(rename = "CRDT")]
    Crdt,
    /// Raft: never nudged.
    Raft,
}

/// The gRPC agent beside a Kubo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentsSpec {
    /// Whether agents are used.
    pub mode: AgentsMode,
    /// Their port.
    pub port: i64,
    /// Name of the secret with their TLS material.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_secret_ref: Option<String>,
}

/// `spec.agents.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum AgentsMode {
    /// Never.
    Off,
    /// Where there is one.
    #[default]
    Auto,
    /// Always; a node without one is not contacted.
    Required,
}

impl AgentsSpec {
    /// Default port of an agent.
    pub const PORT: i64 = 8501;
}

impl Default for AgentsSpec {
    fn default() -> Self {
        Self {
            mode: AgentsMode::Auto,
            port: Self::PORT,
            tls_secret_ref: None,
        }
    }
}
