//! A node: what it was given, what it saved, and what it has in memory while it runs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Address, ConnLimits, Network, PeerId, PeeringEntry, Timestamp};

use crate::conn::ConnId;
use crate::dial::Dial;
use crate::filter::{Filter, SERVER_PROFILE};
use crate::limiter::Limiter;
use crate::peerstore::Peerstore;
use crate::settings::{HIGH_WATER, LOW_WATER, PEERING_INITIAL};

/// Which node of a world. Indices are given in the order of adding and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub u32);

/// An address of a node's host on one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// The network it is on.
    pub network: Network,
    /// The address.
    pub ip: IpAddr,
}

/// What a node is started with: its repo and its host. A restart keeps it.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    /// Name in the world.
    pub name: Arc<str>,
    /// Its identity.
    pub peer_id: PeerId,
    /// Its host's addresses.
    pub interfaces: Vec<Interface>,
    /// TCP port of its swarm.
    pub swarm_port: u16,
    /// `Addresses.Swarm` with these IPs only (row 26); empty: `0.0.0.0` and `::`.
    pub listen_only: Vec<IpAddr>,
    /// False: started with `--offline` (row 16).
    pub online: bool,
    /// Swarm key; nodes with different ones cannot talk (kubo.md 8.4).
    pub swarm_key: Option<u64>,
    /// `Addresses.NoAnnounce`: addresses that peers never learn (row 25).
    pub no_announce: Vec<Filter>,
    /// `Swarm.AddrFilters`, exact texts: in force from the next start on; `filters/add` and `rm`
    /// save into it (row 28).
    pub saved_filters: Vec<String>,
    /// `Peering.Peers`: loaded at each start (row 33).
    pub config_peering: Vec<PeeringEntry>,
    /// `Swarm.ConnMgr`.
    pub conn_limits: ConnLimits,
    /// The source address that others see instead of its own: SNAT, or its host's network.
    pub seen_as: Option<IpAddr>,
    /// How long its dials take where somebody answers; `None`: as the world says.
    pub dial_time: Option<Duration>,
    /// Whether it listens for WebSocket under `*.libp2p.direct`, as a fresh Kubo does
    /// (recording `addrs-listen`). Nobody dials that here.
    pub auto_tls: bool,
}

/// A node of a world.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) spec: NodeSpec,
    /// Whether its process runs.
    pub(crate) up: bool,
    /// Whether its host is on the network: a silent one answers nobody, not even "refused".
    pub(crate) host: bool,
    /// Counts its starts.
    pub(crate) life: u32,
    pub(crate) started: Timestamp,
    /// Changes whenever an answer of one of the reading calls may have changed.
    pub(crate) revision: u64,
    pub(crate) island: u32,
    pub(crate) live_filters: Vec<Filter>,
    pub(crate) peering: BTreeMap<PeerId, Peering>,
    pub(crate) conns: BTreeMap<PeerId, Vec<ConnId>>,
    pub(crate) open: usize,
    pub(crate) marks: BTreeMap<PeerId, Mark>,
    pub(crate) store: Peerstore,
    pub(crate) limiter: Limiter,
    pub(crate) dials: BTreeMap<PeerId, Dial>,
    /// The pending look of the connection manager.
    pub(crate) trim: Option<u64>,
}

/// An entry of the peering service (boxo peering.go: `peerHandler`).
#[derive(Debug, Clone)]
pub(crate) struct Peering {
    pub(crate) addresses: Vec<Address>,
    pub(crate) next_delay: Duration,
    /// boxo's `reconnectTimer`: set from the moment of arming until connected, also while it dials.
    pub(crate) timer: Option<u64>,
}

/// What the connection manager knows of a peer; it goes with the peer's last connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) first_seen: Timestamp,
    pub(crate) value: i64,
}

// === impl NodeSpec ===

impl NodeSpec {
    /// Kubo's default swarm port.
    pub const SWARM_PORT: u16 = 4001;

    /// A node on the pod network as `ipfs init` makes it.
    #[must_use]
    pub fn new(name: &str, peer_id: PeerId, ip: IpAddr) -> Self {
        Self {
            name: name.into(),
            peer_id,
            interfaces: vec![Interface {
                network: Network::Pod,
                ip,
            }],
            swarm_port: Self::SWARM_PORT,
            listen_only: Vec::new(),
            online: true,
            swarm_key: None,
            no_announce: Vec::new(),
            saved_filters: Vec::new(),
            config_peering: Vec::new(),
            conn_limits: ConnLimits::default(),
            seen_as: None,
            dial_time: None,
            auto_tls: false,
        }
    }

    /// The same node, on the storage network as well.
    #[must_use]
    pub fn on_storage(mut self, ip: IpAddr) -> Self {
        self.interfaces.push(Interface {
            network: Network::Storage,
            ip,
        });
        self
    }

    /// The same node with Kubo's `server` profile: private ranges filtered and not announced
    /// (kubo.md 8.3).
    #[must_use]
    pub fn server_profile(mut self) -> Self {
        self.saved_filters = SERVER_PROFILE
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        self.no_announce = SERVER_PROFILE
            .iter()
            .filter_map(|t| Filter::parse(t).ok())
            .collect();
        self
    }

