//! Conditions, with the meaning that Kubernetes gives them, as plain values.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `status` of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It cannot be told.
    Unknown,
}

/// `type` of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionKind {
    /// Mesh: the policy is valid and its secrets are readable.
    Accepted,
    /// Mesh: every member is on the wanted network.
    NetworkApplied,
    /// Mesh: the graph of healthy links over reachable members is connected.
    Connected,
    /// Mesh: a member is unreachable, or a link missing, degraded or held back.
    Degraded,
    /// Mesh: accepted, applied, at least one member, every desired pair of reachable ones healthy.
    Ready,
    /// Member: it answers with the recorded identity.
    Reachable,
    /// Member: all its desired links are healthy.
    Linked,
    /// Member: it is on the wanted network.
    OnNetwork,
    /// Member: its dial filters cover the mesh network.
    FilterConflict,
    /// Member: another one claims its address.
    AddressConflict,
    /// Member: it answers with another identity than the recorded one.
    WrongIdentity,
    /// Member: its identity was also seen elsewhere.
    DuplicateIdentity,
}

/// `reason` of a condition, and of the event that its transition makes: a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReasonCode {
    /// Nothing is wrong.
    AsWanted,
    /// The policy breaks a rule.
    InvalidPolicy,
    /// The policy sets a field that this build does not implement.
    NotImplemented,
    /// A secret is missing, of the wrong type or malformed.
    SecretUnreadable,
    /// An older mesh selects the pod too.
    PodClaimed,
    /// A record cannot be read.
    RecordUnreadable,
    /// A record belongs to the mesh that the member left.
    RecordHeld,
    /// A record could not be stored.
    RecordNotStored,
    /// No storage network is asked for.
    NoStorageNetwork,
    /// A member has no address on the wanted network.
    NoAddress,
    /// A pod is not attached to the storage network.
    NotAttached,
    /// A pod opted out of the storage network.
    OptedOut,
    /// Multus has not reported a pod's address yet.
    NotReported,
    /// An annotation of Multus cannot be read.
    NetworkStatusUnreadable,
    /// A pod has the storage network at another interface.
    WrongInterface,
    /// A member's address on the storage network is of the other family.
    WrongFamily,
    /// Two members have one address on the storage network.
    AddressShared,
    /// A member's address is in none of the storage network's ranges.
    AddressOutsideRange,
    /// Pods are still to be recreated before all members are on the wanted network.
    RollingOut,
    /// The NetworkAttachmentDefinition is missing or cannot be read.
    AttachmentUnreadable,
    /// The NetworkAttachmentDefinition was edited after it was applied.
    AttachmentDrift,
    /// Links cannot be moved to the storage network: three in a row failed.
    StorageNetworkDown,
    /// Links are on another network than the wanted one, and the policy or the Kubo versions forbid
    /// moving them.
    NotSteered,
    /// Kubo admits 16 connections of an IPv6 /56 and the mesh needs more.
    IPv6Limited,
    /// The selector matches no pod.
    NoMembers,
    /// Nothing says where the RPC of a pod is: it is no member.
    NoRpcPort,
    /// A member does not answer.
    Unreachable,
    /// A member's RPC refuses our token, or wants one.
    Unauthorised,
    /// What answers is not Kubo.
    NotKubo,
    /// The member's daemon runs offline.
    Offline,
    /// A member was not asked yet.
    NotAsked,
    /// The member is gone and its place is kept.
    Away,
    /// A link is missing.
    LinkMissing,
    /// A link is there and not as wanted.
    LinkDegraded,
    /// No end of a link could be asked.
    LinkUnknown,
    /// Removals are held because the view of the cluster is in doubt.
    RemovalsHeld,
    /// Dial filters are in the way.
    FilterConflict,
    /// Two members claim one address.
    AddressConflict,
    /// Another identity answers than the recorded one.
    WrongIdentity,
    /// One identity answers at two addresses.
    DuplicateIdentity,
    /// The healthy links do not reach every reachable member.
    Partitioned,
    /// The mesh only observes.
    Observing,
    /// The mesh gives everything back.
    Releasing,
    /// The links leave a node's other connections little room.
    WouldChurnOthers,
    /// A retired identity was dropped although some nodes could not be reached.
    RetiredExpired,
    /// What was taken from a node's dial filters is remembered no longer and was not given back.
    FiltersLost,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    /// Whether it holds.
    pub status: Status,
    /// The first cause.
    pub reason: ReasonCode,
    /// A sentence for people: names at most ten members and a count.
    pub message: String,
}

impl Condition {
    /// A condition.
    #[must_use]
    pub fn new(
        kind: ConditionKind,
        status: Status,
        reason: ReasonCode,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            status,
            reason,
            message: message.into(),
        }
    }
}

impl fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
