//! Who of several replicas writes.

use clap::Args;
use kubomesh_lease::{Timing, TimingError};
use serde::Serialize;

use kubomesh_core::SpanText;

/// The lease. Not used with --members.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
#[command(next_help_heading = "Lease")]
pub struct LeaseArgs {
    /// Namespace of the Lease object
    #[arg(long, env = "KUBOMESH_LEASE_NAMESPACE", value_name = "NAME", value_parser = super::text::label, default_value = DEFAULT_LEASE_NAMESPACE)]
    pub lease_namespace: String,

    /// Name of the Lease object
    #[arg(long, env = "KUBOMESH_LEASE_NAME", value_name = "NAME", value_parser = super::text::subdomain, default_value = DEFAULT_LEASE_NAME)]
    pub lease_name: String,

    /// Name of this replica in the lease; the pod's name in Kubernetes
    #[arg(long, env = "KUBOMESH_IDENTITY", value_name = "NAME", value_parser = super::text::name, default_value = DEFAULT_IDENTITY)]
    pub identity: String,

    /// How long a holder that is not heard of keeps the lease
    #[arg(long, env = "KUBOMESH_LEASE_DURATION", value_name = "DURATION", default_value_t = SpanText(kubomesh_lease::DEFAULT_DURATION))]
    pub lease_duration: SpanText,

    /// How often the holder renews it
    #[arg(long, env = "KUBOMESH_LEASE_RENEW_INTERVAL", value_name = "DURATION", default_value_t = SpanText(kubomesh_lease::DEFAULT_RENEW_INTERVAL))]
    pub lease_renew_interval: SpanText,
}

/// Default of `--lease-namespace`.
pub(super) const DEFAULT_LEASE_NAMESPACE: &str = "kubomesh-system";

/// Default of `--lease-name`.
pub(super) const DEFAULT_LEASE_NAME: &str = "kubomesh";

/// Default of `--identity`.
pub(super) const DEFAULT_IDENTITY: &str = "kubomesh";

// === impl LeaseArgs ===

impl LeaseArgs {
    /// The checked times.
    ///
    /// # Errors
    /// When they make no lease; the sentence names the flag.
    pub fn timing(&self) -> Result<Timing, TimingError> {
        Timing::new(self.lease_duration.0, self.lease_renew_interval.0)
    }
}