    /// The same node, prepared for the storage network: it tells nobody of its other addresses
    /// (row 25).
    #[must_use]
    pub fn announce_not(mut self, ranges: &[Filter]) -> Self {
        self.no_announce = ranges.to_vec();
        self
    }

    /// The same node, with `Addresses.Swarm` bound to its addresses on one network (row 26).
    #[must_use]
    pub fn bound_to(mut self, network: Network) -> Self {
        let on_it = self.interfaces.iter().filter(|i| i.network == network);
        self.listen_only = on_it.map(|i| i.ip).collect();
        self
    }

    /// Its pod was made anew elsewhere: its host has other addresses. What was bound to a network is
    /// bound to the new address there, as a start script does it.
    pub fn rehome(&mut self, interfaces: Vec<Interface>) {
        let bound: Vec<Network> = self
            .interfaces
            .iter()
            .filter(|i| self.listen_only.contains(&i.ip))
            .map(|i| i.network)
            .collect();
        self.interfaces = interfaces;
        if !self.listen_only.is_empty() {
            let still = self
                .interfaces
                .iter()
                .filter(|i| bound.contains(&i.network));
            self.listen_only = still.map(|i| i.ip).collect();
        }
    }

    /// The same node with these marks of its connection manager.
    #[must_use]
    pub fn water(mut self, low: i64, high: i64) -> Self {
        self.conn_limits.low_water = Some(low);
        self.conn_limits.high_water = Some(high);
        self
    }
}

// === impl Node ===

impl Node {
    pub(crate) fn new(spec: NodeSpec) -> Self {
        Self {
            spec,
            up: false,
            host: true,
            life: 0,
            started: Timestamp::default(),
            revision: 0,
            island: 0,
            live_filters: Vec::new(),
            peering: BTreeMap::new(),
            conns: BTreeMap::new(),
            open: 0,
            marks: BTreeMap::new(),
            store: Peerstore::default(),
            limiter: Limiter::default(),
            dials: BTreeMap::new(),
            trim: None,
        }
    }

    /// What it was started with, and what it saved since.
    #[must_use]
    pub fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether it runs and takes part in the swarm.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.up && self.spec.online
    }

    /// How many times it was started.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.life
    }

    /// A number that changes whenever an answer of a reading call may have changed.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Connections that it lists, half-open ones included.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.open
    }

    /// Dials under way.
    #[must_use]
    pub fn dials(&self) -> usize {
        self.dials.len()
    }

    /// Whether the peering service keeps this peer, so that the connection manager never trims it.
    #[must_use]
    pub fn protects(&self, peer: PeerId) -> bool {
        self.peering.contains_key(&peer)
    }

    /// Its IPs on which its swarm listens, without the loopback ones that every host has.
    pub(crate) fn listen_ips(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let only = &self.spec.listen_only;
        let ips = self.spec.interfaces.iter().map(|interface| interface.ip);
        ips.filter(move |ip| only.is_empty() || only.contains(ip))
    }

    /// What peers learn of it: its listen addresses less those that it does not announce.
    pub(crate) fn announced(&self) -> Vec<Address> {
        let silent = |ip: IpAddr| self.spec.no_announce.iter().any(|filter| filter.covers(ip));
        let ips = self.listen_ips().filter(|ip| !silent(*ip));
        ips.map(|ip| Address::tcp(ip, self.spec.swarm_port))
            .collect()
    }

    /// Its IP on a network.
    pub(crate) fn ip_on(&self, network: Network) -> Option<IpAddr> {
        let mut interfaces = self.spec.interfaces.iter();
        interfaces
            .find(|interface| interface.network == network)
            .map(|interface| interface.ip)
    }

    /// The network of one of its IPs.
    pub(crate) fn network_of(&self, ip: IpAddr) -> Option<Network> {
        let mut interfaces = self.spec.interfaces.iter();
        interfaces
            .find(|interface| interface.ip == ip)
            .map(|interface| interface.network)
    }

    pub(crate) fn filters(&self, ip: IpAddr) -> bool {
        self.live_filters.iter().any(|filter| filter.covers(ip))
    }

    /// LowWater and HighWater; `None` when the connection manager is off.
    pub(crate) fn water(&self) -> Option<(usize, usize)> {
        let limits = &self.spec.conn_limits;
        let low = limits.low_water.unwrap_or(LOW_WATER);
        let high = limits.high_water.unwrap_or(HIGH_WATER);
        let off = limits.kind.as_deref() == Some("none") || low <= 0 || high <= 0;
        let marks = (usize::try_from(low).ok()?, usize::try_from(high).ok()?);
        (!off).then_some(marks)
    }

    pub(crate) fn touch(&mut self) {
        self.revision += 1;
    }

    /// Loses what a process has in memory. What it saved stays.
    pub(crate) fn forget(&mut self) {
        self.live_filters.clear();
        self.peering.clear();
        self.marks.clear();
        self.dials.clear();
        self.store = Peerstore::default();
        self.limiter = Limiter::default();
        self.trim = None;
        self.touch();
    }
}

// === impl Peering ===

impl Peering {
    pub(crate) fn new(addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            next_delay: PEERING_INITIAL,
            timer: None,
        }
    }
}
