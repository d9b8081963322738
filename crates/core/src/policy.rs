//! The policy of a mesh, translated from its `SwarmMesh` object, and the flags' time constants.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::NetworkPolicy;

/// `spec.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Mode {
    /// Make it so.
    #[default]
    Enforce,
    /// No mutating call to any node; records and status are still written.
    Observe,
    /// Take back everything that was put into the nodes, then only watch.
    Release,
}

/// `spec.topology.degree`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Degree {
    /// 16 to 1,000 members, 20 to 10,000, 24 above (topology.md).
    #[default]
    Auto,
    /// This many links a member, at least 8, even.
    Fixed(u32),
}

/// `spec.topology`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopologyPolicy {
    /// Up to this many members every pair is linked. Default 48.
    pub full_mesh_up_to: u32,
    /// Links a member above that.
    pub degree: Degree,
}

/// `spec.links`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinksPolicy {
    /// Register each link with the peering service of both ends. Default true.
    pub protect: bool,
    /// How long a member whose pod is gone keeps its place. Default 2 min.
    pub forget_after: Duration,
}

/// `spec.filters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FilterPolicy {
    /// Say which filters cover the mesh network.
    #[default]
    Report,
    /// Take them away, once per container start, and remember them.
    Repair,
}

/// `spec.limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Calls in flight to all nodes together. Default 64.
    pub in_flight: u32,
    /// Calls in flight to one node. Default 8.
    pub in_flight_per_node: u32,
    /// Deadline of a dial, `swarm/connect?timeout=`. Default 15 s.
    pub dial_timeout: Duration,
    /// Least time between two dials of one pair. Default 10 s.
    pub dial_interval: Duration,
    /// Percent of a mesh's surplus links that may go in a minute (at least one link). Default 10.
    pub removal_percent_per_minute: u32,
    /// Status writes a second, all records together. Default 50.
    pub status_writes_per_second: u32,
}

/// What the operator wants of a mesh.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// Enforce, observe or release.
    pub mode: Mode,
    /// On which network.
    pub network: NetworkPolicy,
    /// Which pairs.
    pub topology: TopologyPolicy,
    /// How a link is kept.
    pub links: LinksPolicy,
    /// What to do about dial filters in the way.
    pub filters: FilterPolicy,
    /// How much at once.
    pub limits: Limits,
    /// Time between two full sweeps.
    pub resync: ResyncInterval,
}

/// `spec.resyncInterval`. Default 30 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResyncInterval(pub Duration);

/// Time constants above 5 s that are flags of the controller, so that a test can shorten them
/// (rules.md, Limits). The defaults are the rules' own figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// First wait after a link's dial failed; doubles at each further failure. 10 s.
    pub retry_base: Duration,
    /// Longest wait between two dials of a link. 300 s.
    pub retry_max: Duration,
    /// Wait after `rate limit exceeded`. 20 s.
    pub retry_rate_limited: Duration,
    /// First attempt to make a relayed link direct, from when it was first seen. 30 s.
    pub relayed_first: Duration,
    /// Second wait of a relayed link; doubles from there. 5 min.
    pub relayed_base: Duration,
    /// Longest wait of a relayed link. 1 h.
    pub relayed_max: Duration,
    /// First wait after a link could not be moved to its network; doubles at each further failure.
    /// 1 min.
    pub steer_retry_base: Duration,
    /// Longest wait before a link is moved again. 30 min.
    pub steer_retry_max: Duration,
    /// How long a retired identity is kept for nodes that cannot be reached. 24 h.
    pub retired_for: Duration,
    /// Longest back-off of probes to a node that does not answer. 5 min.
    pub probe_max: Duration,
    /// How long agents are waited for.
    pub agents: AgentTimings,
}

