//! `spec.network`: the storage network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::strict_rules;

/// The storage network that the links are to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = strict_rules()))]
pub struct NetworkSpec {
    /// DANGEROUS: moves the data of the whole mesh to another network. The
    /// NetworkAttachmentDefinition as `namespace/name`; empty: the pod network. Each pod has to be
    /// created anew to be on it, and with `fallback: Never` one that is not has no links.
    #[schemars(length(max = 320))]
    pub attachment: String,
    /// Name of the network's interface in the pods.
    #[schemars(length(max = 15))]
    pub interface: String,
    /// Which family of addresses the links use.
    pub family: Family,
    /// What a pair does when an end is not on the network.
    pub fallback: Fallback,
    /// How connections are kept off the pod network.
    pub steering: Steering,
    /// When a change of `attachment` is accepted.
    pub rollout: Rollout,
    /// The pod networks, for `steering: Strict`.
    #[serde(rename = "podCIDRs")]
    #[schemars(length(max = 16), inner(length(max = 64)))]
    pub pod_cidrs: Vec<String>,
    /// Whether the nodes' resource managers allow more than 16 connections from an IPv6 /56.
    #[serde(rename = "ipv6Allowlisted")]
    pub ipv6_allowlisted: bool,
    /// Steer also on Kubo 0.37 to 0.42, which can hang a fetch after a quick reconnect.
    pub steering_on_affected_versions: bool,
}

/// `spec.network.family`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Family {
    /// The family that most members have; IPv4 when as many have either.
    #[default]
    Auto,
    /// IPv4 only.
    IPv4,
    /// IPv6 only.
    IPv6,
}

/// `spec.network.fallback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Fallback {
    /// No link.
    #[default]
    Never,
    /// A link over the pod network.
    PodNetwork,
}

/// `spec.network.steering`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Steering {
    /// Dial filters for the moment of dialling.
    #[default]
    Steer,
    /// Dial filters that stay.
    Strict,
    /// None.
    Off,
}

/// `spec.network.rollout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Rollout {
    /// Only while no pair is linked.
    #[default]
    WhenIdle,
    /// Member by member.
    Rolling,
}

impl Default for NetworkSpec {
    fn default() -> Self {
        Self {
            attachment: String::new(),
            interface: "lhnet1".into(),
            family: Family::Auto,
            fallback: Fallback::Never,
            steering: Steering::Steer,
            rollout: Rollout::WhenIdle,
            pod_cidrs: Vec::new(),
            ipv6_allowlisted: false,
            steering_on_affected_versions: false,
        }
    }
}
