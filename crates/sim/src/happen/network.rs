//! What happens to the storage network, and because there are two.

use kubomesh_core::{Address, Network};
use kubomesh_model::{Begun, Cut, Stop};

use crate::queue::{Job, PodJob};
use crate::sim::Sim;
use crate::story::event::Slot;
use crate::story::network::NetworkEvent;

impl Sim {
    pub(super) fn network(&mut self, event: &NetworkEvent) {
        match event {
            NetworkEvent::Down => {
                let now = self.now();
                self.audit.steered.carries(Some(now));
                self.world.cut(Cut::Network(Network::Storage));
            }
            NetworkEvent::Up => {
                self.world.mend(Cut::Network(Network::Storage));
                self.audit.steered.carries(None);
                let slots: Vec<Slot> = self.cluster.places.keys().copied().collect();
                let nodes = slots.into_iter().filter_map(|slot| self.up(slot));
                for node in nodes.collect::<Vec<_>>() {
                    self.world.mend(Cut::Interface(node, Network::Storage));
                }
            }
            NetworkEvent::Off { slot } => {
                if let Some(node) = self.up(*slot) {
                    self.world.cut(Cut::Interface(node, Network::Storage));
                }
            }
            NetworkEvent::Meets { slot, of } => self.meets(*slot, *of),
            NetworkEvent::Rename { slot, to, gap } => {
                if self.cluster.object(*slot).is_none() || self.cluster.object(*to).is_some() {
                    return;
                }
                if let Some(node) = self.cluster.process(*slot) {
                    self.end_process(*slot, node, Stop::Silent);
                }
                let now = self.now();
                self.cluster.put(*slot, None, now);
                let traits = self.cluster.place_mut(*slot).traits;
                let repo = self.cluster.place_mut(*slot).repo.take();
                self.cluster.place_mut(*to).repo = repo;
                self.queue
                    .push(now + *gap, Job::Pod(*to, PodJob::Create(traits)));
            }
        }
    }

    /// A node is told by somebody where another is on the pod network, and dials it.
    fn meets(&mut self, slot: Slot, of: Slot) {
        let (Some(node), Some(far), Some(object)) =
            (self.up(slot), self.up(of), self.cluster.object(of))
        else {
            return;
        };
        let (peer, ip) = (self.world.node(far).spec().peer_id, object.ip);
        let address = Address::tcp(ip, 4001).with_peer(peer);
        if node != far
            && self.world.node(node).is_online()
            && let Begun::Waiting(ticket) = self.world.connect(node, &[address.as_str()], None)
        {
            self.world.cancel(ticket);
            self.world.step(kubomesh_model::Event::Dial(node, peer));
        }
    }
}
