//! Reports as statuses. A condition keeps its `lastTransitionTime` while its status stays.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition as WireCondition, Time};
use kubomesh_core::{
    Access, AppliedNetwork, AttachmentState, Condition, ConditionKind, LinkCounts, Member,
    MemberReport, MemberState, Network, Path, PathTaken, Report, Status, Timestamp,
};
use serde::Deserialize;
use serde::de::IntoDeserializer;

use crate::{
    AppliedNetworkStatus, LastConvergence, LinksStatus, PathStatus, PeerLinksStatus,
    SwarmMeshStatus, SwarmPeerStatus,
};

/// When a mesh last became Ready, and how long that took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convergence {
    /// When it became Ready.
    pub at: Timestamp,
    /// Seconds since it was not.
    pub seconds: f64,
}

/// The status of a mesh from its report.
#[must_use]
pub fn mesh_status(
    before: Option<&SwarmMeshStatus>,
    report: &Report,
    generation: i64,
    convergence: Option<Convergence>,
) -> SwarmMeshStatus {
    let reachable = report
        .members
        .values()
        .filter(|member| member.state == MemberState::Reachable)
        .count();
    let stood = before.map_or(&[][..], |status| &status.conditions);
    SwarmMeshStatus {
        observed_generation: Some(generation),
        members: count(report.members.len() as u64),
        reachable: count(reachable as u64),
        links: links(report.counts),
        links_summary: summary(report.counts),
        network: before.and_then(|status| status.network.clone()),
        last_convergence: convergence
            .map(|c| LastConvergence {
                at: time(c.at),
                seconds: c.seconds,
            })
            .or_else(|| before.and_then(|status| status.last_convergence.clone())),
        conditions: conditions(stood, &report.conditions, Some(generation), report.at),
    }
}

/// What was applied of the storage network, as a mesh's status holds it.
#[must_use]
pub fn applied_network_status(attachment: &AttachmentState) -> Option<AppliedNetworkStatus> {
    let applied = attachment.applied.as_ref()?;
    Some(AppliedNetworkStatus {
        attachment: applied.attachment.to_string(),
        config: applied.config.to_string(),
    })
}

/// What a mesh's status says was applied; `None` where that names no attachment.
#[must_use]
pub fn applied_network(status: &AppliedNetworkStatus) -> Option<AppliedNetwork> {
    Some(AppliedNetwork {
        attachment: status.attachment.parse().ok()?,
        config: status.config.as_str().into(),
    })
}

/// The conditions of a mesh whose policy is not acted on: what is not looked at is unknown.
#[must_use]
pub fn refused_conditions(refused: &Condition) -> Vec<Condition> {
    let with = |kind, status| Condition::new(kind, status, refused.reason, &*refused.message);
    vec![
        refused.clone(),
        with(ConditionKind::NetworkApplied, Status::Unknown),
        with(ConditionKind::Connected, Status::Unknown),
        with(ConditionKind::Degraded, Status::Unknown),
        with(ConditionKind::Ready, Status::False),
    ]
}

/// The status of a mesh whose policy is not acted on: its counts stay as they were last seen.
#[must_use]
pub fn refused_status(
    before: Option<&SwarmMeshStatus>,
    refused: &Condition,
    generation: i64,
    now: Timestamp,
) -> SwarmMeshStatus {
    let before = before.cloned().unwrap_or_default();
    let refused = refused_conditions(refused);
    SwarmMeshStatus {
        observed_generation: Some(generation),
        links_summary: match before.links_summary.as_str() {
            "" => "0/0".into(),
            _ => before.links_summary,
        },
        conditions: conditions(&before.conditions, &refused, Some(generation), now),
        ..before
    }
}

/// The status of a member from its report, and from the member itself while it lives.
#[must_use]
pub fn peer_status(
    before: Option<&SwarmPeerStatus>,
    report: &MemberReport,
    member: Option<&Member>,
    at: Timestamp,
) -> SwarmPeerStatus {
    let stood = before.map_or(&[][..], |status| &status.conditions);
    let last = before.cloned().unwrap_or_default();
    let ip = member.map_or(last.ip, |member| first_ip(member, Network::Pod));
    let direct = || member.is_some_and(|member| matches!(member.access, Access::Direct { .. }));
    let (path, path_reason) = match &report.path {
        Some(taken) => (path(taken), taken.why.chars().take(MAX_MESSAGE).collect()),
        None if direct() => (PathStatus::Direct, String::new()),
        None => (last.path, last.path_reason),
    };
    let storage_ip = match member {
        Some(member) if !member.ips(Network::Storage).is_empty() => {
            first_ip(member, Network::Storage)
        }
        _ => ip.clone(),
    };
    SwarmPeerStatus {
        ip,
        storage_ip,
        agent_version: match report.agent_version.as_str() {
            "" => last.agent_version,
            version => version.into(),
        },
        zone: member.map_or(last.zone, |member| member.zone.to_string()),
        capacity: report
            .capacity
            .map_or(last.capacity, |capacity| capacity.to_string()),
        steering: report
            .steering
            .map_or(String::new(), |it| format!("{it:?}")),
        path,
        path_reason,
        links: PeerLinksStatus {
            desired: count(report.links.desired),
            healthy: count(report.links.healthy),
        },
        links_summary: summary(report.links),
        conditions: conditions(stood, &report.conditions, None, at),
    }
}

/// A core time as Kubernetes prints one: whole seconds.
pub(crate) fn time(at: Timestamp) -> Time {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    Time(jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX))
}

/// Ours as they are now, then those that others set, as they stand: a status is written whole.
fn conditions(
    before: &[WireCondition],
    now: &[Condition],
    generation: Option<i64>,
    at: Timestamp,
) -> Vec<WireCondition> {
    let wire = |condition: &Condition| {
        let (kind, status) = (condition.kind.to_string(), condition.status.to_string());
        let stood = before
            .iter()
            .find(|b| b.type_ == kind && b.status == status);
        WireCondition {
            last_transition_time: stood
                .map_or_else(|| time(at), |b| b.last_transition_time.clone()),
            message: condition.message.chars().take(MAX_MESSAGE).collect(),
            observed_generation: generation,
            reason: condition.reason.to_string(),
            status,
            type_: kind,
        }
    };
    let theirs = before.iter().filter(|b| !is_ours(&b.type_)).cloned();
    now.iter().map(wire).chain(theirs).collect()
}

/// Whether a condition's type is one that we set, on whatever object.
fn is_ours(kind: &str) -> bool {
    let kind: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        kind.into_deserializer();
    ConditionKind::deserialize(kind).is_ok()
}

/// Longest message of a condition; Kubernetes allows 32 KiB, people read less.
const MAX_MESSAGE: usize = 1_024;

fn path(taken: &PathTaken) -> PathStatus {
    match taken.path {
        Path::Direct => PathStatus::Direct,
        Path::Agent => PathStatus::Agent,
    }
}

fn first_ip(member: &Member, network: Network) -> String {
    member
        .ips(network)
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn links(counts: LinkCounts) -> LinksStatus {
    LinksStatus {
        desired: count(counts.desired),
        healthy: count(counts.healthy),
        degraded: count(counts.degraded),
        missing: count(counts.missing),
    }
}

fn summary(counts: LinkCounts) -> String {
    format!("{}/{}", counts.healthy, counts.desired)
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
