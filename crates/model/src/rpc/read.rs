//! `id`, `swarm/peers`, `swarm/addrs/listen`, `swarm/addrs/local`, `config?arg=Swarm.ConnMgr`.

use std::net::{IpAddr, Ipv4Addr};

use kubomesh_core::{Address, ConnLimits, Connection, PeerId};

use crate::node::{Node, NodeIndex};
use crate::refusal::Refusal;
use crate::world::World;

/// What `id` says of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its identity.
    pub peer_id: PeerId,
    /// Its announced addresses with `/p2p/…`; `None` while offline (row 16).
    pub addresses: Option<Vec<Address>>,
    /// Whether it uses a swarm key, which takes the LAN DHT from its protocols
    /// (recording `id-swarm-key`).
    pub private_swarm: bool,
}

impl World {
    /// `id`: answers offline too. Addresses are the announced ones; with the `server` profile only
    /// `/p2p/…` is left (recording `id-server-profile`).
    ///
    /// # Errors
    /// [`Refusal::Down`].
    pub fn id(&self, index: NodeIndex) -> Result<Identity, Refusal> {
        let node = self.running(index)?;
        let peer_id = node.spec.peer_id;
        let addresses = node.spec.online.then(|| {
            let announced = announced_with_loopback(node);
            let with_peer: Vec<_> = announced.iter().map(|a| a.with_peer(peer_id)).collect();
            if with_peer.is_empty() {
                vec![Address::lenient(&format!("/p2p/{peer_id}"))]
            } else {
                with_peer
            }
        });
        Ok(Identity {
            peer_id,
            addresses,
            private_swarm: node.spec.swarm_key.is_some(),
        })
    }

    /// `swarm/peers?direction=true`: one entry per connection, in the order of their addresses.
    ///
    /// # Errors
    /// Offline or not running.
    pub fn peers(&self, index: NodeIndex) -> Result<Vec<Connection>, Refusal> {
        let node = self.online_action(index)?;
        let ids = node.conns.values().flatten();
        let mut list: Vec<Connection> = ids
            .filter_map(|id| {
                let conn = self.conns.get(id)?;
                let side = conn.side_of(index);
                let end = conn.end(side)?;
                let direction = side.direction();
                Some(Connection {
                    peer: end.peer,
                    address: end.address.clone(),
                    direction,
                })
            })
            .collect();
        list.sort_by(|a, b| a.address.cmp(&b.address));
        Ok(list)
    }

    /// `swarm/addrs/listen`: interface addresses, whatever is announced; loopback and the circuit
    /// listener included (recordings `addrs-listen*`).
    ///
    /// # Errors
    /// Offline or not running.
    pub fn listen(&self, index: NodeIndex) -> Result<Vec<Address>, Refusal> {
        let node = self.online_action(index)?;
        let mut texts: Vec<String> = Vec::new();
        for ip in with_loopback(node) {
            let plain = Address::tcp(ip, node.spec.swarm_port).to_string();
            if node.spec.auto_tls && node.spec.swarm_key.is_none() {
                texts.push(format!("{plain}/tls/sni/*.libp2p.direct/ws"));
            }
            texts.push(plain);
        }
        texts.push("/p2p-circuit".into());
        texts.sort_unstable();
        Ok(texts.iter().map(|text| Address::lenient(text)).collect())
    }

    /// `swarm/addrs/local`: the announced addresses.
    ///
    /// # Errors
    /// Offline or not running.
    pub fn local(&self, index: NodeIndex) -> Result<Vec<Address>, Refusal> {
        Ok(announced_with_loopback(self.online_action(index)?))
    }

    /// `config?arg=Swarm.ConnMgr`: answers offline too. Absent means Kubo's default (row 19).
    ///
    /// # Errors
    /// [`Refusal::Down`].
    pub fn conn_limits(&self, index: NodeIndex) -> Result<ConnLimits, Refusal> {
        Ok(self.running(index)?.spec.conn_limits.clone())
    }
}

/// The IPs on which a node listens: all of its host's, unless it was told which.
fn with_loopback(node: &Node) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = node.listen_ips().collect();
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    if node.spec.listen_only.is_empty() && !ips.contains(&loopback) {
        ips.push(loopback);
    }
    ips
}

fn announced_with_loopback(node: &Node) -> Vec<Address> {
    let silent = |ip: IpAddr| node.spec.no_announce.iter().any(|filter| filter.covers(ip));
    let ips = with_loopback(node).into_iter().filter(|ip| !silent(*ip));
    let mut addresses: Vec<_> = ips
        .map(|ip| Address::tcp(ip, node.spec.swarm_port))
        .collect();
    addresses.sort();
    addresses
}
