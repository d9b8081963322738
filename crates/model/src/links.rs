//! Opening and closing connections, and the ends that do not know that the other is gone.

use std::net::IpAddr;

use kubomesh_core::{Address, Network, PeerId, Timestamp};

use crate::conn::{Conn, ConnId, End, Side, Way};
use crate::history::{Closing, What};
use crate::node::{Mark, NodeIndex};
use crate::settings::{STALE_LEAST, STALE_MOST};
use crate::world::{Timer, World};

/// Ports that a host gives to outgoing connections (Linux' default range).
const EPHEMERAL: std::ops::Range<u64> = 32_768..61_000;

/// What a node's connections with a peer amount to (libp2p's `Connectedness`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Connectedness {
    /// None.
    NotConnected,
    /// Only limited circuits: `connect` is content, the peering service is not (kubo.md 3).
    Limited,
    /// At least one that is direct or an unlimited circuit.
    Connected,
}

impl World {
    /// What a node's connections with a peer amount to, as the node sees it.
    #[must_use]
    pub fn connectedness(&self, node: NodeIndex, peer: PeerId) -> Connectedness {
        let Some(ids) = self.node(node).conns.get(&peer) else {
            return Connectedness::NotConnected;
        };
        let limited = |id| self.conns.get(id).is_none_or(Conn::is_limited);
        if ids.iter().all(limited) {
            Connectedness::Limited
        } else {
            Connectedness::Connected
        }
    }

    /// How many pairs of nodes list a direct connection with each other at both ends.
    #[must_use]
    pub fn linked_pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Whether both nodes list a direct connection with each other.
    #[must_use]
    pub fn is_linked(&self, a: NodeIndex, b: NodeIndex) -> bool {
        self.pairs.contains_key(&(a.min(b), a.max(b)))
    }

    /// When the set of linked pairs last changed.
    #[must_use]
    pub fn pairs_changed(&self) -> Timestamp {
        self.pairs_changed
    }

