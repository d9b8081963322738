//! What a world is like: times and odds, each with its source. Row N is a row of the measurements
//! on a real Kubo; "kubo.md n" a section of the facts about Kubo; file names are go-libp2p's v0.48.

use std::time::Duration;

/// Longest dial of one private address (swarm.go: `defaultDialTimeoutLocal`; row 14).
pub const DIAL_TIMEOUT_LOCAL: Duration = Duration::from_secs(5);
/// Longest dial of one public address (swarm.go: `defaultDialTimeout`).
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest dial of one peer without a deadline of the caller (core/network: `DialPeerTimeout`).
pub const DIAL_PEER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an address given to `connect` is kept (core/peerstore: `TempAddrTTL`).
pub const GIVEN_ADDRESS_TTL: Duration = Duration::from_secs(2 * 60);
/// How long the addresses of a peer are kept after its last connection
/// (core/peerstore: `RecentlyConnectedAddrTTL`).
pub const RECENT_ADDRESS_TTL: Duration = Duration::from_secs(15 * 60);
/// First pause of a failed address: 5 s, then 5 s + 1 s × tries², at most 5 min (swarm_dial.go).
pub const BACKOFF_BASE: Duration = Duration::from_secs(5);
/// Longest pause of a failed address (swarm_dial.go: `BackoffMax`).
pub const BACKOFF_MAX: Duration = Duration::from_secs(5 * 60);
/// Start of a peering entry's delays (boxo peering.go: `initialDelay`); the first dial comes after
/// 1.5 to 2.5 times of it (kubo.md 3).
pub const PEERING_INITIAL: Duration = Duration::from_secs(5);
/// Longest delay of a peering entry (boxo peering.go: `maxBackoff`).
pub const PEERING_MAX: Duration = Duration::from_secs(10 * 60);
/// How often the connection manager looks (connmgr.go: silence period; kubo.md 2.2).
pub const TRIM_INTERVAL: Duration = Duration::from_secs(10);
/// How long a new peer is safe from the connection manager (kubo.md 2.1).
pub const TRIM_GRACE: Duration = Duration::from_secs(20);
/// Kubo's marks when the config says nothing (row 19).
pub const LOW_WATER: i64 = 32;
/// Kubo's marks when the config says nothing (row 19).
pub const HIGH_WATER: i64 = 96;
/// Value of a peer that `connect` was called for (kubo.md 1.3).
pub const CONNECT_TAG: i64 = 100;
/// A connection whose far end vanished is listed at least this long: yamux asks every 30 s and
/// waits 10 s (go-yamux mux.go); an idle connection is found dead after 30 to 40 s. Row 30: 39.6 s.
pub const STALE_LEAST: Duration = Duration::from_secs(30);
/// A connection whose far end vanished is listed at most this long.
pub const STALE_MOST: Duration = Duration::from_secs(40);
/// The 17th dial in a burst to one address fails (row 10; conn_rate_limiter.go).
pub const RATE_BURST: u32 = 16;
/// One dial of an address is given back per this time (row 10).
pub const RATE_REFILL: Duration = Duration::from_secs(5);
/// Connections with one IPv4 address (conn_limiter.go; kubo.md 2.3).
pub const PER_IPV4: u32 = 8;
/// Connections with one IPv6 /56 (Kubo rcmgr.go; kubo.md 2.3).
pub const PER_IPV6_56: u32 = 16;

/// Whether nodes find peers that nobody told them of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// `Routing.Type=none`: only the peerstore.
    None,
    /// A DHT that knows every announced address. The fleet of rows 3 and 24 had one: asked for one
    /// address, a node knows the others as well.
    Everything,
}

/// Where the limits per address hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimits {
    /// As Kubo: not on loopback addresses.
    Kubo,
    /// On loopback addresses too.
    Everywhere,
    /// Nowhere (`Swarm.ResourceMgr.Enabled=false`).
    Off,
}

/// Times and odds of a world. Odds are in parts per thousand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// From the start of a dial until it is decided, where somebody answers. Row 1: 4–8 ms.
    pub dial_time: Duration,
    /// Whether nodes know addresses that they were not given.
    pub routing: Routing,
    /// Where the limits per address hold.
    pub rate_limits: RateLimits,
    /// A peer known on both networks comes up on the pod network this often (row 3: 9 of 10).
    pub pod_first: u16,
    /// A peer known on both networks comes up on both this often (row 3: 1 of 22).
    pub both: u16,
    /// Of two dials against each other the second connection stays this often (row 32: 23 of 30).
    pub second_kept: u16,
    /// The accepting end sees the dialler's listen port this often (row 31); else another one.
    pub port_reuse: u16,
    /// On a node with two networks the accepting end sees the other address this often (row 31).
    pub other_source: u16,
    /// A far end with another swarm key leaves the dialler waiting instead of resetting this often
    /// (recordings `connect-swarm-key-differs` and `connect-quic-with-swarm-key`).
    pub key_mismatch_hangs: u16,
    /// Two filters calls at once leave their entry in the saved config this often (row 27).
    pub filters_stick: u16,
    /// Whether [`World::history`](crate::World::history) is kept.
    pub history: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dial_time: Duration::from_millis(8),
            routing: Routing::None,
            rate_limits: RateLimits::Kubo,
            pod_first: 900,
            both: 45,
            second_kept: 767,
            port_reuse: 900,
            other_source: 50,
            key_mismatch_hangs: 300,
            filters_stick: 250,
            history: false,
        }
    }
}

impl Settings {
    /// A world without odds: every port is reused, every filters call is clean, the pod network
    /// always wins, both dials of two that meet stay.
    #[must_use]
    pub fn certain() -> Self {
        Self {
            pod_first: 1000,
            both: 0,
            second_kept: 1000,
            port_reuse: 1000,
            other_source: 0,
            key_mismatch_hangs: 0,
            filters_stick: 0,
            ..Self::default()
        }
    }
}
