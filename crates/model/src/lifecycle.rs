//! Starts, ends, restarts and moves of nodes.

use std::collections::BTreeSet;

use kubomesh_core::PeerId;

use crate::conn::ConnId;
use crate::filter::Filter;
use crate::history::{Closing, What};
use crate::node::{Interface, NodeIndex, Peering};
use crate::refusal::Refusal;
use crate::world::World;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its kernel closes its sockets, as on exit or SIGKILL: the far ends see it at once, new dials
    /// are refused (row 24).
    Closed,
    /// Its host vanishes with it: the far ends list their connections on, new dials wait in vain
    /// (row 30).
    Silent,
}

/// One step of a story, as [`World::step`] takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A node that does not run starts, with the identity that its repo has.
    Start(NodeIndex),
    /// A node ends.
    Stop(NodeIndex, Stop),
    /// A node ends and starts again: it forgets its peering entries, keeps its saved filters and
    /// has those of its config (rows 24, 33). With `Some`, its repo was lost: another identity.
    Restart(NodeIndex, Stop, Option<PeerId>),
    /// A node vanishes and starts again with other addresses and the same identity.
    Move(NodeIndex, Vec<Interface>),
    /// Two nodes, or all on a network, are separated.
    Cut(crate::Cut),
    /// They are not any more.
    Mend(crate::Cut),
    /// A node dials a peer by its own wish (Bitswap, the DHT), as Kubo does at any time.
    Dial(NodeIndex, PeerId),
}

impl World {
    /// Takes one step at the present time.
    pub fn step(&mut self, event: Event) {
        match event {
            Event::Start(node) => self.start(node),
            Event::Stop(node, how) => self.stop(node, how),
            Event::Restart(node, how, identity) => {
                self.stop(node, how);
                if let Some(identity) = identity {
                    self.node_mut(node).spec.peer_id = identity;
                }
                self.start(node);
            }
            Event::Move(node, interfaces) => self.relocate(node, interfaces),
            Event::Cut(cut) => self.cut(cut),
            Event::Mend(cut) => self.mend(cut),
            Event::Dial(node, peer) => self.habitual_dial(node, peer),
        }
    }

    /// Starts a node that does not run: filters come from its config, peering entries too, and
    /// those are dialled as any other (boxo peering.go: `Start`).
    pub fn start(&mut self, index: NodeIndex) {
        if self.node(index).up {
            return;
        }
        let now = self.now;
        let node = self.node_mut(index);
        node.up = true;
        node.host = true;
        node.life += 1;
        node.started = now;
        node.live_filters = node
            .spec
            .saved_filters
            .iter()
            .filter_map(|text| Filter::parse(text).ok())
            .collect();
        node.touch();
        let peer_id = node.spec.peer_id;
        self.claim_addresses(index);
        self.note(index, What::Started(peer_id));
        if !self.node(index).spec.online {
            return;
        }
        self.identities.entry(peer_id).or_default().insert(index);
        self.bind(index);
        for entry in self.node(index).spec.config_peering.clone() {
            self.node_mut(index)
                .peering
                .insert(entry.peer, Peering::new(entry.addresses));
            self.peering_disconnected(index, entry.peer);
        }
    }

    /// Ends a node's process. Nothing happens if it does not run, except that its host goes too
    /// when the end is silent.
    pub fn stop(&mut self, index: NodeIndex, how: Stop) {
        let was_up = self.node(index).up;
        if how == Stop::Silent {
            self.node_mut(index).host = false;
            self.release_addresses(index);
        }
        if !was_up {
            return;
        }
        self.unbind(index);
        let waiting = self.waiting_calls(index);
        let node = self.node_mut(index);
        node.up = false;
        node.forget();
        for ticket in waiting {
            self.settle(ticket, Err(Refusal::Gone));
        }
        for id in self.connections_of(index) {
            let Some(conn) = self.conns.get(&id) else {
                continue;
            };
            let side = conn.side_of(index);
            self.close(id, side, Closing::Stopped);
        }
        self.note(index, What::Stopped);
    }

    fn relocate(&mut self, index: NodeIndex, interfaces: Vec<Interface>) {
        self.stop(index, Stop::Silent);
        self.node_mut(index).spec.rehome(interfaces);
        self.start(index);
    }

    /// Its host's addresses lead to it from now on, whoever had them before.
    pub(crate) fn claim_addresses(&mut self, index: NodeIndex) {
        for interface in self.node(index).spec.interfaces.clone() {
            self.hosts.insert(interface.ip, index);
        }
    }

    fn release_addresses(&mut self, index: NodeIndex) {
        for interface in self.node(index).spec.interfaces.clone() {
            if self.hosts.get(&interface.ip) == Some(&index) {
                self.hosts.remove(&interface.ip);
            }
        }
    }

    fn bind(&mut self, index: NodeIndex) {
        let port = self.node(index).spec.swarm_port;
        let ips: Vec<_> = self.node(index).listen_ips().collect();
        for ip in ips {
            self.sockets.insert((ip, port), index);
        }
    }

    fn unbind(&mut self, index: NodeIndex) {
        let node = self.node(index);
        let (peer_id, port) = (node.spec.peer_id, node.spec.swarm_port);
        let ips: Vec<_> = node.listen_ips().collect();
        for ip in ips {
            if self.sockets.get(&(ip, port)) == Some(&index) {
                self.sockets.remove(&(ip, port));
            }
        }
        if let Some(nodes) = self.identities.get_mut(&peer_id) {
            nodes.remove(&index);
            if nodes.is_empty() {
                self.identities.remove(&peer_id);
            }
        }
    }

    fn connections_of(&self, index: NodeIndex) -> BTreeSet<ConnId> {
        self.node(index).conns.values().flatten().copied().collect()
    }
}
