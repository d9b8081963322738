//! Pods as the API server has them, and the processes behind them. An object may stay when its
//! process is gone, and an IP may go to another pod meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use kubomesh_core::{ContainerStart, MemberName, MemberUid, PeerId, Timestamp};
use kubomesh_model::{NodeIndex, NodeSpec};

use crate::story::event::{Slot, Traits};
use crate::story::network::PREFIX;

/// A pod as the API server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodObject {
    pub(crate) name: MemberName,
    pub(crate) uid: MemberUid,
    pub(crate) ip: IpAddr,
    pub(crate) zone: Arc<str>,
    pub(crate) ready: bool,
    pub(crate) created: Timestamp,
    pub(crate) container: ContainerStart,
    pub(crate) terminating: bool,
    /// Succeeded or Failed.
    pub(crate) ended: bool,
    /// Whether it asks for the storage network.
    pub(crate) asks: bool,
    /// What its network-status says.
    pub(crate) storage: Option<IpAddr>,
}

/// One change of one pod object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) name: MemberName,
    /// `None`: deleted.
    pub(crate) object: Option<Arc<PodObject>>,
}

/// A name that pods come to and go from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) object: Option<Arc<PodObject>>,
    pub(crate) process: Option<NodeIndex>,
    /// What the last process was started with and saved.
    pub(crate) repo: Option<NodeSpec>,
    pub(crate) traits: Traits,
}

/// One run of a process under one identity.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) node: NodeIndex,
    pub(crate) peer_id: PeerId,
    pub(crate) from: Timestamp,
    pub(crate) to: Option<Timestamp>,
}

/// All pods and processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    pub(crate) places: BTreeMap<Slot, Place>,
    /// Every change of an object, in order.
    pub(crate) log: Vec<Change>,
    /// Whose host answers at an IP: the last one that came up with it.
    pub(crate) addresses: BTreeMap<IpAddr, NodeIndex>,
    /// The process of each life of a pod.
    pub(crate) owners: BTreeMap<MemberUid, NodeIndex>,
    /// Starts of each pod's container, as they are and not as the API server has them.
    pub(crate) starts: BTreeMap<MemberUid, ContainerStart>,
    /// Every run of every process.
    pub(crate) lives: Vec<Life>,
    /// Hosts that answer nobody.
    pub(crate) silent: BTreeSet<NodeIndex>,
    ips: u32,
    storage_ips: u32,
    uids: u32,
    identities: u64,
}

// === impl Cluster ===

impl Cluster {
    /// A pod's name.
    pub(crate) fn name(slot: Slot) -> MemberName {
        slot.to_string().into()
    }

    /// The first and the last address of the range that pods get theirs from.
    pub(crate) const NETWORK: &str = "/ip4/10.64.0.0/ipcidr/12";

    pub(crate) fn place(&self, slot: Slot) -> Option<&Place> {
        self.places.get(&slot)
    }

    pub(crate) fn place_mut(&mut self, slot: Slot) -> &mut Place {
        self.places.entry(slot).or_default()
    }

    /// The running process of a pod.
    pub(crate) fn process(&self, slot: Slot) -> Option<NodeIndex> {
        self.place(slot)?.process
    }

    pub(crate) fn object(&self, slot: Slot) -> Option<&Arc<PodObject>> {
        self.place(slot)?.object.as_ref()
    }

    /// Replaces or removes a pod object; every watcher will hear of it.
    pub(crate) fn put(&mut self, slot: Slot, object: Option<PodObject>, now: Timestamp) {
        let object = object.map(Arc::new);
        let place = self.place_mut(slot);
        if place.object == object {
            return;
        }
        place.object.clone_from(&object);
        self.log.push(Change {
            at: now,
            name: Self::name(slot),
            object,
        });
    }

    /// Changes a pod object, if it is still the one that is meant.
    pub(crate) fn change(
        &mut self,
        slot: Slot,
        uid: Option<&MemberUid>,
        now: Timestamp,
        change: impl FnOnce(&mut PodObject),
    ) {
        let Some(object) = self.object(slot) else {
            return;
        };
        if uid.is_some_and(|uid| *uid != object.uid) {
            return;
        }
        let mut object = PodObject::clone(object);
        change(&mut object);
        self.put(slot, Some(object), now);
    }

    /// An IP that nobody had.
    pub(crate) fn new_ip(&mut self) -> IpAddr {
        self.ips += 1;
        let [_, b, c, d] = self.ips.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(10, 64 + b, c, d))
    }

    /// An address on the storage network that nobody had.
    pub(crate) fn new_storage_ip(&mut self) -> IpAddr {
        self.storage_ips += 1;
        let [_, _, c, d] = self.storage_ips.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(PREFIX[0], PREFIX[1], c, d))
    }

    pub(crate) fn new_uid(&mut self) -> MemberUid {
        self.uids += 1;
        format!("uid-{}", self.uids).into()
    }

    pub(crate) fn new_identity(&mut self) -> PeerId {
        self.identities += 1;
        kubomesh_model::peer_id(self.identities)
    }

    /// Notes that a process runs with an identity.
    pub(crate) fn lives(&mut self, node: NodeIndex, peer_id: PeerId, now: Timestamp) {
        self.lives.push(Life {
            node,
            peer_id,
            from: now,
            to: None,
        });
    }

    /// Notes that a process runs no more.
    pub(crate) fn dies(&mut self, node: NodeIndex, now: Timestamp) {
        let life = self
            .lives
            .iter_mut()
            .rev()
            .find(|life| life.node == node && life.to.is_none());
        if let Some(life) = life {
            life.to = Some(now);
        }
    }

    /// Whether two processes ever ran at once with this identity.
    pub(crate) fn was_doubled(&self, peer_id: PeerId) -> bool {
        let lives: Vec<&Life> = self
            .lives
            .iter()
            .filter(|life| life.peer_id == peer_id)
            .collect();
        lives.iter().enumerate().any(|(at, one)| {
            lives[at + 1..].iter().any(|other| {
                let ends = |life: &Life| life.to.unwrap_or(Timestamp(u64::MAX));
                one.node != other.node && one.from < ends(other) && other.from < ends(one)
            })
        })
    }

    /// Identities that two processes run with now.
    pub(crate) fn doubled(&self) -> BTreeSet<PeerId> {
        let mut once = BTreeSet::new();
        let running = self.lives.iter().filter(|life| life.to.is_none());
        running
            .map(|life| life.peer_id)
            .filter(|peer| !once.insert(*peer))
            .collect()
    }
}
