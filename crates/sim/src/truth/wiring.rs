//! How a pod is wired to the storage network.

use std::net::IpAddr;

use kubomesh_core::Network;
use kubomesh_model::{Filter, Interface, NodeSpec, SERVER_PROFILE};

use super::cluster::Cluster;
use crate::sim::Sim;
use crate::story::event::Traits;
use crate::story::network::{Attach, Start};

impl Sim {
    /// Whether a pod that is created now asks for the storage network.
    pub(super) fn asks(&self, traits: Traits) -> bool {
        self.policy.network.attachment.is_some() && traits.wiring.attach != Attach::Forgotten
    }

    /// The address on the storage network of a pod that is created now.
    pub(super) fn attached(&mut self, traits: Traits) -> Option<IpAddr> {
        if !self.asks(traits) {
            return None;
        }
        let shared = match traits.wiring.attach {
            Attach::Shares(of) => self.cluster.process(of),
            _ => None,
        };
        let shared = shared.and_then(|node| storage_ip(self.world.node(node).spec()));
        Some(shared.unwrap_or_else(|| self.cluster.new_storage_ip()))
    }
}

/// The interfaces of a pod.
pub(super) fn interfaces(ip: IpAddr, storage: Option<IpAddr>) -> Vec<Interface> {
    let pod = Interface {
        network: Network::Pod,
        ip,
    };
    let storage = storage.map(|ip| Interface {
        network: Network::Storage,
        ip,
    });
    [pod].into_iter().chain(storage).collect()
}

/// A node's address on the storage network.
pub(crate) fn storage_ip(spec: &NodeSpec) -> Option<IpAddr> {
    let mut all = spec.interfaces.iter();
    let on = all.find(|interface| interface.network == Network::Storage);
    on.map(|interface| interface.ip)
}

/// What a start script sets in the config of a Kubo; a pod without the network is started as ever.
pub(super) fn started(spec: &mut NodeSpec, start: Start, server: bool) {
    let storage = storage_ip(spec);
    let range = |text: &&str| Filter::parse(text).ok();
    spec.listen_only.clear();
    spec.no_announce = match server {
        true => SERVER_PROFILE.iter().filter_map(range).collect(),
        false => Vec::new(),
    };
    match (start, storage) {
        (Start::Silent, Some(_)) => spec
            .no_announce
            .extend(Filter::parse(Cluster::NETWORK).ok()),
        (Start::Bound, Some(ip)) => spec.listen_only = vec![ip],
        _ => {}
    }
}
