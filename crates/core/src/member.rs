//! Members: the nodes that a mesh's selector (or a members file) names, as discovery sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Access, Address, AttachmentState, MemberName, MemberUid, MeshId, PeerId, StorageState,
    Timestamp,
};

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Role {
    /// A Kubo node.
    Kubo,
    /// A circuit relay; its record's name ends in `.relay`.
    Relay,
    /// An ipfs-cluster peer; its record's name ends in `.cluster`.
    Cluster,
}

/// A network that members share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Network {
    /// The pod network: what every pod has; in a members file the network of `rpc` and `swarm`.
    Pod,
    /// The storage network that Multus attaches.
    Storage,
}

/// Where a member comes from; some rules differ (rules.md, Identity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A pod that a mesh selects.
    Pod,
    /// A line of the members file.
    File,
}

/// The start of the container that owns the RPC port. When it differs from the recorded one, the
/// node was restarted: what it had in memory (peering) is gone and it may have another identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct ContainerStart {
    /// `restartCount` of its status.
    pub restarts: u32,
    /// `containerID` of its status, empty when unset.
    pub id: Arc<str>,
}

/// Whether a member may be contacted at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Contact {
    /// Yes.
    Allowed,
    /// No: another live member claims the same IP and port, and it is the one that is contacted
    /// (rules.md, Identity: address before identity).
    AddressConflict {
        /// The one that is contacted, as `namespace/name` where it is of another namespace.
        with: String,
    },
    /// No: its secret cannot be read or parsed; the sentence says which and why.
    NoSecret {
        /// The sentence for the condition.
        why: String,
    },
}

/// A member that lives: its pod has an IP, is not Succeeded, Failed or terminating; or it is a line
/// of the members file. One that is not `ready` and has no record of this life is not yet acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its name in the mesh.
    pub name: MemberName,
    /// This life of it.
    pub uid: MemberUid,
    /// What it is.
    pub role: Role,
    /// Where it comes from.
    pub source: Source,
    /// How its management API is reached.
    pub access: Access,
    /// Its IPs by network, the preferred one first. A network that it is not on is absent.
    pub networks: BTreeMap<Network, Vec<IpAddr>>,
    /// What it has of the storage network beside its addresses there.
    #[serde(default)]
    pub storage: StorageState,
    /// The IP of its host, for nodes on the host network and rewritten sources.
    #[serde(rename = "hostIP")]
    pub host_ip: Option<IpAddr>,
    /// Whether it uses its host's network: its IP is shared, only IP and port are its own.
    pub host_network: bool,
    /// The swarm port that the policy, a container port or the members file states; `None`: what
    /// `swarm/addrs/listen` says, else 4001.
    pub swarm_port: Option<u16>,
    /// The whole swarm address where the members file states one.
    pub swarm: Option<Address>,
    /// `topology.kubernetes.io/zone` of its node, or `zone` of its line; empty when unknown.
    pub zone: Arc<str>,
    /// Start of the container that owns the RPC port; `None` where there is no container.
    pub container: Option<ContainerStart>,
    /// The pod's Ready condition; always true for a line of the members file.
    pub ready: bool,
    /// When the pod was created.
    pub created: Timestamp,
    /// The peer ID that the members file states.
    #[serde(rename = "statedPeerID")]
    pub stated_peer_id: Option<PeerId>,
    /// Whether it may be contacted.
    pub contact: Contact,
}

/// Why a pod that the selector names is no member yet, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(tag = "type")]
pub enum Waiting {
    /// It has no IP yet.
    NoIp,
    /// It is being deleted.
    Terminating,
    /// It ended (`Succeeded` or `Failed`), even if it still has an IP.
    Ended,
    /// No container of it looks like Kubo or has a port named `api`, and no port is set.
    NoRpcPort,
    /// An older mesh selects it too, and it belongs to that one.
    Claimed {
        /// The older mesh, `namespace/name`.
        by: String,
    },
    /// The record of its name cannot be read. It is never overwritten: it may be all that is known
    /// of what was given to nodes.
    RecordUnreadable {
        /// What is wrong with it and what to do.
        why: String,
    },
    /// The record of its name belongs to a mesh that it left, and which has not yet taken back what
    /// it gave to nodes.
    RecordHeld {
        /// The other mesh, `namespace/name`.
        by: String,
    },
    /// Its record could not be stored, and nothing is done before it is. It is a member all the
    /// same: each pass tries again.
    RecordNotStored {
        /// What the store says and what to do.
        why: String,
    },
}

