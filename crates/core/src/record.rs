//! Records: what must survive a crash of the controller. One per member; a `SwarmPeer` object in
//! Kubernetes, a JSON file in a state directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Address, ContainerStart, MemberName, MemberUid, PeerId, Role, Timestamp};

/// An identity that a member had and has no more, or one whose member is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// The life that had it.
    pub uid: MemberUid,
    /// The identity.
    #[serde(rename = "peerID")]
    pub peer_id: PeerId,
    /// Every address that we may have given to other nodes for it, without `/p2p/…`.
    pub addresses: Vec<Address>,
    /// When it was retired.
    pub since: Timestamp,
}

/// A dial filter that we added to a node and have not yet seen gone (rules.md, storage network).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFilter {
    /// Whose address it hides; `None` where it hides a whole network (`steering: Strict`).
    pub peer: Option<PeerId>,
    /// The entry's exact text, `/ip4/10.0.0.7/ipcidr/32`.
    pub cidr: Arc<str>,
    /// How far it is.
    pub step: FilterStep,
    /// When it was intended.
    pub since: Timestamp,
}

/// How far a filter of ours is. Whatever it says, after a crash the filter may be there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FilterStep {
    /// It is added, and links are moved while it is seen.
    Intended,
    /// It is removed, until that was answered and it is not seen any more.
    Leaving,
    /// It stays as long as the policy says `steering: Strict`.
    Standing,
}

/// Text that is no step of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither Intended, Leaving nor Standing")]
pub struct FilterStepError;

/// A dial filter of the node's owner that we took away under `filters: Repair` and give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedFilter {
    /// The entry's exact text.
    pub cidr: Arc<str>,
    /// The container start at which it was taken away: at most once per start.
    pub container: Option<ContainerStart>,
    /// When.
    pub since: Timestamp,
    /// Whether the node was seen without it since: if it shows it again at the same container
    /// start, somebody wants it there, and it is left alone.
    #[serde(default)]
    pub gone: bool,
}

/// Filters that were taken away under `filters: Repair`, and those of ours, which are remembered no
/// longer although they were not given back. Its text is the Warning that is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LostFilters {
    /// Whose record named them.
    pub member: MemberName,
    /// The identity that they were taken from, if it is known.
    #[serde(rename = "peerID")]
    pub peer_id: Option<PeerId>,
    /// The exact texts of the entries that were taken away.
    pub filters: Vec<Arc<str>>,
    /// The exact texts of ours that may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<Arc<str>>,
}

/// How many connections of a node the mesh may use for its rings. As text the number, `Unlimited` or
/// `Assumed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capacity {
    /// ¾ × (HighWater − LowWater), never below 8.
    Links(u32),
    /// The connection manager is off.
    Unlimited,
    /// Not readable: 48, shown as assumed.
    Assumed,
}

/// Text that is no capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither a number of links, Unlimited nor Assumed")]
pub struct CapacityError;

/// What is remembered of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Name of the mesh that it belongs to (`spec.mesh`), in the record's own namespace.
    pub mesh: Arc<str>,
    /// The member's name; with the role's suffix the record's.
    pub member: MemberName,
    /// What it is.
    pub role: Role,
    /// Its management API's address, as text.
    pub rpc: Arc<str>,
    /// The life that `peer_id` belongs to.
    pub uid: MemberUid,
    /// Its identity; `None` until it was seen.
    #[serde(rename = "peerID")]
    pub peer_id: Option<PeerId>,
    /// Its swarm addresses without `/p2p/…`: the present one first, then those it had, as long as a
    /// node may hold an entry of ours with one.
    pub addresses: Vec<Address>,
    /// The container start at which `peer_id` was seen.
    pub container: Option<ContainerStart>,
    /// Its capacity, read once per container start.
    pub capacity: Option<Capacity>,
    /// Its zone, so that an away member keeps its place.
    pub zone: Arc<str>,
    /// Identities to be unlinked everywhere.
    pub retired: Vec<Retired>,
    /// Our filters on this node.
    pub owned_filters: Vec<OwnedFilter>,
    /// Its owner's filters that we took away.
    pub removed_filters: Vec<RemovedFilter>,
}

impl Record {
    /// The members whose record is another after than before, by record name.
    #[must_use]
    pub fn rewritten(
        before: &BTreeMap<String, Self>,
        after: &BTreeMap<String, Self>,
    ) -> BTreeSet<MemberName> {
        let stored = after
            .iter()
            .filter(|(name, record)| before.get(*name) != Some(record));
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        stored
            .chain(gone)
            .map(|(_, record)| record.member.clone())
            .collect()
    }

