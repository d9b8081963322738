//! Why a link is not healthy, or why nothing is done about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{FailureKind, MemberName};

/// Why a link is not healthy, or why nothing is done about it now. Closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(tag = "type")]
pub enum Reason {
    /// A call for it is in this plan.
    BeingMade,
    /// Only one end lists it.
    OneSided,
    /// It leads through a relay.
    Relayed,
    /// It is on another network than the wanted one.
    WrongNetwork,
    /// It is not moved: `spec.network.steering` is `Off`.
    SteeringOff,
    /// It is not moved: that member's Kubo can hang a fetch after a quick reconnect.
    AffectedVersion {
        /// Which end.
        member: MemberName,
    },
    /// It is not moved: the storage network carried none of the last links that were.
    StorageNetworkDown,
    /// It is not moved: every address off the network of that member is another member's too, and
    /// none may be filtered.
    NothingToFilter {
        /// Which end.
        member: MemberName,
    },
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
    /// That member says yes to calls, and its lists show nothing of what they did.
    Unheeded {
        /// Which end.
        member: MemberName,
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

impl Reason {
    /// Every metric label of [`Reason::label`].
    pub const LABELS: [&'static str; 27] = [
        "being_made",
        "one_sided",
        "relayed",
        "wrong_network",
        "steering_off",
        "affected_version",
        "storage_network_down",
        "nothing_to_filter",
        "extra_connection",
        "unprotected",
        "away",
        "unreachable",
        "unheeded",
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
            Self::SteeringOff => "steering_off",
            Self::AffectedVersion { .. } => "affected_version",
            Self::StorageNetworkDown => "storage_network_down",
            Self::NothingToFilter { .. } => "nothing_to_filter",
            Self::ExtraConnection => "extra_connection",
            Self::Unprotected => "unprotected",
            Self::Away { .. } => "away",
            Self::Unreachable { .. } => "unreachable",
            Self::Unheeded { .. } => "unheeded",
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeingMade => f.write_str("being made"),
            Self::OneSided => f.write_str("only one end lists it"),
            Self::Relayed => f.write_str("it leads through a relay"),
            Self::WrongNetwork => f.write_str("it is on another network"),
            Self::SteeringOff => f.write_str("spec.network.steering is Off: it is not moved"),
            Self::AffectedVersion { member } => write!(
                f,
                "the Kubo of {member} is one of 0.37 to 0.42, which can hang a fetch after a quick \
                 reconnect: it is not moved unless spec.network.steeringOnAffectedVersions is true"
            ),
            Self::StorageNetworkDown => {
                f.write_str("the storage network carried none of the last links that were moved")
            }
            Self::NothingToFilter { member } => write!(
                f,
                "every other address of {member} is another member's too: it is not moved"
            ),
            Self::ExtraConnection => f.write_str("a second connection is off the network"),
            Self::Unprotected => f.write_str("an end has no peering entry for it"),
            Self::Away { member } => write!(f, "{member} is away"),
            Self::Unreachable { member, kind } => write!(f, "{member} does not answer ({kind})"),
            Self::Unheeded { member } => {
                write!(f, "{member} says yes to calls and its lists show no change")
            }
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
