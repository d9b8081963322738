//! What the owners of nodes do by themselves.

use std::net::{IpAddr, Ipv4Addr};

use kubomesh_core::{Address, PeeringEntry};
use kubomesh_model::Overlap;

use crate::sim::Sim;
use crate::story::event::{Form, OwnerFilter, Slot};
use crate::truth::cluster::Cluster;

impl Sim {
    pub(super) fn owner_filters(&mut self, slot: Slot, filter: OwnerFilter) {
        let Some(node) = self.up(slot) else { return };
        let text = match filter {
            OwnerFilter::Network => Cluster::NETWORK.to_owned(),
            OwnerFilter::Elsewhere => "/ip4/203.0.113.0/ipcidr/24".to_owned(),
            OwnerFilter::Pod(of) => {
                let Some(IpAddr::V4(ip)) = self.cluster.object(of).map(|object| object.ip) else {
                    return;
                };
                format!("/ip4/{ip}/ipcidr/32")
            }
        };
        if self
            .world
            .filters_add(node, &[&text], Overlap::None)
            .is_ok()
        {
            let repo = self.world.node(node).spec().peer_id;
            let now = self.now();
            self.audit.owner_filtered(repo, &text, now);
        }
    }

    pub(super) fn owner_unfilters(&mut self, slot: Slot) {
        let Some(node) = self.up(slot) else { return };
        let repo = self.world.node(node).spec().peer_id;
        let live = self.world.filters(node).unwrap_or_default();
        let now = self.now();
        self.audit.owner_unfiltered(repo, &live, now);
        let _ = self.world.filters_rm(node, &["all"], Overlap::None);
    }

    pub(super) fn owner_peers(&mut self, slot: Slot, of: Option<Slot>, form: Form, config: bool) {
        let Some(node) = self
            .up(slot)
            .filter(|node| self.world.node(*node).is_online())
        else {
            return;
        };
        let (peer, ip) = match of {
            None => (
                kubomesh_model::peer_id(u64::MAX - 1),
                Ipv4Addr::new(198, 51, 100, 7).into(),
            ),
            Some(of) => {
                let Some(far) = self.up(of).filter(|far| *far != node) else {
                    return;
                };
                let spec = self.world.node(far).spec();
                let Some(interface) = spec.interfaces.first() else {
                    return;
                };
                (spec.peer_id, interface.ip)
            }
        };
        let own = Address::tcp(ip, 4001);
        let other = Address::tcp(Ipv4Addr::new(198, 51, 100, 9).into(), 4001);
        let addresses = match form {
            Form::TwoAddresses => vec![own, other],
            Form::OtherAddress => vec![other],
            Form::NoAddress => Vec::new(),
        };
        let mut texts: Vec<String> = addresses
            .iter()
            .map(|address| address.with_peer(peer).to_string())
            .collect();
        if texts.is_empty() {
            texts.push(format!("/p2p/{peer}"));
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        // An entry of another form replaces ours only if there is none: the owner starts afresh.
        let _ = self.world.peering_rm(node, &[&peer.to_string()]);
        if self.world.peering_add(node, &texts).is_ok() {
            let now = self.now();
            self.audit.owner_peered(node, peer, now);
            if config {
                let entries = &mut self.world.spec_mut(node).config_peering;
                entries.retain(|entry| entry.peer != peer);
                entries.push(PeeringEntry { peer, addresses });
            }
        }
    }

    pub(super) fn owner_unpeers(&mut self, slot: Slot, of: Slot) {
        let (Some(node), Some(far)) = (self.up(slot), self.up(of)) else {
            return;
        };
        let peer = self.world.node(far).spec().peer_id;
        if self.world.peering_rm(node, &[&peer.to_string()]).is_ok() {
            self.audit.owner_unpeered(node, peer);
            self.world
                .spec_mut(node)
                .config_peering
                .retain(|entry| entry.peer != peer);
        }
    }
}
