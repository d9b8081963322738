//! A certificate made and rotated by the webhook itself, for clusters without cert-manager.
//!
//! One replica, the holder of a lease, makes an authority and a certificate signed by it, and forgets
//! the authority's key at once: nothing else can ever be signed with it. Both are kept in one Secret,
//! from which every replica serves. A rotation makes a new authority:
//!
//! ```text
//! make the next ──▶ caBundle = present + next ──▶ let every API server hear of it ──▶ serve the next
//!                   former authorities stay in the bundle until their certificates have ended
//! ```
//!
//! So no report of the replicas is needed: whatever certificate one serves, its authority is in the
//! bundle as long as the certificate is good. Each step is found again from the Secret and the two
//! configurations, so that another replica goes on with it.

mod authority;
mod bundle;
mod keeper;
mod store;

use kubomesh_lease::{Candidate, LeaseConfig, LeaseMetrics, Timing};
use kubomesh_process::{CancellationToken, Clock, Tasks};
use kubomesh_telemetry::Catalog;

use crate::args::{NAME, TlsArgs};
use crate::certificate::Intake;
use keeper::Keeper;

/// Starts the lease and the keeping of the certificate.
///
/// # Errors
/// When the lease's times or metrics are wrong: a mistake in the program.
pub(crate) fn start(
    args: &TlsArgs,
    intake: Intake,
    client: kube::Client,
    clock: Clock,
    (work, services): (&Tasks, &Tasks),
) -> anyhow::Result<()> {
    let config = LeaseConfig {
        namespace: args.namespace.clone(),
        name: NAME.to_owned(),
        identity: args.identity.clone(),
        timing: Timing::default(),
    };
    // Shown nowhere: the alerts on the lease are about the controller's.
    let metrics = LeaseMetrics::register(&Catalog::new()?)?;
    let candidate = Candidate::new(client.clone(), config, clock, metrics);
    let fence = candidate.fence(CancellationToken::new());
    services.spawn("lease", candidate.run(services.stop()));
    let keeper = Keeper::new(args, client, clock, std::sync::Arc::new(fence));
    let interval = args.reload_interval.0;
    let stop = work.stop();
    work.spawn("certificate", async move {
        stop.run_until_cancelled(keeper.run(intake, interval)).await;
    });
    Ok(())
}

#[cfg(test)]
mod tests;
