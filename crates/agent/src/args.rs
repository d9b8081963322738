//! Flags. Every one has an environment variable.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum};
use kubomesh_agent_api::{API_MIN_VERSION, API_VERSION, ApiVersions};
use kubomesh_core::{Endpoint, KeepAlive, Scheme, SpanText};
use serde::Serialize;

use crate::certificates::Files;
use crate::serve::Waits;

/// Default of `--listen`: every address of both families.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), kubomesh_agent_api::PORT);

/// Default of `--health-listen`.
pub const DEFAULT_HEALTH: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8502);

/// Default of `--kubo`.
pub const DEFAULT_KUBO: &str = "http://127.0.0.1:5001";

/// The agent beside a Kubo: lets Kubomesh's controller, and nobody else, use the few verbs of Kubo's
/// RPC that it needs, so that the RPC can stay on loopback.
#[derive(Debug, Clone, Parser, Serialize)]
#[serde(rename_all = "camelCase")]
#[command(name = "kubomesh-agent", version, max_term_width = 100)]
pub struct Args {
    /// Address of the gRPC service; [::] is every address of both families
    #[arg(long, env = "KUBOMESH_AGENT_LISTEN", value_name = "IP:PORT", value_parser = address, default_value_t = DEFAULT_LISTEN)]
    pub listen: SocketAddr,

    /// Address of /livez, /readyz and /metrics
    #[arg(long, env = "KUBOMESH_AGENT_HEALTH_LISTEN", value_name = "IP:PORT", value_parser = address, default_value_t = DEFAULT_HEALTH)]
    pub health_listen: SocketAddr,

    /// Kubo's RPC; only on loopback
    #[arg(long, env = "KUBOMESH_AGENT_KUBO", value_name = "URL", value_parser = kubo, default_value = DEFAULT_KUBO)]
    pub kubo: Endpoint,

    /// File with the secret of Kubo's RPC, as in Kubo's API.Authorizations: bearer:… or basic:…
    #[arg(long, env = "KUBOMESH_AGENT_KUBO_AUTH_FILE", value_name = "FILE")]
    pub kubo_auth_file: Option<PathBuf>,

    /// File with the agent's certificate, PEM; read again when it changes
    #[arg(long, env = "KUBOMESH_AGENT_TLS_CERT", value_name = "FILE", requires_all = ["tls_key", "tls_ca"], conflicts_with = "insecure")]
    pub tls_cert: Option<PathBuf>,

    /// File with the certificate's key, PEM
    #[arg(long, env = "KUBOMESH_AGENT_TLS_KEY", value_name = "FILE", requires_all = ["tls_cert", "tls_ca"])]
    pub tls_key: Option<PathBuf>,

    /// File with the CA that signs the controller's certificate, PEM
    #[arg(long, env = "KUBOMESH_AGENT_TLS_CA", value_name = "FILE", requires_all = ["tls_cert", "tls_key"])]
    pub tls_ca: Option<PathBuf>,

    /// Serve without TLS: whoever reaches the port commands this Kubo's swarm
    #[arg(long, env = "KUBOMESH_AGENT_INSECURE")]
    pub insecure: bool,

    /// UID of this pod, by the downward API (metadata.uid): what the controller knows the pod by
    #[arg(long, env = "POD_UID", value_name = "UID", default_value = "", value_parser = uid, hide_default_value = true)]
    pub pod_uid: String,

    /// Namespace of this pod; said in the log beside the name that the certificate must have
    #[arg(
        long,
        env = "POD_NAMESPACE",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub namespace: String,

    /// What is logged: error, warn, info, debug, trace, or a filter such as kubomesh=debug
    #[arg(long, env = "KUBOMESH_LOG_LEVEL", value_name = "FILTER", value_parser = log_filter, default_value = kubomesh_telemetry::DEFAULT_LOG_FILTER)]
    pub log_level: String,

    /// How it is logged: auto is text on a terminal and JSON otherwise
    #[arg(long, env = "KUBOMESH_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,

    /// How often the controller is told that nothing has changed
    #[arg(long, env = "KUBOMESH_AGENT_HEARTBEAT", value_name = "DURATION", default_value_t = SpanText(Waits::HEARTBEAT))]
    pub heartbeat: SpanText,

