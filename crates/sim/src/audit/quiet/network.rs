//! After quiet: every pair is on its network.

use std::net::IpAddr;

use kubomesh_core::{Direction, Fallback, Network, Rollout, Steering};

use super::Well;
use crate::audit::{Property, network};
use crate::sim::Sim;

impl Sim {
    /// Where a node is to connect to another; `None`: the pair has no network.
    pub(super) fn at(&self, near: &Well, far: &Well) -> Option<IpAddr> {
        let both = near.storage.is_some() && far.storage.is_some();
        match network::uses(&self.policy.network, both)? {
            Network::Pod => Some(far.ip),
            Network::Storage => far.storage,
        }
    }

    /// The addresses by which a node may be given to others, the wanted one first.
    pub(super) fn offered(&self, well: &Well) -> Vec<IpAddr> {
        let policy = &self.policy.network;
        let falls_back =
            policy.rollout == Rollout::Rolling || policy.fallback == Fallback::PodNetwork;
        let pod = policy.attachment.is_none() || falls_back;
        well.storage
            .into_iter()
            .chain(pod.then_some(well.ip))
            .collect()
    }

    /// Whether a pair may stay on another network, or has none.
    pub(super) fn stays_astray(&self, a: &Well, b: &Well) -> bool {
        let policy = &self.policy.network;
        let affected = |well: &Well| {
            let behaviour = self.behaviours.get(&well.node);
            behaviour.is_some_and(|behaviour| behaviour.affected)
        };
        let affected = (affected(a) || affected(b)) && !policy.steering_on_affected_versions;
        let off = policy.steering == Steering::Off;
        self.at(a, b).is_none() || off || affected || self.nothing_to_hide(a, b)
    }

    /// Whether the pair is to use the pod network and an end's other address is another's too: the far
    /// end may be the only one that lists it (measured-on-kubo, row 31).
    fn nothing_to_hide(&self, a: &Well, b: &Well) -> bool {
        let hidden = |well: &Well| {
            let object = self.cluster.places.values().filter_map(|place| {
                let object = place.object.as_ref()?;
                object.storage
            });
            let own = crate::truth::storage_ip(self.world.node(well.node).spec());
            own.is_some_and(|own| object.filter(|ip| *ip == own).count() > 1)
        };
        self.at(a, b) == Some(b.ip) && (hidden(a) || hidden(b))
    }

    /// A connection that a node dialled off the network of the pair.
    pub(super) fn astray(&self, near: &Well, far: &Well) -> Option<String> {
        let at = self.at(near, far)?;
        let peers = self.world.peers(near.node).unwrap_or_default();
        let off = peers.iter().find(|connection| {
            connection.peer == far.peer
                && !connection.address.is_relayed()
                && connection.direction == Direction::Outbound
                && connection.address.ip() != Some(at)
        })?;
        let (near, far) = (&near.name, &far.name);
        Some(format!("{near} is connected with {far} at {}", off.address))
    }

    /// No filter of ours is left anywhere.
    pub(super) fn steering_left(&self, wells: &[Well]) -> Option<(Property, String)> {
        wells.iter().find_map(|well| {
            let stored = self.store.records.get(well.name.as_str())?;
            self.filters_of_ours_left(well.node, &stored.record)
        })
    }
}