    fn count_pair(&mut self, conn: &Conn, opened: bool) {
        if !matches!(conn.way, Way::Direct(_)) {
            return;
        }
        let [a, b] = conn.nodes;
        let key = (a.min(b), a.max(b));
        let before = self.pairs.len();
        if opened {
            *self.pairs.entry(key).or_insert(0) += 1;
        } else if let Some(count) = self.pairs.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.pairs.remove(&key);
            }
        }
        if self.pairs.len() != before {
            self.pairs_changed = self.now;
        }
    }

    /// Makes a circuit through a relay appear, dialled by `from`, and says whether it did: both nodes
    /// must run and reach relays. Relays are no nodes of the world; `via` is the relay's address up
    /// to its `/p2p/…`. A limited circuit does not count as connected.
    pub fn circuit(&mut self, from: NodeIndex, to: NodeIndex, via: &str, limited: bool) -> bool {
        let online = self.node(from).is_online() && self.node(to).is_online();
        let possible = from != to && online && self.reaches_by_relay(from, to);
        if possible {
            let address = Address::lenient(&format!("{via}/p2p-circuit"));
            self.open(
                [from, to],
                Way::Circuit { limited },
                [address.clone(), address],
            );
        }
        possible
    }

    /// A dial has reached its peer: the connection is listed at both ends (row 1).
    pub(crate) fn open_direct(&mut self, from: NodeIndex, to: NodeIndex, dialled: (IpAddr, u16)) {
        let (ip, port) = dialled;
        let network = self.node(to).network_of(ip).unwrap_or(Network::Pod);
        let seen = self.source_as_seen(from, network, ip);
        self.open(
            [from, to],
            Way::Direct(network),
            [Address::tcp(ip, port), seen],
        );
    }

    /// The dialler's address as the accepting end lists it (row 31).
    fn source_as_seen(&mut self, from: NodeIndex, network: Network, fallback: IpAddr) -> Address {
        let other_source = self.settings.other_source;
        let port_reuse = self.settings.port_reuse;
        let several = self.node(from).listen_ips().count() > 1;
        let swapped = several && self.rng.per_mille(other_source);
        let reused = self.rng.per_mille(port_reuse) && !swapped;
        let node = self.node(from);
        let plain = self.source_ip(from, network).unwrap_or(fallback);
        let mut others = node.spec.interfaces.iter().filter(|i| i.network != network);
        let ip = match others.next() {
            Some(other) if swapped => other.ip,
            _ => plain,
        };
        // The kernel chooses the source by its routes. A listener's port goes with that listener's
        // address, so a node that does not listen there gets another one (reuseport/dialer.go); and so
        // does one whose source is rewritten.
        let listens = node.listen_ips().any(|own| own == ip);
        let port = if reused && listens && node.spec.seen_as.is_none() {
            node.spec.swarm_port
        } else {
            let span = EPHEMERAL.end - EPHEMERAL.start;
            u16::try_from(EPHEMERAL.start + self.rng.below(span)).unwrap_or(u16::MAX)
        };
        Address::tcp(ip, port)
    }

    /// The address that a node's packets carry on a network.
    pub(crate) fn source_ip(&self, from: NodeIndex, network: Network) -> Option<IpAddr> {
        let node = self.node(from);
        node.spec.seen_as.or_else(|| node.ip_on(network))
    }

    fn open(&mut self, nodes: [NodeIndex; 2], way: Way, addresses: [Address; 2]) {
        let peers = [
            self.node(nodes[1]).spec.peer_id,
            self.node(nodes[0]).spec.peer_id,
        ];
        let [first, second] = addresses;
        let end = |peer, address| {
            Some(End {
                peer,
                address,
                since: self.now,
                watched: false,
            })
        };
        let ends = [end(peers[0], first), end(peers[1], second)];
        let conn = Conn { nodes, ends, way };
        self.count_pair(&conn, true);
        let id = self.conns.insert(conn);
        for side in Side::BOTH {
            self.opened(id, side);
        }
    }

    fn opened(&mut self, id: ConnId, side: Side) {
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        let (index, far) = (conn.node(side), conn.node(side.other()));
        let Some(End { peer, address, .. }) = conn.end(side).cloned() else {
            return;
        };
        // Identify: each end learns what the other announces.
        let announced = self.node(far).announced();
        let now = self.now;
        let node = self.node_mut(index);
        node.conns.entry(peer).or_default().push(id);
        node.open += 1;
        node.marks.entry(peer).or_insert(Mark {
            first_seen: now,
            value: 0,
        });
        node.store.announced(peer, &announced);
        node.store.clear_backoff(peer);
        if let Some(ip) = address.ip() {
            node.limiter.opened(ip);
        }
        node.touch();
        self.note(index, What::Opened(peer, side.direction()));
        self.peering_connected(index, peer);
        self.look_at_water(index);
    }

    /// One end closes a connection. The other hears of it, if packets pass.
    pub(crate) fn close(&mut self, id: ConnId, side: Side, why: Closing) {
        self.drop_end(id, side, why);
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        if self.carries(conn) {
            self.drop_end(id, side.other(), Closing::FarEnd);
        } else {
            self.watch(id, side.other());
        }
    }

    /// One end is no longer listed; nothing is sent.
    pub(crate) fn drop_end(&mut self, id: ConnId, side: Side, why: Closing) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        let index = conn.node(side);
        let Some(end) = conn.ends[side as usize].take() else {
            return;
        };
        if conn.end(side.other()).is_some() {
            let conn = conn.clone();
            self.count_pair(&conn, false);
        } else {
            self.conns.remove(&id);
        }
        let now = self.now;
        let node = self.node_mut(index);
        node.open = node.open.saturating_sub(1);
        if let Some(ip) = end.address.ip() {
            node.limiter.closed(ip);
        }
        let left = node.conns.get_mut(&end.peer).map_or(0, |ids| {
            ids.retain(|other| *other != id);
            ids.len()
        });
        if left == 0 {
            node.conns.remove(&end.peer);
            node.marks.remove(&end.peer);
            node.store.disconnected(end.peer, now);
        }
        node.touch();
        self.note(index, What::Closed(end.peer, why));
        self.peering_disconnected(index, end.peer);
    }

    /// From now on this end looks whether the far one is still there: it asks in vain for 30 to
    /// 40 s and then closes (row 30).
    pub(crate) fn watch(&mut self, id: ConnId, side: Side) {
        let Some(end) = self.conns.get_mut(&id).and_then(|conn| conn.end_mut(side)) else {
            return;
        };
        if std::mem::replace(&mut end.watched, true) {
            return;
        }
        let at = self.now + self.rng.between(STALE_LEAST, STALE_MOST);
        self.set_timer(at, Timer::Watch { conn: id, side });
    }

    pub(crate) fn watch_fires(&mut self, id: ConnId, side: Side) {
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        let alive = conn.end(side.other()).is_some() && self.carries(conn);
        if !alive {
            self.drop_end(id, side, Closing::Stale);
        } else if let Some(end) = self.conns.get_mut(&id).and_then(|conn| conn.end_mut(side)) {
            end.watched = false;
        }
    }

    /// Something is sent over every connection with a peer: those whose far end has forgotten them
    /// while its host answers are reset at once (row 30).
    pub(crate) fn send(&mut self, node: NodeIndex, peer: PeerId) {
        let ids = self
            .node(node)
            .conns
            .get(&peer)
            .cloned()
            .unwrap_or_default();
        for id in ids {
            let Some(conn) = self.conns.get(&id) else {
                continue;
            };
            let side = conn.side_of(node);
            if conn.end(side.other()).is_none() && self.carries(conn) {
                self.drop_end(id, side, Closing::Stale);
            }
        }
    }
}