/// How long agents are waited for: flags of the controller too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentTimings {
    /// How long the way round an agent that cannot be used is taken before the agent is tried again:
    /// an upgrade is over by then, and a fleet without agents is asked for them twice a minute. 30 s.
    pub retry: Duration,
    /// How long an agent that is listened to may say nothing: three of its heartbeats. 30 s.
    pub silence: Duration,
    /// How a quiet channel is found to be lost.
    pub keep_alive: KeepAlive,
}

/// How a quiet channel between the controller and an agent is found to be lost, from either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepAlive {
    /// How often the far end is asked whether it is there, as in Longhorn's proxy (field.md, 1c). Below
    /// it servers close a channel for too many pings. 30 s.
    pub every: Duration,
    /// How long the answer may take; then the channel is lost. 10 s.
    pub within: Duration,
}

// === impl Defaults ===

impl Default for TopologyPolicy {
    fn default() -> Self {
        Self {
            full_mesh_up_to: 48,
            degree: Degree::Auto,
        }
    }
}

impl Default for LinksPolicy {
    fn default() -> Self {
        Self {
            protect: true,
            forget_after: Duration::from_secs(120),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 64,
            in_flight_per_node: 8,
            dial_timeout: Duration::from_secs(15),
            dial_interval: Duration::from_secs(10),
            removal_percent_per_minute: 10,
            status_writes_per_second: 50,
        }
    }
}

impl Default for ResyncInterval {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

impl Timings {
    /// Default of [`Timings::retry_base`].
    pub const RETRY_BASE: Duration = Duration::from_secs(10);
    /// Default of [`Timings::retry_max`].
    pub const RETRY_MAX: Duration = Duration::from_secs(300);
    /// Default of [`Timings::retry_rate_limited`].
    pub const RETRY_RATE_LIMITED: Duration = Duration::from_secs(20);
    /// Default of [`Timings::relayed_first`].
    pub const RELAYED_FIRST: Duration = Duration::from_secs(30);
    /// Default of [`Timings::relayed_base`].
    pub const RELAYED_BASE: Duration = Duration::from_secs(300);
    /// Default of [`Timings::relayed_max`].
    pub const RELAYED_MAX: Duration = Duration::from_secs(3_600);
    /// Default of [`Timings::steer_retry_base`].
    pub const STEER_RETRY_BASE: Duration = Duration::from_secs(60);
    /// Default of [`Timings::steer_retry_max`].
    pub const STEER_RETRY_MAX: Duration = Duration::from_secs(1_800);
    /// Default of [`Timings::retired_for`].
    pub const RETIRED_FOR: Duration = Duration::from_secs(24 * 3_600);
    /// Default of [`Timings::probe_max`].
    pub const PROBE_MAX: Duration = Duration::from_secs(300);
}

impl AgentTimings {
    /// Default of [`AgentTimings::retry`].
    pub const RETRY: Duration = Duration::from_secs(30);
    /// Default of [`AgentTimings::silence`].
    pub const SILENCE: Duration = Duration::from_secs(30);
}

impl KeepAlive {
    /// Default of [`KeepAlive::every`].
    pub const EVERY: Duration = Duration::from_secs(30);
    /// Default of [`KeepAlive::within`].
    pub const WITHIN: Duration = Duration::from_secs(10);
}

impl Default for AgentTimings {
    fn default() -> Self {
        Self {
            retry: Self::RETRY,
            silence: Self::SILENCE,
            keep_alive: KeepAlive::default(),
        }
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            every: Self::EVERY,
            within: Self::WITHIN,
        }
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            retry_base: Self::RETRY_BASE,
            retry_max: Self::RETRY_MAX,
            retry_rate_limited: Self::RETRY_RATE_LIMITED,
            relayed_first: Self::RELAYED_FIRST,
            relayed_base: Self::RELAYED_BASE,
            relayed_max: Self::RELAYED_MAX,
            steer_retry_base: Self::STEER_RETRY_BASE,
            steer_retry_max: Self::STEER_RETRY_MAX,
            retired_for: Self::RETIRED_FOR,
            probe_max: Self::PROBE_MAX,
            agents: AgentTimings::default(),
        }
    }
}