    /// An empty record of a member.
    #[must_use]
    pub fn new(mesh: &str, member: MemberName, role: Role, uid: MemberUid) -> Self {
        Self {
            mesh: mesh.into(),
            member,
            role,
            rpc: "".into(),
            uid,
            peer_id: None,
            addresses: Vec::new(),
            container: None,
            capacity: None,
            zone: "".into(),
            retired: Vec::new(),
            owned_filters: Vec::new(),
            removed_filters: Vec::new(),
        }
    }

    /// The identity that `removed_filters` were taken from and `owned_filters` added to: the present one, else the one retired
    /// last. They are a repo's, not a name's.
    #[must_use]
    pub fn filters_owner(&self) -> Option<PeerId> {
        let last = || self.retired.last().map(|retired| retired.peer_id);
        self.peer_id.or_else(last)
    }

    /// The record's name: the member's name with its role's suffix.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{}", self.member, self.role.record_suffix())
    }
}

impl LostFilters {
    /// What goes with a record that goes now, if anything does.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let filters = record.removed_filters.iter();
        let filters: Vec<Arc<str>> = filters.map(|one| Arc::clone(&one.cidr)).collect();
        let owned = record.owned_filters.iter();
        let owned: Vec<Arc<str>> = owned.map(|one| Arc::clone(&one.cidr)).collect();
        (!filters.is_empty() || !owned.is_empty()).then(|| Self {
            member: record.member.clone(),
            peer_id: record.filters_owner(),
            filters,
            owned,
        })
    }
}

impl fmt::Display for LostFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = |f: &mut fmt::Formatter<'_>| {
            write!(f, "the dial filters of {}", self.member)?;
            self.peer_id.map_or(Ok(()), |peer| write!(f, " ({peer})"))
        };
        if !self.filters.is_empty() {
            f.write_str("what was taken from ")?;
            owner(f)?;
            f.write_str(
                " is not given back and no longer remembered; where that node lives on, put it back \
                 by hand: ipfs swarm filters add",
            )?;
            names(f, &self.filters)?;
        }
        if !self.owned.is_empty() {
            f.write_str(if self.filters.is_empty() { "" } else { "; " })?;
            f.write_str("what was added to ")?;
            owner(f)?;
            f.write_str(
                " for the moment of a dial may be there still and is no longer remembered; where \
                 that node lives on, take it away by hand: ipfs swarm filters rm",
            )?;
            names(f, &self.owned)?;
        }
        Ok(())
    }
}

/// At most ten entries, and how many more there are.
fn names(f: &mut fmt::Formatter<'_>, filters: &[Arc<str>]) -> fmt::Result {
    /// A note of Kubernetes holds as many.
    const LISTED: usize = 10;
    for filter in filters.iter().take(LISTED) {
        write!(f, " {filter}")?;
    }
    match filters.len().saturating_sub(LISTED) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl Capacity {
    /// What is assumed of a node whose settings cannot be read: that of Kubo's defaults.
    pub const ASSUMED_LINKS: u32 = 48;

    /// Never less than this: ring 0 and the first zone ring always.
    pub const LEAST_LINKS: u32 = 8;

    /// As a number of links; unlimited is `u32::MAX`.
    #[must_use]
    pub const fn links(self) -> u32 {
        match self {
            Self::Links(links) => links,
            Self::Unlimited => u32::MAX,
            Self::Assumed => Self::ASSUMED_LINKS,
        }
    }
}

impl FilterStep {
    /// Each: metric series are created from it.
    pub const ALL: [Self; 3] = [Self::Intended, Self::Leaving, Self::Standing];

    /// Its text, in records and as the metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Intended => "Intended",
            Self::Leaving => "Leaving",
            Self::Standing => "Standing",
        }
    }
}

impl fmt::Display for FilterStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for FilterStep {
    type Err = FilterStepError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "Intended" => Ok(Self::Intended),
            "Leaving" => Ok(Self::Leaving),
            "Standing" => Ok(Self::Standing),
            _ => Err(FilterStepError),
        }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Links(links) => write!(f, "{links}"),
            Self::Unlimited => f.write_str("Unlimited"),
            Self::Assumed => f.write_str("Assumed"),
        }
    }
}

impl FromStr for Capacity {
    type Err = CapacityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "Unlimited" => Ok(Self::Unlimited),
            "Assumed" => Ok(Self::Assumed),
            number => number.parse().map(Self::Links).map_err(|_| CapacityError),
        }
    }
}

impl Serialize for Capacity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Capacity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
