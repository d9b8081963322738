//! Flags. Every one has an environment variable, a default that is a named constant, and its unit in
//! its name or help.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, ValueEnum};
use kubomesh_core::SpanText;
use serde::Serialize;

/// Default of `--listen`.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 9443);

/// Default of `--tls-cert-file`.
const DEFAULT_CERT: &str = "/etc/kubomesh-webhook/tls/tls.crt";

/// Default of `--tls-key-file`.
const DEFAULT_KEY: &str = "/etc/kubomesh-webhook/tls/tls.key";

/// Default of `--reload-interval`.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Default of `--agent-image`.
const DEFAULT_AGENT_IMAGE: &str = concat!("kubomesh-agent:", env!("CARGO_PKG_VERSION"));

/// Default of `--namespace`.
const DEFAULT_NAMESPACE: &str = "kubomesh-system";

/// Name of the Service, of the Lease and of both configurations.
pub(crate) const NAME: &str = "kubomesh-webhook";

/// Default of `--secret-name`.
const DEFAULT_SECRET: &str = "kubomesh-webhook-tls";

/// Default of `--certificate-lifetime`: as cert-manager's.
const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// Default of `--certificate-settle`: an API server hears of a changed configuration within a second,
/// unless its watch has to be begun anew.
const CERTIFICATE_SETTLE: Duration = Duration::from_secs(30);

/// Adds the storage network to pods at their creation, and says what the schema cannot say of a
/// SwarmMesh.
#[derive(Debug, Parser, Serialize)]
#[command(name = "kubomesh-webhook", version = crate::VERSION, max_term_width = 100)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Args {
    /// Address of the webhook itself, TLS; [::] is every address of both families
    #[arg(long, env = "KUBOMESH_LISTEN", value_name = "IP:PORT", default_value_t = DEFAULT_LISTEN)]
    pub(crate) listen: SocketAddr,

    /// Address of /livez, /readyz and /metrics
    #[arg(long, env = "KUBOMESH_HEALTH_LISTEN", value_name = "IP:PORT", default_value_t = kubomesh_server::public::DEFAULT_ADDRESS)]
    pub(crate) health_listen: SocketAddr,

    /// Image of the agent that is added to pods with the annotation kubomesh.dev/inject-agent
    #[arg(long, env = "KUBOMESH_AGENT_IMAGE", value_name = "IMAGE", default_value = DEFAULT_AGENT_IMAGE)]
    pub(crate) agent_image: String,

    /// What is logged: error, warn, info, debug, trace, or a filter such as kubomesh=debug,kube=warn
    #[arg(long, env = "KUBOMESH_LOG_LEVEL", value_name = "FILTER", value_parser = log_filter, default_value = kubomesh_telemetry::DEFAULT_LOG_FILTER)]
    pub(crate) log_level: String,

    /// How it is logged: auto is text on a terminal and JSON otherwise
    #[arg(long, env = "KUBOMESH_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub(crate) log_format: LogFormat,

    /// After the first SIGTERM or SIGINT, time for requests in flight to end
    #[arg(long, env = "KUBOMESH_STOP_TIMEOUT", value_name = "DURATION", default_value_t = SpanText(kubomesh_process::DEFAULT_DRAIN))]
    pub(crate) stop_timeout: SpanText,

    /// Print the metrics as a page, for `cargo xtask gen`
    #[arg(long, hide = true, exclusive = true)]
    #[serde(skip)]
    pub(crate) metrics_page: bool,

    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) tls: TlsArgs,
}

/// The certificate.
#[derive(Debug, Clone, ClapArgs, Serialize)]
#[serde(rename_all = "camelCase")]
#[command(next_help_heading = "Certificate")]
pub(crate) struct TlsArgs {
    /// File with the certificate chain, PEM; read again when it changes
    #[arg(long, env = "KUBOMESH_TLS_CERT_FILE", value_name = "FILE", default_value = DEFAULT_CERT)]
    pub(crate) tls_cert_file: PathBuf,

    /// File with the private key, PEM; read again when it changes
    #[arg(long, env = "KUBOMESH_TLS_KEY_FILE", value_name = "FILE", default_value = DEFAULT_KEY)]
    pub(crate) tls_key_file: PathBuf,

    /// How often the certificate is looked at
    #[arg(long, env = "KUBOMESH_RELOAD_INTERVAL", value_name = "DURATION", default_value_t = SpanText(RELOAD_INTERVAL))]
    pub(crate) reload_interval: SpanText,

    /// Make and rotate the certificate, instead of reading it from files
    #[arg(long, env = "KUBOMESH_SELF_SIGNED")]
    pub(crate) self_signed: bool,

    /// Namespace of this webhook, with --self-signed
    #[arg(long, env = "KUBOMESH_NAMESPACE", value_name = "NAME", default_value = DEFAULT_NAMESPACE)]
    pub(crate) namespace: String,

    /// Name of this replica in the lease and in events; the pod's name in Kubernetes
    #[arg(long, env = "KUBOMESH_IDENTITY", value_name = "NAME", default_value = NAME)]
    pub(crate) identity: String,

    /// Name of the Service that the API server calls, with --self-signed
    #[arg(long, env = "KUBOMESH_SERVICE_NAME", value_name = "NAME", default_value = NAME)]
    pub(crate) service_name: String,

    /// Further names and addresses that the certificate is for, with --self-signed
    #[arg(
        long,
        env = "KUBOMESH_CERTIFICATE_NAMES",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub(crate) certificate_names: Vec<String>,

    /// Name of the Secret that the certificate is kept in, with --self-signed
    #[arg(long, env = "KUBOMESH_SECRET_NAME", value_name = "NAME", default_value = DEFAULT_SECRET)]
    pub(crate) secret_name: String,

    /// Name of both webhook configurations whose caBundle is written, with --self-signed
    #[arg(long, env = "KUBOMESH_CONFIGURATION_NAME", value_name = "NAME", default_value = NAME)]
    pub(crate) configuration_name: String,

    /// How long a certificate is valid, with --self-signed; a third of it before its end it is replaced
    #[arg(long, env = "KUBOMESH_CERTIFICATE_LIFETIME", value_name = "DURATION", default_value_t = SpanText(CERTIFICATE_LIFETIME))]
    pub(crate) certificate_lifetime: SpanText,

    /// How long every API server has to hear of a new authority before its certificate is served, with --self-signed
    #[arg(long, env = "KUBOMESH_CERTIFICATE_SETTLE", value_name = "DURATION", default_value_t = SpanText(CERTIFICATE_SETTLE))]
    pub(crate) certificate_settle: SpanText,
}

/// How logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

fn log_filter(text: &str) -> Result<String, kubomesh_telemetry::LogError> {
    kubomesh_telemetry::check_log_filter(text)?;
    Ok(text.to_owned())
}

// === impl LogFormat ===

impl From<LogFormat> for kubomesh_telemetry::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Auto => Self::Auto,
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

#[cfg(test)]
mod tests;
