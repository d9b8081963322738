//! Time constants above 5 s. The defaults are the rules' own; a test shortens them.

use clap::Args;
use kubomesh_core::{AgentTimings, DoubtTimings, KeepAlive, SpanText, Timings};
use kubomesh_discovery::DiscoveryTimings;
use kubomesh_reporter::StatusTimings;
use serde::Serialize;

/// Waits and holds.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
#[command(next_help_heading = "Time constants")]
pub struct TimingArgs {
    /// First wait after a link's dial failed; doubles at each further failure
    #[arg(long, env = "KUBOMESH_RETRY_BASE", value_name = "DURATION", default_value_t = SpanText(Timings::RETRY_BASE))]
    pub retry_base: SpanText,

    /// Longest wait between two dials of a link
    #[arg(long, env = "KUBOMESH_RETRY_MAX", value_name = "DURATION", default_value_t = SpanText(Timings::RETRY_MAX))]
    pub retry_max: SpanText,

    /// Wait after a node said `rate limit exceeded`
    #[arg(long, env = "KUBOMESH_RETRY_RATE_LIMITED", value_name = "DURATION", default_value_t = SpanText(Timings::RETRY_RATE_LIMITED))]
    pub retry_rate_limited: SpanText,

    /// Wait before a relayed link is first made direct
    #[arg(long, env = "KUBOMESH_RELAYED_FIRST", value_name = "DURATION", default_value_t = SpanText(Timings::RELAYED_FIRST))]
    pub relayed_first: SpanText,

    /// Wait before the second attempt on a relayed link; doubles from there
    #[arg(long, env = "KUBOMESH_RELAYED_BASE", value_name = "DURATION", default_value_t = SpanText(Timings::RELAYED_BASE))]
    pub relayed_base: SpanText,

    /// Longest wait between two attempts on a relayed link
    #[arg(long, env = "KUBOMESH_RELAYED_MAX", value_name = "DURATION", default_value_t = SpanText(Timings::RELAYED_MAX))]
    pub relayed_max: SpanText,

    /// First wait after a link could not be moved to its network; doubles at each further failure
    #[arg(long, env = "KUBOMESH_STEER_RETRY_BASE", value_name = "DURATION", default_value_t = SpanText(Timings::STEER_RETRY_BASE))]
    pub steer_retry_base: SpanText,

    /// Longest wait before a link is moved to its network again
    #[arg(long, env = "KUBOMESH_STEER_RETRY_MAX", value_name = "DURATION", default_value_t = SpanText(Timings::STEER_RETRY_MAX))]
    pub steer_retry_max: SpanText,

    /// How long a retired identity is kept for nodes that cannot be reached
    #[arg(long, env = "KUBOMESH_RETIRED_FOR", value_name = "DURATION", default_value_t = SpanText(Timings::RETIRED_FOR))]
    pub retired_for: SpanText,

    /// Longest wait between two probes of a node that does not answer
    #[arg(long, env = "KUBOMESH_PROBE_MAX", value_name = "DURATION", default_value_t = SpanText(Timings::PROBE_MAX))]
    pub probe_max: SpanText,

    /// How long a node whose agent cannot be used is reached directly before the agent is tried again
    #[arg(long, env = "KUBOMESH_AGENT_RETRY", value_name = "DURATION", default_value_t = SpanText(AgentTimings::RETRY))]
    pub agent_retry: SpanText,

    /// How long an agent may say nothing before it is asked anew: three of its heartbeats
    #[arg(long, env = "KUBOMESH_AGENT_SILENCE", value_name = "DURATION", default_value_t = SpanText(AgentTimings::SILENCE))]
    pub agent_silence: SpanText,

    /// How often an agent is asked on a quiet channel whether it is there
    #[arg(long, env = "KUBOMESH_AGENT_KEEP_ALIVE", value_name = "DURATION", default_value_t = SpanText(KeepAlive::EVERY))]
    pub agent_keep_alive: SpanText,

    /// How long its answer may take before the channel counts as lost
    #[arg(long, env = "KUBOMESH_AGENT_KEEP_ALIVE_TIMEOUT", value_name = "DURATION", default_value_t = SpanText(KeepAlive::WITHIN))]
    pub agent_keep_alive_timeout: SpanText,

    /// How long the API server keeps a watch open; removals are held when nothing was heard for twice this
    #[arg(long, env = "KUBOMESH_WATCH_TIMEOUT", value_name = "DURATION", default_value_t = SpanText(DoubtTimings::WATCH_TIMEOUT))]
    pub watch_timeout: SpanText,

    /// Time between two consistent lists of each kind
    #[arg(long, env = "KUBOMESH_LIST_INTERVAL", value_name = "DURATION", default_value_t = SpanText(DoubtTimings::LIST_INTERVAL))]
    pub list_interval: SpanText,

    /// Time between the lists that must agree before many missing members are believed gone
    #[arg(long, env = "KUBOMESH_DOUBT_INTERVAL", value_name = "DURATION", default_value_t = SpanText(DoubtTimings::DOUBT_INTERVAL))]
    pub doubt_interval: SpanText,

    /// How long removals are held after the API server's store was restored, and how long a mesh must be missing whose deletion was not seen before its records are deleted
    #[arg(long, env = "KUBOMESH_RESTORED_HOLD", value_name = "DURATION", default_value_t = SpanText(DoubtTimings::RESTORED_HOLD))]
    pub restored_hold: SpanText,

    /// How often the named secrets are read again
    #[arg(long, env = "KUBOMESH_SECRET_INTERVAL", value_name = "DURATION", default_value_t = SpanText(DiscoveryTimings::SECRET_INTERVAL))]
    pub secret_interval: SpanText,

    /// How often a record's status is written when only its counts change
    #[arg(long, env = "KUBOMESH_PEER_COUNTS_INTERVAL", value_name = "DURATION", default_value_t = SpanText(StatusTimings::PEER_COUNTS))]
    pub peer_counts_interval: SpanText,

    /// How often a mesh's status is written when only its counts change
    #[arg(long, env = "KUBOMESH_MESH_COUNTS_INTERVAL", value_name = "DURATION", default_value_t = SpanText(StatusTimings::MESH_COUNTS))]
    pub mesh_counts_interval: SpanText,

    /// How long a members file must be unchanged before a line that vanished is intent
    #[arg(long, env = "KUBOMESH_FILE_SETTLE", value_name = "DURATION", default_value_t = SpanText(DiscoveryTimings::FILE_SETTLE))]
    pub file_settle: SpanText,
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
            agents: AgentTimings {
                retry: self.agent_retry.0,
                silence: self.agent_silence.0,
                keep_alive: KeepAlive {
                    every: self.agent_keep_alive.0,
                    within: self.agent_keep_alive_timeout.0,
                },
            },
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
