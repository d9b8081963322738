//! The storage network in a story: how a pod is wired to it, what happens to it, and what the policy
//! asks for.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use kubomesh_core::{Attachment, Fallback, Network, NetworkPolicy, Rollout, Steering};

use super::event::{Slot, seconds};

/// How a pod is wired, if the policy asks for the storage network when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wiring {
    /// Whether it is attached.
    pub attach: Attach,
    /// How long after its creation its network-status says so.
    pub told: Duration,
    /// How its Kubo is started.
    pub start: Start,
    /// Whether its Kubo is of a version that does not bear a quick reconnect.
    pub affected: bool,
}

/// Whether a pod is attached to the storage network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attach {
    /// It asks for it and is attached.
    #[default]
    Asks,
    /// It does not ask for it: the webhook was away.
    Forgotten,
    /// It is given the address that another has.
    Shares(Slot),
}

/// What a Kubo is started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Nothing special.
    #[default]
    Plain,
    /// It does not announce its pod's address (measured-on-kubo, row 25).
    Silent,
    /// It listens at its address on the storage network only (row 26).
    Bound,
}

/// Something that happens to the storage network, or because there are two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkEvent {
    /// The storage network carries nothing until partitions are mended.
    Down,
    /// One node is off the storage network until partitions are mended.
    Off {
        /// Which.
        slot: Slot,
    },
    /// Partitions of the storage network are mended.
    Up,
    /// A node finds another on the pod network.
    Meets {
        /// Which.
        slot: Slot,
        /// Whom.
        of: Slot,
    },
    /// A pod is deleted and its repo comes up under another name.
    Rename {
        /// Which.
        slot: Slot,
        /// Under which name.
        to: Slot,
        /// After how long.
        gap: Duration,
    },
}

/// A change of `spec.network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkChange {
    /// The attachment is asked for or no more, with `rollout: Rolling`, as the webhook wants it.
    Attachment(bool),
    /// `spec.network.steering`.
    Steering(Steering),
    /// `spec.network.fallback`.
    Fallback(Fallback),
    /// `spec.network.rollout`.
    Rollout(Rollout),
}

/// The range that pods get their address on the storage network from: `192.168.0.0/16`.
pub(crate) const PREFIX: [u8; 2] = [192, 168];

/// The network of an address.
pub(crate) fn network_of(ip: IpAddr) -> Network {
    match ip {
        IpAddr::V4(ip) if ip.octets().starts_with(&PREFIX) => Network::Storage,
        _ => Network::Pod,
    }
}

/// The attachment of every story that has one.
pub(crate) fn attachment() -> Option<Attachment> {
    Some(Attachment {
        namespace: "ipfs".into(),
        name: "storage".into(),
    })
}

// === impl NetworkChange ===

impl NetworkChange {
    /// Makes the change, with what admission asks for beside it.
    pub(crate) fn apply(self, policy: &mut NetworkPolicy) {
        match self {
            Self::Attachment(on) => {
                policy.attachment = attachment().filter(|_| on);
                policy.rollout = Rollout::Rolling;
            }
            Self::Steering(steering) => policy.steering = steering,
            Self::Fallback(fallback) => policy.fallback = fallback,
            Self::Rollout(rollout) => policy.rollout = rollout,
        }
        if policy.steering == Steering::Strict {
            // Admission refuses the two together.
            policy.fallback = Fallback::Never;
        }
    }
}

impl fmt::Display for NetworkChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attachment(true) => f.write_str("network.attachment is set, Rolling"),
            Self::Attachment(false) => f.write_str("network.attachment is empty, Rolling"),
            Self::Steering(steering) => write!(f, "network.steering is {steering:?}"),
            Self::Fallback(fallback) => write!(f, "network.fallback is {fallback:?}"),
            Self::Rollout(rollout) => write!(f, "network.rollout is {rollout:?}"),
        }
    }
}

// === impl NetworkEvent ===

impl fmt::Display for NetworkEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("the storage network carries nothing"),
            Self::Off { slot } => write!(f, "{slot} is off the storage network"),
            Self::Up => f.write_str("the storage network carries again, to everybody"),
            Self::Meets { slot, of } => write!(f, "{slot} finds {of} on the pod network"),
            Self::Rename { slot, to, gap } => {
                let gap = seconds(*gap);
                write!(
                    f,
                    "{slot} is deleted, its repo comes up as {to} after {gap}"
                )
            }
        }
    }
}

// === impl Wiring ===

impl fmt::Display for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attach {
            Attach::Asks => {}
            Attach::Forgotten => f.write_str(", without the storage network")?,
            Attach::Shares(of) => write!(f, ", with the storage address of {of}")?,
        }
        if !self.told.is_zero() {
            write!(f, ", its network-status after {}", seconds(self.told))?;
        }
        match self.start {
            Start::Plain => {}
            Start::Silent => f.write_str(", announcing no pod address")?,
            Start::Bound => f.write_str(", bound to the storage network")?,
        }
        if self.affected {
            f.write_str(", Kubo 0.39")?;
        }
        Ok(())
    }
}