/// Why no removal is made now (rules.md, Removal).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Doubt {
    /// The first list is not complete.
    NotSynced,
    /// Nothing was heard from the watch for longer than twice its timeout.
    WatchStale {
        /// Since when nothing was heard.
        #[serde(with = "crate::span")]
        age: Duration,
    },
    /// After a re-list many recorded members were missing whose deletion was not seen.
    ManyMissing {
        /// How many are missing.
        missing: usize,
        /// How many were recorded.
        recorded: usize,
        /// How many consistent lists in a row agree so far; three end the doubt.
        agreeing: u32,
    },
    /// The API server showed an older state than before: its store was restored.
    StoreRestored {
        /// When the hold ends.
        until: Timestamp,
    },
}

/// All members of one mesh at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The mesh.
    pub mesh: MeshId,
    /// Those that live, by name.
    pub members: BTreeMap<MemberName, Member>,
    /// What holds up those that the selector names: pods that are no members now, and members whose
    /// records are not stored.
    pub waiting: BTreeMap<MemberName, Waiting>,
    /// What is known of the storage network's definition.
    #[serde(default)]
    pub attachment: AttachmentState,
    /// Why removals are held, if they are.
    pub doubt: Option<Doubt>,
}

/// What differs between two memberships of one mesh.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turnover {
    /// Who is there and was not before, or was another way.
    pub changed: BTreeSet<MemberName>,
    /// The lives of those who came, became ready, were started anew or are reached another way: they
    /// are asked at once, whatever their back-off.
    pub renewed: BTreeSet<MemberUid>,
}

// === impl Role ===

impl Role {
    /// What a record's name has behind the member's name.
    #[must_use]
    pub const fn record_suffix(self) -> &'static str {
        match self {
            Self::Kubo => "",
            Self::Relay => ".relay",
            Self::Cluster => ".cluster",
        }
    }
}

// === impl Network ===

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pod => "pod",
            Self::Storage => "storage",
        })
    }
}

// === impl Member ===

impl Member {
    /// Its IPs on a network, the preferred one first; none if it is not on it.
    #[must_use]
    pub fn ips(&self, network: Network) -> &[IpAddr] {
        self.networks.get(&network).map_or(&[], Vec::as_slice)
    }
}

// === impl Membership ===

impl Membership {
    /// A mesh without members.
    #[must_use]
    pub fn empty(mesh: MeshId) -> Self {
        Self {
            mesh,
            members: BTreeMap::new(),
            waiting: BTreeMap::new(),
            attachment: AttachmentState::default(),
            doubt: None,
        }
    }

    /// What is other than it was before.
    #[must_use]
    pub fn turnover(&self, before: &Self) -> Turnover {
        let mut turnover = Turnover::default();
        for (name, member) in &self.members {
            let was = before.members.get(name);
            if was == Some(member) {
                continue;
            }
            turnover.changed.insert(name.clone());
            let renewed = was.is_none_or(|was| {
                was.uid != member.uid
                    || was.container != member.container
                    || was.access != member.access
                    || (member.ready && !was.ready)
            });
            if renewed {
                turnover.renewed.insert(member.uid.clone());
            }
        }
        turnover
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSynced => f.write_str("the first list of pods is not complete"),
            Self::WatchStale { age } => {
                write!(
                    f,
                    "nothing was heard from the pod watch for {} s",
                    age.as_secs()
                )
            }
            Self::ManyMissing {
                missing,
                recorded,
                agreeing,
            } => write!(
                f,
                "{missing} of {recorded} recorded members are missing from a new list and no \
                 deletion was seen; {agreeing} of 3 lists agree"
            ),
            Self::StoreRestored { until } => write!(
                f,
                "the API server shows an older state than before; removals are held until {until}"
            ),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIp => f.write_str("the pod has no IP yet"),
            Self::Terminating => f.write_str("the pod is being deleted"),
            Self::Ended => f.write_str("the pod has ended"),
            Self::NoRpcPort => f.write_str("no container of the pod looks like Kubo or has a port named api, and no RPC port is set"),
            Self::Claimed { by } => write!(f, "the older mesh {by} selects the pod too"),
            Self::RecordUnreadable { why } | Self::RecordNotStored { why } => f.write_str(why),
            Self::RecordHeld { by } => write!(
                f,
                "its record belongs to the mesh {by}, which forgets the member after its \
                 links.forgetAfter and then gives the record up"
            ),
        }
    }
}
