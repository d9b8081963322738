//! Flags: one group a concern. Every flag has an environment variable, a default that is a named
//! constant, and its unit in its name or help.

mod agents;
mod lease;
mod source;
mod text;
mod timing;

use std::net::SocketAddr;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use kubomesh_core::SpanText;
use kubomesh_server::{FaceLimits, debug, public};
use serde::Serialize;

pub use agents::AgentsArgs;
pub use lease::LeaseArgs;
pub use source::SourceArgs;
pub use timing::TimingArgs;

/// Keeps every Kubo (IPFS) node of a Kubernetes cluster connected over the right internal network,
/// live, and says why a link is missing.
#[derive(Debug, Parser)]
#[command(name = "kubomesh", version = crate::VERSION, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the controller: in Kubernetes, or on a members file with --members and --state-dir.
    Run(Box<RunArgs>),
    /// Print a generated file: what `cargo xtask gen` writes.
    Gen {
        /// Which one.
        #[arg(value_enum)]
        what: Generated,
    },
}

/// A file that is generated from the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    /// The custom resource definitions, YAML.
    Crds,
    /// The metrics, Markdown.
    Metrics,
    /// The commands and flags, Markdown.
    Cli,
    /// The permissions and the reason for each, Markdown.
    Rbac,
}

/// `kubomesh run`.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunArgs {
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(
        missing_docs,
        reason = "a clap group: its flags are documented in its own file"
    )]
    pub source: SourceArgs,

    #[command(flatten)]
    #[serde(flatten)]
    #[allow(
        missing_docs,
        reason = "a clap group: its flags are documented in its own file"
    )]
    pub serve: ServeArgs,

    #[command(flatten)]
    #[serde(flatten)]
    #[allow(
        missing_docs,
        reason = "a clap group: its flags are documented in its own file"
    )]
    pub lease: LeaseArgs,

    #[command(flatten)]
    #[serde(flatten)]
    #[allow(
        missing_docs,
        reason = "a clap group: its flags are documented in its own file"
    )]
    pub timing: TimingArgs,

    #[command(flatten)]
    #[serde(flatten)]
    #[allow(
        missing_docs,
        reason = "a clap group: its flags are documented in its own file"
    )]
    pub agents: AgentsArgs,
}

/// Where the process serves, what it logs, how it stops.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
#[command(next_help_heading = "Serving")]
pub struct ServeArgs {
    /// Address of /livez, /readyz and /metrics; [::] is every address of both families
    #[arg(long, env = "KUBOMESH_LISTEN", value_name = "IP:PORT", value_parser = text::address, default_value_t = public::DEFAULT_ADDRESS)]
    pub listen: SocketAddr,

    /// Address of /debug and /log-level; keep it on loopback
    #[arg(long, env = "KUBOMESH_DEBUG_LISTEN", value_name = "IP:PORT", value_parser = text::address, default_value_t = debug::DEFAULT_ADDRESS)]
    pub debug_listen: SocketAddr,

    /// What is logged: error, warn, info, debug, trace, or a filter such as kubomesh=debug,kube=warn
    #[arg(long, env = "KUBOMESH_LOG_LEVEL", value_name = "FILTER", value_parser = log_filter, default_value = DEFAULT_LOG_LEVEL)]
    pub log_level: String,

    /// How it is logged: auto is text on a terminal and JSON otherwise
    #[arg(long, env = "KUBOMESH_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,

    /// After the first SIGTERM or SIGINT, time for calls in flight that change something to end; no read is waited for
    #[arg(long, env = "KUBOMESH_STOP_TIMEOUT", value_name = "DURATION", default_value_t = SpanText(kubomesh_process::DEFAULT_DRAIN))]
    pub stop_timeout: SpanText,

    /// Longest life of a connection to a page, so that slow readers do not fill the house
    #[arg(long, env = "KUBOMESH_CONNECTION_LIFETIME", value_name = "DURATION", default_value_t = SpanText(FaceLimits::LIFETIME))]
    pub connection_lifetime: SpanText,
}

/// How logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Default of `--log-level`.
pub const DEFAULT_LOG_LEVEL: &str = kubomesh_telemetry::DEFAULT_LOG_FILTER;

/// A text that is a log filter.
fn log_filter(text: &str) -> Result<String, kubomesh_telemetry::LogError> {
    kubomesh_telemetry::check_log_filter(text)?;
    Ok(text.to_owned())
}

// === impl Cli ===

impl Cli {
    /// Reads the command line; whatever is wrong with it is said, and the process ends with 2.
    #[must_use]
    pub fn read() -> Self {
        let cli = Self::parse();
        if let Command::Run(run) = &cli.command
            && let Err(why) = run.check()
        {
            run_command().error(ErrorKind::ValueValidation, why).exit();
        }
        cli
    }
}

/// `kubomesh run` as a command: what is wrong between its flags is said with its own usage.
fn run_command() -> clap::Command {
    let mut cli = Cli::command();
    cli.build();
    let run = cli.find_subcommand("run").cloned();
    run.unwrap_or(cli)
}

// === impl RunArgs ===

impl RunArgs {
    /// What no flag can say alone.
    ///
    /// # Errors
    /// When two flags contradict each other: a sentence that names both.
    fn check(&self) -> Result<(), String> {
        self.serve.check()?;
        // With a members file it is not used; what is wrong in it is wrong all the same.
        self.lease.timing().map_err(|error| error.to_string())?;
        let timing = &self.timing;
        for (least, most) in [
            (
                ("--retry-base", timing.retry_base),
                ("--retry-max", timing.retry_max),
            ),
            (
                ("--relayed-base", timing.relayed_base),
                ("--relayed-max", timing.relayed_max),
            ),
        ] {
            if least.1.0 > most.1.0 {
                return Err(format!(
                    "{}={} is longer than {}={}: write at most that",
                    least.0, least.1, most.0, most.1
                ));
            }
        }
        Ok(())
    }
}

// === impl ServeArgs ===

impl ServeArgs {
    fn check(&self) -> Result<(), String> {
        let (public, debug) = (self.listen, self.debug_listen);
        let any = public.ip().is_unspecified() || debug.ip().is_unspecified();
        let same = public.port() == debug.port() && (any || public.ip() == debug.ip());
        if same && public.port() != 0 {
            return Err(format!(
                "--listen={public} and --debug-listen={debug} have the same port: give each its own"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
