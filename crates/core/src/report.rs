//! Reports: what the planner found, and a reason for everything that it did not do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Capacity, Condition, Doubt, Link, LostFilters, MemberName, MeshId, NetworkReport, OffNetwork,
    PathTaken, PeerId, Reason, Role, Timestamp,
};

/// State of a desired link, judged from both ends (rules.md, Links).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LinkState {
    /// Both ends list it, on the network, direct, protected.
    Healthy,
    /// It is there and not as wanted; the reason says how.
    Degraded,
    /// Neither end lists it, or its member is away.
    Missing,
    /// No end could be asked.
    Unknown,
}

/// Something that was held back, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Why.
    pub reason: Reason,
    /// When it is looked at again, if a time does it.
    pub until: Option<Timestamp>,
}

/// One desired link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkReport {
    /// The pair.
    pub link: Link,
    /// What it is.
    pub state: LinkState,
    /// Why it is not healthy; `None` when it is.
    pub reason: Option<Reason>,
    /// Why nothing is done about it now; `None` when it is healthy or something is done.
    pub held: Option<Held>,
    /// The accepting end shows an address that is not the dialling one's (SNAT, host network):
    /// healthy all the same, and noted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rewritten: bool,
    /// Why it uses another network than the wanted one, where that is on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_network: Option<OffNetwork>,
}

/// How many desired links are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LinkCounts {
    /// All of them.
    pub desired: u64,
    /// Of these healthy.
    pub healthy: u64,
    /// Of these degraded.
    pub degraded: u64,
    /// Of these missing.
    pub missing: u64,
    /// Of these unknown.
    pub unknown: u64,
}

/// State of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MemberState {
    /// It answers with the recorded identity.
    Reachable,
    /// It does not answer, or not as Kubo.
    Unreachable,
    /// It is gone and its place is kept.
    Away,
    /// It is not asked (yet): not ready, not recorded, or its address is another's.
    Waiting,
    /// Its identity is wrong or not its own alone.
    Quarantined,
}

/// How a member's connections are kept on the storage network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SteeringState {
    /// It announces no address off the network: nobody learns of one.
    Prevented,
    /// Links are moved when they are elsewhere.
    Steered,
    /// Our filters for the pod networks stand on it.
    Strict,
    /// Nothing keeps them there: the policy or its Kubo's version forbids steering, or its filters
    /// cannot be read.
    Unsteered,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberReport {
    /// What it is.
    pub role: Role,
    /// How it is.
    pub state: MemberState,
    /// Its recorded identity.
    #[serde(rename = "peerID")]
    pub peer_id: Option<PeerId>,
    /// Kubo's version as it says, empty when unknown.
    pub agent_version: String,
    /// How its connections are kept on the storage network; `None` where none is asked for, or it is
    /// not known yet.
    #[serde(default)]
    pub steering: Option<SteeringState>,
    /// Its capacity.
    pub capacity: Option<Capacity>,
    /// The way that was last taken to it, where there is a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathTaken>,
    /// Its desired links.
    pub links: LinkCounts,
    /// Reachable, Linked, OnNetwork, FilterConflict, AddressConflict, WrongIdentity,
    /// DuplicateIdentity, in this order.
    pub conditions: Vec<Condition>,
}

/// What the planner found in one pass.
#[must_use = "a report that nobody reads is a bug"]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The mesh.
    pub mesh: MeshId,
    /// When it was planned.
    pub at: Timestamp,
    /// Every member, those away included: all that is counted as members.
    pub members: BTreeMap<MemberName, MemberReport>,
    /// Who is named by the selector or the members file and is no member now, each as `Waiting` with
    /// the reason in its condition `Reachable`: shown, and counted nowhere.
    pub waiting: BTreeMap<MemberName, MemberReport>,
    /// Every desired link, in order.
    pub links: Vec<LinkReport>,
    /// Their sums.
    pub counts: LinkCounts,
    /// Links that nodes still have entries for and the topology no longer wants, each with the
    /// reason for being kept.
    pub surplus: Vec<LinkReport>,
    /// Peering entries, retired identities and records that would go were it not for doubt.
    pub removals_held: u64,
    /// Why removals are held.
    pub doubt: Option<Doubt>,
    /// Accepted, NetworkApplied, Connected, Degraded, Ready, in this order.
    pub conditions: Vec<Condition>,
    /// Retired identities that were dropped after their time although unreachable nodes may still
    /// hold an entry; each is worth a Warning event.
    pub retired_expired: Vec<PeerId>,
    /// What is known of the storage network as a whole.
    #[serde(default)]
    pub network: NetworkReport,
    /// Filters that were to be given back and are remembered no longer; each is worth a Warning event.
    pub filters_lost: Vec<LostFilters>,
    /// How long until something that was held back is due; `None`: nothing waits for time.
    #[serde(with = "crate::span::optional")]
    pub next_due: Option<Duration>,
}

impl LinkState {
    /// Every state: metric series are created from it.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Degraded, Self::Missing, Self::Unknown];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

impl SteeringState {
    /// Every state: metric series are created from it.
    pub const ALL: [Self; 4] = [
        Self::Prevented,
        Self::Steered,
        Self::Strict,
        Self::Unsteered,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Prevented => "prevented",
            Self::Steered => "steered",
            Self::Strict => "strict",
            Self::Unsteered => "unsteered",
        }
    }
}

impl MemberState {
    /// Every state: metric series are created from it.
    pub const ALL: [Self; 5] = [
        Self::Reachable,
        Self::Unreachable,
        Self::Away,
        Self::Waiting,
        Self::Quarantined,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Unreachable => "unreachable",
            Self::Away => "away",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
        }
    }
}

impl Report {
    /// Members, then those that are none now: whoever may have a record whose status tells of it.
    pub fn named(&self) -> impl Iterator<Item = (&MemberName, &MemberReport)> {
        self.members.iter().chain(&self.waiting)
    }

    /// Finds a member, or who is none now.
    #[must_use]
    pub fn find(&self, name: &MemberName) -> Option<&MemberReport> {
        self.members.get(name).or_else(|| self.waiting.get(name))
    }
}

impl LinkCounts {
    /// Counts one link.
    pub fn add(&mut self, state: LinkState) {
        self.desired += 1;
        *match state {
            LinkState::Healthy => &mut self.healthy,
            LinkState::Degraded => &mut self.degraded,
            LinkState::Missing => &mut self.missing,
            LinkState::Unknown => &mut self.unknown,
        } += 1;
    }
}

/// A report as prose: the links that are not healthy, one a line, then the sums.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unhealthy = self
            .links
            .iter()
            .filter(|link| link.state != LinkState::Healthy || link.off_network.is_some());
        for link in unhealthy.chain(&self.surplus) {
            write!(f, "{}: {}", link.link, link.state.label())?;
            if let Some(reason) = &link.reason {
                write!(f, ", {reason}")?;
            }
            if let Some(instead) = link.off_network {
                write!(f, ", over another network ({})", instead.label())?;
            }
            match &link.held {
                Some(Held { reason, .. }) if Some(reason) != link.reason.as_ref() => {
                    writeln!(f, "; held back: {reason}")?;
                }
                Some(_) => writeln!(f, "; held back")?,
                None => writeln!(f)?,
            }
        }
        let LinkCounts {
            desired,
            healthy,
            degraded,
            missing,
            unknown,
        } = self.counts;
        writeln!(
            f,
            "{healthy}/{desired} links healthy, {degraded} degraded, {missing} missing, {unknown} unknown"
        )
    }
}
