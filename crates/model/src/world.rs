//! The world: nodes, the connections between them, and the virtual clock that drives both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{PeerId, Timestamp};

use crate::call::{Call, Ticket};
use crate::conn::{ConnId, Side};
use crate::conns::Conns;
use crate::cut::Cuts;
use crate::history::{Happening, History, What};
use crate::node::{Node, NodeIndex, NodeSpec};
use crate::refusal::Refusal;
use crate::rng::Rng;
use crate::settings::Settings;

/// Nodes and their connections under a virtual clock. A pure state machine: the same calls in the
/// same order with the same seed give the same history.
///
/// Time passes only by [`World::advance`]. A verb acts at [`World::now`]; one that waits for a dial
/// (`connect`, `ping`) answers with a [`Ticket`] that is settled by a later `advance`.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) rng: Rng,
    pub(crate) nodes: Vec<Node>,
    names: BTreeMap<Arc<str>, NodeIndex>,
    /// Which running swarm listens where.
    pub(crate) sockets: BTreeMap<(IpAddr, u16), NodeIndex>,
    /// Whose host an IP is: the last one that came up with it.
    pub(crate) hosts: BTreeMap<IpAddr, NodeIndex>,
    /// Running nodes by identity, for routing.
    pub(crate) identities: BTreeMap<PeerId, BTreeSet<NodeIndex>>,
    /// What DNS names resolve to.
    pub(crate) names_to_ip: BTreeMap<String, IpAddr>,
    pub(crate) conns: Conns,
    /// Pairs with a direct connection that both ends list, and how many of them.
    pub(crate) pairs: BTreeMap<(NodeIndex, NodeIndex), u32>,
    pub(crate) pairs_changed: Timestamp,
    pub(crate) cuts: Cuts,
    pub(crate) calls: BTreeMap<Ticket, Call>,
    pub(crate) settled: BTreeMap<Ticket, Result<Vec<String>, Refusal>>,
    timers: BTreeMap<(Timestamp, u64), Timer>,
    serial: u64,
    history: History,
}

/// What a timer does when it fires. Each carries what tells whether it is still meant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timer {
    /// An address of a dial is decided.
    Attempt {
        node: NodeIndex,
        peer: PeerId,
        dial: u64,
        slot: usize,
    },
    /// A caller's deadline; `late` once what is due at the same moment has had its turn.
    Deadline { ticket: Ticket, late: bool },
    /// The peering service dials.
    Peering { node: NodeIndex, peer: PeerId },
    /// The connection manager looks.
    Trim { node: NodeIndex },
    /// An end of a connection looks whether the far end is still there.
    Watch { conn: ConnId, side: Side },
}

impl World {
    /// An empty world whose clock shows `now`.
    #[must_use]
    pub fn new(settings: Settings, seed: u64, now: Timestamp) -> Self {
        let kept = settings.history.then(Vec::new);
        Self {
            settings,
            now,
            rng: Rng::new(seed),
            nodes: Vec::new(),
            names: BTreeMap::new(),
            sockets: BTreeMap::new(),
            hosts: BTreeMap::new(),
            identities: BTreeMap::new(),
            names_to_ip: BTreeMap::new(),
            conns: Conns::default(),
            pairs: BTreeMap::new(),
            pairs_changed: now,
            cuts: Cuts::default(),
            calls: BTreeMap::new(),
            settled: BTreeMap::new(),
            timers: BTreeMap::new(),
            serial: 0,
            history: History { kept, digest: seed },
        }
    }

    /// Adds a node that does not run yet. A name that is taken again leads to the new node.
    pub fn add(&mut self, spec: NodeSpec) -> NodeIndex {
        let index = NodeIndex(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.names.insert(spec.name.clone(), index);
        self.nodes.push(Node::new(spec));
        self.claim_addresses(index);
        index
    }

    /// Adds a node and starts it.
    pub fn launch(&mut self, spec: NodeSpec) -> NodeIndex {
        let index = self.add(spec);
        self.start(index);
        index
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What this world is like.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes what this world is like from now on.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The world's source of chance, for drivers that must not have another one.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// A node.
    ///
    /// # Panics
    /// When the index is of another world.
    #[must_use]
    pub fn node(&self, node: NodeIndex) -> &Node {
        &self.nodes[node.0 as usize]
    }

    /// What a node is started with: changes take effect at its next start.
    ///
    /// # Panics
    /// When the index is of another world.
    pub fn spec_mut(&mut self, node: NodeIndex) -> &mut NodeSpec {
        let node = self.node_mut(node);
        node.touch();
        &mut node.spec
    }

    /// The node of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeIndex> {
        self.names.get(name).copied()
    }

    /// The running node of an identity; the first one added if several have it.
    #[must_use]
    pub fn find_peer(&self, peer: PeerId) -> Option<NodeIndex> {
        self.identities
            .get(&peer)
            .and_then(|nodes| nodes.first().copied())
    }

    /// All nodes, in the order of adding.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeIndex, &Node)> {
        self.nodes
            .iter()
            .zip(0..)
            .map(|(node, index)| (NodeIndex(index), node))
    }

    /// Makes a DNS name resolve, for `/dns4` addresses; others wait for their deadline.
    pub fn resolve(&mut self, name: &str, ip: IpAddr) {
        self.names_to_ip.insert(name.to_owned(), ip);
    }

    /// When the world next changes by itself; `None` when it is at rest.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets time pass until `to`, firing what is due on the way in order. Never goes back.
    pub fn advance(&mut self, to: Timestamp) {
        while let Some(entry) = self.timers.first_entry() {
            let (at, serial) = *entry.key();
            if at > to {
                break;
            }
            let timer = entry.remove();
            self.now = self.now.max(at);
            self.fire(serial, timer);
        }
        self.now = self.now.max(to);
    }

    /// What happened so far, if [`Settings::history`] asks for it; empties the list.
    pub fn history(&mut self) -> Vec<Happening> {
        self.history
            .kept
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// A digest of all that happened: equal for equal histories.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.history.digest
    }

    fn fire(&mut self, serial: u64, timer: Timer) {
        match timer {
            Timer::Attempt {
                node,
                peer,
                dial,
                slot,
            } => self.attempt(node, peer, dial, slot),
            Timer::Deadline { ticket, late } => self.deadline(ticket, late),
            Timer::Peering { node, peer } => self.peering_fires(node, peer, serial),
            Timer::Trim { node } => self.trim_fires(node, serial),
            Timer::Watch { conn, side } => self.watch_fires(conn, side),
        }
    }

    pub(crate) fn node_mut(&mut self, node: NodeIndex) -> &mut Node {
        &mut self.nodes[node.0 as usize]
    }

    /// Sets a timer and gives its serial, by which its owner knows it again.
    pub(crate) fn set_timer(&mut self, at: Timestamp, timer: Timer) -> u64 {
        let serial = self.next_serial();
        self.timers.insert((at.max(self.now), serial), timer);
        serial
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn note(&mut self, node: NodeIndex, what: What) {
        self.history.note(Happening {
            at: self.now,
            node,
            what,
        });
    }
}
