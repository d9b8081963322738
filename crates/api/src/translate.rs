//! A mesh's spec as the core [`Policy`]. What this version does not implement is refused by name,
//! never ignored.

mod network;

use std::fmt::Display;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubomesh_core::{
    Condition, ConditionKind, Degree, FilterPolicy, Limits, LinksPolicy, Mode, Policy, ReasonCode,
    ResyncInterval, Status, TopologyPolicy,
};

use crate::rules::{self, Bounds, SpanBounds};
use crate::selector::{agents, peers_without_selector};
use crate::{
    AgentsMode, AgentsSpec, FiltersSpec, LimitsSpec, LinksSpec, ModeSpec, Span, SwarmMeshSpec,
    TopologySpec,
};

/// Why a policy is not acted on: names the field, its value and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A field has a value that is not allowed.
    #[error("{field} is {value}: {remedy}")]
    Invalid {
        /// Path of the field from the object's root.
        field: String,
        /// Its value.
        value: String,
        /// What would be right.
        remedy: String,
    },
    /// A field asks for something that this version does not do.
    #[error("{field} is {value}: this version does not implement it; {remedy}")]
    NotImplemented {
        /// Path of the field from the object's root.
        field: String,
        /// Its value.
        value: String,
        /// What would be right.
        remedy: String,
    },
}

impl PolicyError {
    /// A field with a value that is not allowed.
    #[must_use]
    pub fn invalid(field: &str, value: &str, remedy: &str) -> Self {
        let value = value.chars().take(200).collect();
        Self::Invalid {
            field: field.into(),
            value,
            remedy: remedy.into(),
        }
    }

    /// The reason code of its condition and event.
    #[must_use]
    pub const fn kind(&self) -> ReasonCode {
        match self {
            Self::Invalid { .. } => ReasonCode::InvalidPolicy,
            Self::NotImplemented { .. } => ReasonCode::NotImplemented,
        }
    }

    /// As the condition `Accepted=False`.
    #[must_use]
    pub fn condition(&self) -> Condition {
        Condition::new(
            ConditionKind::Accepted,
            Status::False,
            self.kind(),
            self.to_string(),
        )
    }
}

/// Translates a mesh's spec. The selector is not looked at: [`peers`](crate::peers) does that.
///
/// # Errors
/// At the first field that is not allowed or that this version does not implement.
pub fn translate(spec: &SwarmMeshSpec) -> Result<Policy, PolicyError> {
    peers_without_selector(&spec.peers)?;
    companions(spec)?;
    Ok(Policy {
        mode: match spec.mode {
            ModeSpec::Enforce => Mode::Enforce,
            ModeSpec::Observe => Mode::Observe,
            ModeSpec::Release => Mode::Release,
        },
        network: network::network(&spec.network)?,
        topology: topology(&spec.topology)?,
        links: links(&spec.links)?,
        filters: match spec.filters {
            FiltersSpec::Report => FilterPolicy::Report,
            FiltersSpec::Repair => FilterPolicy::Repair,
        },
        limits: limits(&spec.limits)?,
        resync: ResyncInterval(span(rules::RESYNC, &spec.resync_interval)?),
    })
}

/// A port that may be left out.
pub(crate) fn port(field: &str, value: Option<i64>) -> Result<Option<u16>, PolicyError> {
    let Some(value) = value else { return Ok(None) };
    match u16::try_from(value) {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(PolicyError::invalid(
            field,
            &value.to_string(),
            "choose a port from 1 to 65535, or leave it out",
        )),
    }
}

fn topology(spec: &TopologySpec) -> Result<TopologyPolicy, PolicyError> {
    let refused =
        |value: &str| PolicyError::invalid(rules::DEGREE.field, value, &rules::degree_remedy());
    let text = match &spec.degree {
        IntOrString::String(text) => text.clone(),
        IntOrString::Int(links) => links.to_string(),
    };
    let degree = if text == "Auto" {
        Degree::Auto
    } else {
        let links = text
            .parse()
            .ok()
            .and_then(|links| number(rules::DEGREE, links).ok());
        let even = links.filter(|links| links % 2 == 0);
        Degree::Fixed(even.ok_or_else(|| refused(&format!("`{text}`")))?)
    };
    Ok(TopologyPolicy {
        full_mesh_up_to: number(rules::FULL_MESH_UP_TO, spec.full_mesh_up_to)?,
        degree,
    })
}

fn links(spec: &LinksSpec) -> Result<LinksPolicy, PolicyError> {
    Ok(LinksPolicy {
        protect: spec.protect,
        forget_after: span(rules::FORGET_AFTER, &spec.forget_after)?,
    })
}

fn limits(spec: &LimitsSpec) -> Result<Limits, PolicyError> {
    Ok(Limits {
        in_flight: number(rules::IN_FLIGHT, spec.in_flight)?,
        in_flight_per_node: number(rules::IN_FLIGHT_PER_NODE, spec.in_flight_per_node)?,
        dial_timeout: span(rules::DIAL_TIMEOUT, &spec.dial_timeout)?,
        dial_interval: span(rules::DIAL_INTERVAL, &spec.dial_interval)?,
        removal_percent_per_minute: number(
            rules::REMOVAL_PERCENT,
            spec.removal_percent_per_minute,
        )?,
        status_writes_per_second: number(rules::STATUS_WRITES, spec.status_writes_per_second)?,
    })
}

fn number(bounds: Bounds, value: i64) -> Result<u32, PolicyError> {
    u32::try_from(value)
        .ok()
        .filter(|value| (bounds.least..=bounds.most).contains(value))
        .ok_or_else(|| PolicyError::invalid(bounds.field, &value.to_string(), &bounds.remedy()))
}

fn span(bounds: SpanBounds, value: &Span) -> Result<Duration, PolicyError> {
    value
        .duration()
        .filter(|span| bounds.holds(*span))
        .ok_or_else(|| PolicyError::invalid(bounds.field, &format!("`{value}`"), &bounds.remedy()))
}

fn companions(spec: &SwarmMeshSpec) -> Result<(), PolicyError> {
    unset("spec.relays", &set(spec.relays.is_some()), &set(false))?;
    unset(
        "spec.clusterPeers",
        &set(spec.cluster_peers.is_some()),
        &set(false),
    )?;
    // What `peers` reads is looked at here too, so that it is said whoever asks.
    agents(&spec.agents).map(|_| ())
}

/// That a policy for nodes that no agent can be beside asks for none.
///
/// # Errors
/// When it asks for them, with the field.
pub fn without_agents(spec: &AgentsSpec) -> Result<(), PolicyError> {
    let AgentsSpec { port, .. } = AgentsSpec::default();
    // Without agents, `Off` and `Auto` do the same.
    if spec.mode == AgentsMode::Required {
        unset("spec.agents.mode", &"Required", &"Auto")?;
    }
    unset("spec.agents.port", &spec.port, &port)?;
    unset(
        "spec.agents.tlsSecretRef",
        &set(spec.tls_secret_ref.is_some()),
        &set(false),
    )
}

fn set(is_set: bool) -> &'static str {
    if is_set { "set" } else { "unset" }
}

fn unset<T: PartialEq + Display>(field: &str, value: &T, default: &T) -> Result<(), PolicyError> {
    if value == default {
        return Ok(());
    }
    Err(PolicyError::NotImplemented {
        field: field.into(),
        value: value.to_string().chars().take(200).collect(),
        remedy: format!("leave it out (its default is {default})"),
    })
}
