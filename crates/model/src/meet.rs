//! What a dial meets at an address: what keeps it from being tried, and what is at the far end.

use std::net::{IpAddr, SocketAddr};

use kubomesh_core::{Address, Network, PeerId};

use crate::node::NodeIndex;
use crate::target::Target;
use crate::world::World;

/// Row 8.
pub(crate) const GATED: &str = "gater disallows connection to peer";
pub(crate) const NO_TRANSPORT: &str = "no transport for protocol";
const BACKOFF: &str = "dial backoff";
pub(crate) const DEADLINE: &str = "context deadline exceeded";

/// What an attempt meets at the far end.
pub(crate) enum Met {
    Peer(NodeIndex, IpAddr, u16),
    Failure(String),
    /// Nobody answers until the dial's own time is up.
    Silence(String),
}

impl World {
    /// Addresses that are not even tried (swarm_dial.go: `filterKnownUndialables`; row 8).
    pub(crate) fn undialable(&self, index: NodeIndex, target: &Target) -> Option<&'static str> {
        let node = self.node(index);
        let no_transport = match target {
            Target::Other => true,
            // A swarm key allows TCP only (kubo.md 8.4).
            Target::Quic(_) => node.spec.swarm_key.is_some(),
            Target::Tcp(..) | Target::Name(..) => false,
        };
        if no_transport {
            return Some(NO_TRANSPORT);
        }
        target
            .ip()
            .is_some_and(|ip| node.filters(ip))
            .then_some(GATED)
    }

    /// Addresses that back-off or the resource manager keeps from being tried now (row 10).
    pub(crate) fn held_back(
        &mut self,
        index: NodeIndex,
        peer: PeerId,
        address: &Address,
        target: &Target,
    ) -> Option<String> {
        let (now, limits) = (self.now, self.settings.rate_limits);
        let node = self.node_mut(index);
        if node.store.backs_off(peer, address, now) {
            return Some(BACKOFF.into());
        }
        let refused = node.limiter.admit(target.ip()?, now, limits).err()?;
        node.store.failed(peer, address, now);
        Some(refused.into())
    }

    /// What is at an address now.
    pub(crate) fn meet(&mut self, index: NodeIndex, peer: PeerId, target: &Target) -> Met {
        let (ip, port) = match target {
            Target::Tcp(ip, port) => (*ip, *port),
            Target::Name(name, port) => match self.names_to_ip.get(name) {
                // Resolved names are filtered like addresses.
                Some(ip) if self.node(index).filters(*ip) => return Met::Failure(GATED.into()),
                Some(ip) => (*ip, *port),
                None => return Met::Silence(DEADLINE.into()),
            },
            Target::Quic(_) => return Met::Silence(DEADLINE.into()),
            Target::Other => return Met::Failure(NO_TRANSPORT.into()),
        };
        let family = if ip.is_ipv4() { "tcp4" } else { "tcp6" };
        let socket = SocketAddr::new(ip, port);
        let network = self
            .hosts
            .get(&ip)
            .and_then(|host| self.node(*host).network_of(ip));
        let host = self.hosts.get(&ip).copied();
        let routed = network.is_some_and(|n| self.node(index).ip_on(n).is_some());
        let Some(host) = host.filter(|h| routed && self.reaches(index, *h, network)) else {
            return Met::Silence(format!("dial {family} {socket}: i/o timeout"));
        };
        let Some(far) = self.sockets.get(&(ip, port)).copied() else {
            return Met::Failure(format!(
                "dial {family} {socket}: connect: connection refused"
            ));
        };
        if far != host && !self.reaches(index, far, network) {
            return Met::Silence(format!("dial {family} {socket}: i/o timeout"));
        }
        self.negotiate(index, far, peer, (ip, port))
    }

    /// The far end's filters, its limits, its swarm key and its identity, in that order.
    fn negotiate(
        &mut self,
        index: NodeIndex,
        far: NodeIndex,
        peer: PeerId,
        at: (IpAddr, u16),
    ) -> Met {
        let network = self.node(far).network_of(at.0).unwrap_or(Network::Pod);
        let source = self.source_ip(index, network).unwrap_or(at.0);
        let security = |cause: &str| format!("failed to negotiate security protocol: {cause}");
        if self.node(far).filters(source) {
            return Met::Failure(security("EOF"));
        }
        let (now, limits) = (self.now, self.settings.rate_limits);
        if self
            .node_mut(far)
            .limiter
            .admit(source, now, limits)
            .is_err()
        {
            return Met::Failure(security("EOF"));
        }
        if self.node(index).spec.swarm_key != self.node(far).spec.swarm_key {
            let hangs = self.settings.key_mismatch_hangs;
            if self.rng.per_mille(hangs) {
                return Met::Silence(security(DEADLINE));
            }
            return Met::Failure(security(&self.reset_text(index, source, at)));
        }
        let found = self.node(far).spec.peer_id;
        if found != peer {
            let mismatch =
                format!("peer id mismatch: expected {peer}, but remote key matches {found}");
            return Met::Failure(security(&mismatch));
        }
        Met::Peer(far, at.0, at.1)
    }

    fn reset_text(&self, index: NodeIndex, source: IpAddr, at: (IpAddr, u16)) -> String {
        let family = if at.0.is_ipv4() { "tcp4" } else { "tcp6" };
        let near = SocketAddr::new(source, self.node(index).spec.swarm_port);
        let far = SocketAddr::new(at.0, at.1);
        format!("read {family} {near}->{far}: read: connection reset by peer")
    }
}
