//! What the executor counts.

use std::time::{Duration, Instant};

use kubomesh_agent_api::Channels;
use kubomesh_core::{Call, FailureKind};
use kubomesh_telemetry::{Catalog, Counters, Gauge, Histograms, Label, buckets, metrics};

metrics! {
    /// Metrics of the calls to nodes.
    pub struct ExecutorMetrics {
        /// Time of one call to a node from sending to the whole answer, by verb and by how it ended.
        pub(crate) rpc_duration: Histograms<(Label<Verb>, Label<Ended>)> = histograms(
            "kubomesh_rpc_duration_seconds",
            buckets::CALL_SECONDS,
            (
                Label::new("verb", &Verb::ALL, Verb::label),
                Label::new("outcome", &Ended::ALL, Ended::label),
            ),
        ),
        /// Open channels to agents, of all meshes.
        pub(crate) agent_channels: Gauge = gauge("kubomesh_agent_channels"),
        /// Mutating calls of plans, by action and by outcome: `ok`, or the class of the failure.
        pub(crate) actions: Counters<(Label<&'static str>, Label<Option<FailureKind>>)> = counters(
            "kubomesh_actions_total",
            (
                Label::of_texts("action", &Call::LABELS),
                Label::new("outcome", &OUTCOMES, outcome),
            ),
        ),
    }
}

/// A verb of Kubo's RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `id`, with the opening of the connection.
    Id,
    /// `Ping` of an agent, answered after its next look.
    Ping,
    /// `swarm/peers`.
    Peers,
    /// `swarm/peering/ls`.
    PeeringLs,
    /// `swarm/filters`.
    Filters,
    /// `swarm/addrs/listen`.
    Listen,
    /// `config`.
    Config,
    /// `swarm/connect`.
    Connect,
    /// `swarm/disconnect`.
    Disconnect,
    /// `swarm/peering/add`.
    PeeringAdd,
    /// `swarm/peering/rm`.
    PeeringRemove,
    /// `swarm/filters/add`.
    FiltersAdd,
    /// `swarm/filters/rm`.
    FiltersRemove,
}

/// How a call ended: coarser than [`FailureKind`], so that the histograms stay few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As asked.
    Ok,
    /// No answer within the deadline.
    TimedOut,
    /// No connection, or it broke off.
    Unreachable,
    /// The token or the request was not let in.
    Denied,
    /// What answered is no Kubo that is online, or its answer is none.
    Invalid,
    /// The node could not dial: filter, rate limit, identity, security, address.
    Dial,
    /// Anything else that the node refused.
    Other,
}

/// One call being timed.
pub(crate) struct Timer<'a> {
    metrics: &'a ExecutorMetrics,
    verb: Verb,
    since: Instant,
}

/// `ok` and every class of failure.
const OUTCOMES: [Option<FailureKind>; 1 + FailureKind::ALL.len()] = {
    let mut all = [None; 1 + FailureKind::ALL.len()];
    let mut at = 0;
    while at < FailureKind::ALL.len() {
        all[at + 1] = Some(FailureKind::ALL[at]);
        at += 1;
    }
    all
};

fn outcome(failure: Option<FailureKind>) -> &'static str {
    failure.map_or("ok", FailureKind::label)
}

// === impl ExecutorMetrics ===

impl ExecutorMetrics {
    /// Has each scrape count these channels.
    pub fn count_channels(&self, catalog: &Catalog, channels: Channels) {
        let gauge = self.agent_channels.clone();
        catalog.before_scrape(move || gauge.set_count(channels.open() as u64));
    }

    pub(crate) fn start(&self, verb: Verb) -> Timer<'_> {
        Timer {
            metrics: self,
            verb,
            since: Instant::now(),
        }
    }

    pub(crate) fn acted(&self, call: &Call, failure: Option<FailureKind>) {
        self.actions.get((call.label(), failure)).inc();
    }
}

impl Timer<'_> {
    /// Counts it; says how long it took.
    pub(crate) fn stop(self, failure: Option<FailureKind>) -> Duration {
        let histogram = self
            .metrics
            .rpc_duration
            .get((self.verb, Ended::from(failure)));
        let took = self.since.elapsed();
        histogram.observe_duration(took);
        took
    }
}

// === impl Verb, Ended ===

impl Verb {
    const ALL: [Self; 13] = [
        Self::Id,
        Self::Ping,
        Self::Peers,
        Self::PeeringLs,
        Self::Filters,
        Self::Listen,
        Self::Config,
        Self::Connect,
        Self::Disconnect,
        Self::PeeringAdd,
        Self::PeeringRemove,
        Self::FiltersAdd,
        Self::FiltersRemove,
    ];

    /// Whether it changes something on the node.
    pub(crate) const fn changes(self) -> bool {
        !matches!(
            self,
            Self::Id
                | Self::Ping
                | Self::Peers
                | Self::PeeringLs
                | Self::Filters
                | Self::Listen
                | Self::Config
        )
    }

    /// As in Kubo's path, where it lists something; the label of others.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Peers => "swarm/peers",
            Self::PeeringLs => "swarm/peering/ls",
            Self::Filters => "swarm/filters",
            Self::Listen => "swarm/addrs/listen",
            other => other.label(),
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Ping => "ping",
            Self::Peers => "peers",
            Self::PeeringLs => "peering_ls",
            Self::Filters => "filters",
            Self::Listen => "listen",
            Self::Config => "config",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::PeeringAdd => "peering_add",
            Self::PeeringRemove => "peering_remove",
            Self::FiltersAdd => "filters_add",
            Self::FiltersRemove => "filters_remove",
        }
    }
}

impl From<&Call> for Verb {
    fn from(call: &Call) -> Self {
        match call {
            Call::Disconnect { .. } => Self::Disconnect,
            Call::PeeringAdd { .. } => Self::PeeringAdd,
            Call::PeeringRemove { .. } => Self::PeeringRemove,
            Call::FiltersAdd { .. } => Self::FiltersAdd,
            Call::FiltersRemove { .. } => Self::FiltersRemove,
            _ => Self::Connect,
        }
    }
}

impl Ended {
    const ALL: [Self; 7] = [
        Self::Ok,
        Self::TimedOut,
        Self::Unreachable,
        Self::Denied,
        Self::Invalid,
        Self::Dial,
        Self::Other,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Dial => "dial",
            Self::Other => "other",
        }
    }
}

impl From<Option<FailureKind>> for Ended {
    fn from(failure: Option<FailureKind>) -> Self {
        use FailureKind as Kind;
        match failure {
            None => Self::Ok,
            Some(Kind::TimedOut) => Self::TimedOut,
            Some(Kind::Refused | Kind::Disconnected | Kind::Unreachable | Kind::Tls) => {
                Self::Unreachable
            }
            Some(Kind::Unauthorised | Kind::Forbidden) => Self::Denied,
            Some(
                Kind::NotKubo
                | Kind::Offline
                | Kind::UnknownCommand
                | Kind::BadRequest
                | Kind::BadBody
                | Kind::BodyTooLarge,
            ) => Self::Invalid,
            Some(
                Kind::FilteredHere
                | Kind::WrongIdentity
                | Kind::DialToSelf
                | Kind::RateLimited
                | Kind::ResourceLimit
                | Kind::NoAddress
                | Kind::SecurityNegotiation,
            ) => Self::Dial,
            Some(Kind::Refusal | Kind::Fenced | Kind::Skipped | Kind::NoEffect) => Self::Other,
        }
    }
}