    /// How often the controller is asked on a quiet channel whether it is there
    #[arg(long, env = "KUBOMESH_AGENT_KEEP_ALIVE", value_name = "DURATION", default_value_t = SpanText(KeepAlive::EVERY))]
    pub keep_alive: SpanText,

    /// How long its answer may take before the channel counts as lost
    #[arg(long, env = "KUBOMESH_AGENT_KEEP_ALIVE_TIMEOUT", value_name = "DURATION", default_value_t = SpanText(KeepAlive::WITHIN))]
    pub keep_alive_timeout: SpanText,

    /// After the first SIGTERM or SIGINT, time to stop; calls in flight have half of it
    #[arg(long, env = "KUBOMESH_STOP_TIMEOUT", value_name = "DURATION", default_value_t = SpanText(kubomesh_process::DEFAULT_DRAIN))]
    pub stop_timeout: SpanText,

    /// Print the metrics as a page, for `cargo xtask gen`
    #[arg(long, hide = true, exclusive = true)]
    #[serde(skip)]
    pub metrics_page: bool,

    /// The API version to tell, for tests of other versions than this build's
    #[arg(long, hide = true, default_value_t = API_VERSION)]
    pub api_version: i64,

    /// The oldest API version to tell
    #[arg(long, hide = true, default_value_t = API_MIN_VERSION)]
    pub api_min_version: i64,
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

// === impl Args ===

impl Args {
    /// Reads the command line; whatever is wrong with it is said, and the process ends with 2.
    #[must_use]
    pub fn read() -> Self {
        let args = Self::parse();
        if let Err(why) = args.check() {
            Self::command()
                .error(ErrorKind::ValueValidation, why)
                .exit();
        }
        args
    }

    /// What no flag can say alone.
    ///
    /// # Errors
    /// When neither TLS nor its absence is asked for.
    pub fn check(&self) -> Result<(), String> {
        if self.tls_cert.is_none() && !self.insecure && !self.metrics_page {
            return Err(
                "without --tls-cert, --tls-key and --tls-ca anybody could command this Kubo's swarm: give \
                 all three, or --insecure if that is what you want"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The TLS files, when TLS is asked for.
    #[must_use]
    pub fn files(&self) -> Option<Files> {
        Some(Files {
            certificate: self.tls_cert.clone()?,
            key: self.tls_key.clone()?,
            ca: self.tls_ca.clone()?,
        })
    }

    /// How long others are waited for.
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits {
            keep_alive: KeepAlive {
                every: self.keep_alive.0,
                within: self.keep_alive_timeout.0,
            },
            heartbeat: self.heartbeat.0,
            drain: self.stop_timeout.0 / 2,
        }
    }

    /// The API versions to tell.
    #[must_use]
    pub const fn versions(&self) -> ApiVersions {
        ApiVersions {
            current: self.api_version,
            min: self.api_min_version,
        }
    }
}

impl From<LogFormat> for kubomesh_telemetry::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Auto => Self::Auto,
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

/// An address to listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write it as IP:PORT, such as 0.0.0.0:8501, 127.0.0.1:8501 or [::]:8501".to_owned()
    })
}

/// Kubo's RPC beside the agent.
fn kubo(text: &str) -> Result<Endpoint, String> {
    let endpoint: Endpoint = text.parse().map_err(|error| format!("{error}"))?;
    let loopback = match endpoint.ip() {
        Some(ip) => ip.is_loopback(),
        None => &*endpoint.host == "localhost",
    };
    match (loopback, endpoint.scheme) {
        (true, Scheme::Http) => Ok(endpoint),
        (false, _) => Err(
            "the agent asks only the Kubo beside it: write a loopback address, such as \
             http://127.0.0.1:5001"
                .to_owned(),
        ),
        (true, Scheme::Https) => {
            Err("on loopback there is no TLS: write it with http://".to_owned())
        }
    }
}

/// A pod's UID.
fn uid(text: &str) -> Result<String, String> {
    if text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Ok(text.to_owned());
    }
    Err("write the pod's metadata.uid, as the downward API gives it".to_owned())
}

/// A text that is a log filter.
fn log_filter(text: &str) -> Result<String, kubomesh_telemetry::LogError> {
    kubomesh_telemetry::check_log_filter(text)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
