//! Time constants above 5 s. The defaults are the rules' own; a test shortens them.

use std::time::Duration;

use clap::Args;
use kubomesh_core::Timings;
use kubomesh_discovery::DiscoveryTimings;
use kubomesh_reporter::StatusTimings;
use serde::Serialize;

use super::duration;

/// Waits and holds.
#[derive(Debug, Args, Serialize)]
#[command(next_help_heading = "Time constants")]
pub struct TimingArgs {
    /// First wait after a link's dial failed; doubles at each further failure
    #[arg(long, env = "KUBOMESH_RETRY_BASE", value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub retry_base: Duration,

    /// Longest wait between two dials of a link
    #[arg(long, env = "KUBOMESH_RETRY_MAX", value_name = "DURATION", value_parser = duration, default_value = "300s")]
    pub retry_max: Duration,

    /// Wait after a node said `rate limit exceeded`
    #[arg(long, env = "KUBOMESH_RETRY_RATE_LIMITED", value_name = "DURATION", value_parser = duration, default_value = "20s")]
    pub retry_rate_limited: Duration,

    /// Wait before a relayed link is first made direct
    #[arg(long, env = "KUBOMESH_RELAYED_FIRST", value_name = "DURATION", value_parser = duration, default_value = "30s")]
    pub relayed_first: Duration,

    /// Wait before the second attempt on a relayed link; doubles from there
    #[arg(long, env = "KUBOMESH_RELAYED_BASE", value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub relayed_base: Duration,

    /// Longest wait between two attempts on a relayed link
    #[arg(long, env = "KUBOMESH_RELAYED_MAX", value_name = "DURATION", value_parser = duration, default_value = "1h")]
    pub relayed_max: Duration,

    /// How long a retired identity is kept for nodes that cannot be reached
    #[arg(long, env = "KUBOMESH_RETIRED_FOR", value_name = "DURATION", value_parser = duration, default_value = "24h")]
    pub retired_for: Duration,

    /// Longest wait between two probes of a node that does not answer
    #[arg(long, env = "KUBOMESH_PROBE_MAX", value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub probe_max: Duration,

    /// How long the API server keeps a watch open; removals are held when nothing was heard for twice this
    #[arg(long, env = "KUBOMESH_WATCH_TIMEOUT", value_name = "DURATION", value_parser = duration, default_value = "30s")]
    pub watch_timeout: Duration,

    /// Time between two consistent lists of each kind
    #[arg(long, env = "KUBOMESH_LIST_INTERVAL", value_name = "DURATION", value_parser = duration, default_value = "10m")]
    pub list_interval: Duration,

    /// Time between the lists that must agree before many missing members are believed gone
    #[arg(long, env = "KUBOMESH_DOUBT_INTERVAL", value_name = "DURATION", value_parser = duration, default_value = "60s")]
    pub doubt_interval: Duration,

    /// How long removals are held after the API server's store was restored
    #[arg(long, env = "KUBOMESH_RESTORED_HOLD", value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub restored_hold: Duration,

    /// How often the named secrets are read again
    #[arg(long, env = "KUBOMESH_SECRET_INTERVAL", value_name = "DURATION", value_parser = duration, default_value = "30s")]
    pub secret_interval: Duration,

    /// How often a record's status is written when only its counts change
    #[arg(long, env = "KUBOMESH_PEER_COUNTS_INTERVAL", value_name = "DURATION", value_parser = duration, default_value = "60s")]
    pub peer_counts_interval: Duration,

    /// How often a mesh's status is written when only its counts change
    #[arg(long, env = "KUBOMESH_MESH_COUNTS_INTERVAL", value_name = "DURATION", value_parser = duration, default_value = "5s")]
    pub mesh_counts_interval: Duration,

    /// How long a members file must be unchanged before a line that vanished is intent
    #[arg(long, env = "KUBOMESH_FILE_SETTLE", value_name = "DURATION", value_parser = duration, default_value = "5s")]
    pub file_settle: Duration,
}

impl TimingArgs {
    /// As the planner and the executor take them.
    #[must_use]
    pub fn timings(&self) -> Timings {
        Timings {
            retry_base: self.retry_base,
            retry_max: self.retry_max,
            retry_rate_limited: self.retry_rate_limited,
            relayed_first: self.relayed_first,
            relayed_base: self.relayed_base,
            relayed_max: self.relayed_max,
            retired_for: self.retired_for,
            probe_max: self.probe_max,
        }
    }

    /// As discovery takes them.
    #[must_use]
    pub fn discovery(&self) -> DiscoveryTimings {
        DiscoveryTimings {
            watch_timeout: self.watch_timeout,
            list_interval: self.list_interval,
            doubt_interval: self.doubt_interval,
            restored_hold: self.restored_hold,
            secret_interval: self.secret_interval,
            file_settle: self.file_settle,
        }
    }

    /// As the reporter takes them.
    #[must_use]
    pub fn statuses(&self) -> StatusTimings {
        StatusTimings {
            peer_counts: self.peer_counts_interval,
            mesh_counts: self.mesh_counts_interval,
        }
    }
}
