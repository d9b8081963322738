//! Time constants above 5 s. The defaults are the rules' own; a test shortens them.

use clap::Args;
use kubomesh_core::{DoubtTimings, Timings};
use kubomesh_discovery::DiscoveryTimings;
use kubomesh_reporter::StatusTimings;
use serde::Serialize;

use super::Span;

/// Waits and holds.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
#[command(next_help_heading = "Time constants")]
pub struct TimingArgs {
    /// First wait after a link's dial failed; doubles at each further failure
    #[arg(long, env = "KUBOMESH_RETRY_BASE", value_name = "DURATION", default_value_t = Span(Timings::RETRY_BASE))]
    pub retry_base: Span,

    /// Longest wait between two dials of a link
    #[arg(long, env = "KUBOMESH_RETRY_MAX", value_name = "DURATION", default_value_t = Span(Timings::RETRY_MAX))]
    pub retry_max: Span,

    /// Wait after a node said `rate limit exceeded`
    #[arg(long, env = "KUBOMESH_RETRY_RATE_LIMITED", value_name = "DURATION", default_value_t = Span(Timings::RETRY_RATE_LIMITED))]
    pub retry_rate_limited: Span,

    /// Wait before a relayed link is first made direct
    #[arg(long, env = "KUBOMESH_RELAYED_FIRST", value_name = "DURATION", default_value_t = Span(Timings::RELAYED_FIRST))]
    pub relayed_first: Span,

    /// Wait before the second attempt on a relayed link; doubles from there
    #[arg(long, env = "KUBOMESH_RELAYED_BASE", value_name = "DURATION", default_value_t = Span(Timings::RELAYED_BASE))]
    pub relayed_base: Span,

    /// Longest wait between two attempts on a relayed link
    #[arg(long, env = "KUBOMESH_RELAYED_MAX", value_name = "DURATION", default_value_t = Span(Timings::RELAYED_MAX))]
    pub relayed_max: Span,

    /// First wait after a link could not be moved to its network; doubles at each further failure
    #[arg(long, env = "KUBOMESH_STEER_RETRY_BASE", value_name = "DURATION", default_value_t = Span(Timings::STEER_RETRY_BASE))]
    pub steer_retry_base: Span,

    /// Longest wait before a link is moved to its network again
    #[arg(long, env = "KUBOMESH_STEER_RETRY_MAX", value_name = "DURATION", default_value_t = Span(Timings::STEER_RETRY_MAX))]
    pub steer_retry_max: Span,

    /// How long a retired identity is kept for nodes that cannot be reached
    #[arg(long, env = "KUBOMESH_RETIRED_FOR", value_name = "DURATION", default_value_t = Span(Timings::RETIRED_FOR))]
    pub retired_for: Span,

    /// Longest wait between two probes of a node that does not answer
    #[arg(long, env = "KUBOMESH_PROBE_MAX", value_name = "DURATION", default_value_t = Span(Timings::PROBE_MAX))]
    pub probe_max: Span,

    /// How long a node whose agent cannot be used is reached directly before the agent is tried again
    #[arg(long, env = "KUBOMESH_AGENT_RETRY", value_name = "DURATION", default_value_t = Span(Timings::AGENT_RETRY))]
    pub agent_retry: Span,

    /// How long the API server keeps a watch open; removals are held when nothing was heard for twice this
    #[arg(long, env = "KUBOMESH_WATCH_TIMEOUT", value_name = "DURATION", default_value_t = Span(DoubtTimings::WATCH_TIMEOUT))]
    pub watch_timeout: Span,

    /// Time between two consistent lists of each kind
    #[arg(long, env = "KUBOMESH_LIST_INTERVAL", value_name = "DURATION", default_value_t = Span(DoubtTimings::LIST_INTERVAL))]
    pub list_interval: Span,

    /// Time between the lists that must agree before many missing members are believed gone
    #[arg(long, env = "KUBOMESH_DOUBT_INTERVAL", value_name = "DURATION", default_value_t = Span(DoubtTimings::DOUBT_INTERVAL))]
    pub doubt_interval: Span,

    /// How long removals are held after the API server's store was restored, and how long a mesh must be missing whose deletion was not seen before its records are deleted
    #[arg(long, env = "KUBOMESH_RESTORED_HOLD", value_name = "DURATION", default_value_t = Span(DoubtTimings::RESTORED_HOLD))]
    pub restored_hold: Span,

    /// How often the named secrets are read again
    #[arg(long, env = "KUBOMESH_SECRET_INTERVAL", value_name = "DURATION", default_value_t = Span(DiscoveryTimings::SECRET_INTERVAL))]
    pub secret_interval: Span,

    /// How often a record's status is written when only its counts change
    #[arg(long, env = "KUBOMESH_PEER_COUNTS_INTERVAL", value_name = "DURATION", default_value_t = Span(StatusTimings::PEER_COUNTS))]
    pub peer_counts_interval: Span,

    /// How often a mesh's status is written when only its counts change
    #[arg(long, env = "KUBOMESH_MESH_COUNTS_INTERVAL", value_name = "DURATION", default_value_t = Span(StatusTimings::MESH_COUNTS))]
    pub mesh_counts_interval: Span,

    /// How long a members file must be unchanged before a line that vanished is intent
    #[arg(long, env = "KUBOMESH_FILE_SETTLE", value_name = "DURATION", default_value_t = Span(DiscoveryTimings::FILE_SETTLE))]
    pub file_settle: Span,
}

impl TimingArgs {
    /// As the planner and the executor take them.
    #[must_use]
    pub fn timings(&self) -> Timings {
        Timings {
            retry_base: self.retry_base.0,
            retry_max: self.retry_max.0,
            retry_rate_limited: self.retry_rate_limited.0,
            relayed_first: self.relayed_first.0,
            relayed_base: self.relayed_base.0,
            relayed_max: self.relayed_max.0,
            steer_retry_base: self.steer_retry_base.0,
            steer_retry_max: self.steer_retry_max.0,
            retired_for: self.retired_for.0,
            probe_max: self.probe_max.0,
            agent_retry: self.agent_retry.0,
        }
    }

    /// As discovery takes them.
    #[must_use]
    pub fn discovery(&self) -> DiscoveryTimings {
        DiscoveryTimings {
            doubt: DoubtTimings {
                watch_timeout: self.watch_timeout.0,
                list_interval: self.list_interval.0,
                doubt_interval: self.doubt_interval.0,
                restored_hold: self.restored_hold.0,
            },
            secret_interval: self.secret_interval.0,
            file_settle: self.file_settle.0,
        }
    }

    /// As the reporter takes them.
    #[must_use]
    pub fn statuses(&self) -> StatusTimings {
        StatusTimings {
            peer_counts: self.peer_counts_interval.0,
            mesh_counts: self.mesh_counts_interval.0,
        }
    }
}
