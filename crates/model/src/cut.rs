//! Partitions: which nodes cannot reach each other now.

use std::collections::BTreeSet;

use kubomesh_core::Network;

use crate::conn::{Conn, Side, Way};
use crate::node::NodeIndex;
use crate::world::World;

/// Something that separates nodes until it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// A network carries nothing.
    Network(Network),
    /// One node is off one network.
    Interface(NodeIndex, Network),
    /// One node reaches nobody.
    Node(NodeIndex),
    /// Two nodes do not reach each other.
    Pair(NodeIndex, NodeIndex),
}

/// All cuts that hold now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cuts(BTreeSet<Cut>);

impl Cuts {
    fn separate(&self, a: NodeIndex, b: NodeIndex, network: Option<Network>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let cut = |cut| self.0.contains(&cut);
        let ends = cut(Cut::Node(a)) || cut(Cut::Node(b)) || cut(Cut::Pair(a.min(b), a.max(b)));
        let wires =
            |n| cut(Cut::Network(n)) || cut(Cut::Interface(a, n)) || cut(Cut::Interface(b, n));
        ends || network.is_some_and(wires)
    }
}

impl World {
    /// Separates nodes. Connections across the cut become half-open: each end lists its own until
    /// it has asked in vain (row 30), unless the cut is mended before.
    pub fn cut(&mut self, cut: Cut) {
        if self.cuts.0.insert(sorted(cut)) {
            self.watch_severed();
        }
    }

    /// Takes a cut away.
    pub fn mend(&mut self, cut: Cut) {
        self.cuts.0.remove(&sorted(cut));
    }

    /// Takes all cuts away and brings all nodes to one island.
    pub fn mend_all(&mut self) {
        self.cuts.0.clear();
        for node in &mut self.nodes {
            node.island = 0;
        }
    }

    /// Puts a node on an island: nodes on different ones do not reach each other. All start on 0.
    pub fn maroon(&mut self, nodes: &[NodeIndex], island: u32) {
        for node in nodes {
            self.node_mut(*node).island = island;
        }
        self.watch_severed();
    }

    /// Whether packets pass between two hosts on a network; without one, on any.
    #[must_use]
    pub fn reaches(&self, a: NodeIndex, b: NodeIndex, network: Option<Network>) -> bool {
        let (one, other) = (self.node(a), self.node(b));
        one.host && other.host && one.island == other.island && !self.cuts.separate(a, b, network)
    }

    /// Whether what one end sends arrives at the other.
    pub(crate) fn carries(&self, conn: &Conn) -> bool {
        let [a, b] = conn.nodes;
        match conn.way {
            Way::Direct(network) => self.reaches(a, b, Some(network)),
            Way::Circuit { .. } => self.reaches_by_relay(a, b),
        }
    }

    /// Whether both nodes reach a relay, which is on no network of the world: only what cuts off a
    /// whole node cuts it off from relays.
    pub(crate) fn reaches_by_relay(&self, a: NodeIndex, b: NodeIndex) -> bool {
        let there = |index| self.node(index).host && !self.cuts.0.contains(&Cut::Node(index));
        there(a) && there(b) && self.node(a).island == self.node(b).island
    }

    fn watch_severed(&mut self) {
        let severed = self.conns.iter().filter(|(_, conn)| !self.carries(conn));
        let severed: Vec<_> = severed.map(|(id, _)| id).collect();
        for id in severed {
            for side in Side::BOTH {
                self.watch(id, side);
            }
        }
    }
}

fn sorted(cut: Cut) -> Cut {
    match cut {
        Cut::Pair(a, b) => Cut::Pair(a.min(b), a.max(b)),
        cut => cut,
    }
}
