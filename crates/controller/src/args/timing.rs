//! Time constants above 5 s. The defaults are the rules' own; a test shortens them.

use std::time::Duration;

use clap::Args;
use kubomesh_core::Timings;
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
}
