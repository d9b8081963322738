//! Reports: what the planner found, and a reason for everything that it did not do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Capacity, Condition, Doubt, FailureKind, Link, MemberName, MeshId, PeerId, Role, Timestamp,
};

/// State of a desired link, judged from both ends (rules.md, Links).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// Why a link is not healthy, or why nothing is done about it now. Closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reason {
    /// A call for it is in this plan.
    BeingMade,
    /// Only one end lists it.
    OneSided,
    /// It leads through a relay.
    Relayed,
    /// It is on another network than the wanted one.
    WrongNetwork,
    /// A second connection is off the network.
    ExtraConnection,
    /// An end has no peering entry for it.
    Unprotected,
    /// The pod of that member is gone; its place is kept.
    Away {
        /// Which end.
        member: MemberName,
    },
    /// That member does not answer.
    Unreachable {
        /// Which end.
        member: MemberName,
        /// How it fails.
        kind: FailureKind,
    },
    /// That member was not asked yet, or has no stored record yet.
    NotRecorded {
        /// Which end.
        member: MemberName,
    },
    /// The last dial failed; the next is due later.
    BackOff {
        /// How it failed.
        kind: FailureKind,
        /// What was said.
        message: String,
    },
    /// A dial filter covers the other end's address.
    FilterConflict {
        /// Whose filter.
        member: MemberName,
        /// The entry.
        entry: String,
    },
    /// The ends have different swarm keys, or only one has one.
    SwarmKeyDiffers,
    /// That member shows another identity than the recorded one.
    WrongIdentity {
        /// Which end.
        member: MemberName,
    },
    /// That member's identity was seen at two addresses.
    DuplicateIdentity {
        /// Which end.
        member: MemberName,
    },
    /// Another member claims that member's address.
    AddressConflict {
        /// Which end.
        member: MemberName,
    },
    /// The mesh observes or is being released.
    Mode,
    /// Removals are held.
    RemovalsHeld,
    /// This minute's budget is used up.
    Budget,
    /// It goes only when all desired links of both ends are healthy.
    NotReplaced,
    /// No longer wanted by the topology and kept: no end is above its capacity.
    Surplus,
    /// The pair has an entry that is not ours and is left with it.
    Foreign {
        /// Whose list.
        member: MemberName,
    },
    /// A member has no address on the network.
    NoAddress {
        /// Which end.
        member: MemberName,
    },
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
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// It answers with the recorded identity.
    Reachable,
    /// It does not answer, or not as Kubo.
    Unreachable,
    /// Its pod is gone and its place is kept.
    Away,
    /// It is not asked (yet): not ready, claimed elsewhere, or its address is another's.
    Waiting,
    /// Its identity is wrong or not its own alone.
    Quarantined,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberReport {
    /// What it is.
    pub role: Role,
    /// How it is.
    pub state: MemberState,
    /// Its recorded identity.
    pub peer_id: Option<PeerId>,
    /// Kubo's version as it says, empty when unknown.
    pub agent_version: String,
    /// Its capacity.
    pub capacity: Option<Capacity>,
    /// Its desired links.
    pub links: LinkCounts,
    /// Reachable, Linked, OnNetwork, FilterConflict, AddressConflict, WrongIdentity,
    /// DuplicateIdentity, in this order.
    pub conditions: Vec<Condition>,
}

/// What the planner found in one pass.
#[must_use = "a report that nobody reads is a bug"]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The mesh.
    pub mesh: MeshId,
    /// When it was planned.
    pub at: Timestamp,
    /// Every member: live, away or waiting.
    pub members: BTreeMap<MemberName, MemberReport>,
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
    /// How long until something that was held back is due; `None`: nothing waits for time.
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

impl Reason {
    /// Every metric label of [`Reason::label`].
    pub const LABELS: [&'static str; 22] = [
        "being_made",
        "one_sided",
        "relayed",
        "wrong_network",
        "extra_connection",
        "unprotected",
        "away",
        "unreachable",
        "not_recorded",
        "back_off",
        "filter_conflict",
        "swarm_key_differs",
        "wrong_identity",
        "duplicate_identity",
        "address_conflict",
        "mode",
        "removals_held",
        "budget",
        "not_replaced",
        "surplus",
        "foreign",
        "no_address",
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::BeingMade => "being_made",
            Self::OneSided => "one_sided",
            Self::Relayed => "relayed",
            Self::WrongNetwork => "wrong_network",
            Self::ExtraConnection => "extra_connection",
            Self::Unprotected => "unprotected",
            Self::Away { .. } => "away",
            Self::Unreachable { .. } => "unreachable",
            Self::NotRecorded { .. } => "not_recorded",
            Self::BackOff { .. } => "back_off",
            Self::FilterConflict { .. } => "filter_conflict",
            Self::SwarmKeyDiffers => "swarm_key_differs",
            Self::WrongIdentity { .. } => "wrong_identity",
            Self::DuplicateIdentity { .. } => "duplicate_identity",
            Self::AddressConflict { .. } => "address_conflict",
            Self::Mode => "mode",
            Self::RemovalsHeld => "removals_held",
            Self::Budget => "budget",
            Self::NotReplaced => "not_replaced",
            Self::Surplus => "surplus",
            Self::Foreign { .. } => "foreign",
            Self::NoAddress { .. } => "no_address",
        }
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeingMade => f.write_str("being made"),
            Self::OneSided => f.write_str("only one end lists it"),
            Self::Relayed => f.write_str("it leads through a relay"),
            Self::WrongNetwork => f.write_str("it is on another network"),
            Self::ExtraConnection => f.write_str("a second connection is off the network"),
            Self::Unprotected => f.write_str("an end has no peering entry for it"),
            Self::Away { member } => write!(f, "{member} is away"),
            Self::Unreachable { member, kind } => write!(f, "{member} does not answer ({kind})"),
            Self::NotRecorded { member } => {
                write!(f, "the identity of {member} is not recorded yet")
            }
            Self::BackOff { kind, message } => {
                write!(f, "the last dial failed ({kind}): {message}")
            }
            Self::FilterConflict { member, entry } => {
                write!(
                    f,
                    "the dial filter {entry} of {member} covers the other end"
                )
            }
            Self::SwarmKeyDiffers => f.write_str("the ends have different swarm keys"),
            Self::WrongIdentity { member } => {
                write!(f, "{member} shows another identity than the recorded one")
            }
            Self::DuplicateIdentity { member } => {
                write!(f, "the identity of {member} answers at two addresses")
            }
            Self::AddressConflict { member } => {
                write!(f, "another member claims the address of {member}")
            }
            Self::Mode => f.write_str("the mesh's mode makes no changes"),
            Self::RemovalsHeld => f.write_str("removals are held"),
            Self::Budget => f.write_str("this minute's removals are used up"),
            Self::NotReplaced => f.write_str("a desired link of an end is not healthy yet"),
            Self::Surplus => f.write_str("no longer wanted; kept while both ends have room"),
            Self::Foreign { member } => write!(f, "{member} has an entry that is not ours"),
            Self::NoAddress { member } => write!(f, "{member} has no address on the network"),
        }
    }
}

/// A report as prose: the links that are not healthy, one a line, then the sums.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unhealthy = self
            .links
            .iter()
            .filter(|link| link.state != LinkState::Healthy);
        for link in unhealthy.chain(&self.surplus) {
            write!(f, "{}: {}", link.link, link.state.label())?;
            if let Some(reason) = &link.reason {
                write!(f, ", {reason}")?;
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
