//! Where the members, the records and the permission to write come from: Kubernetes or files.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use kubomesh_core::{Credentials, Fence, Open};
use kubomesh_discovery::{Fleet, Settings, kubernetes, members_file};
use kubomesh_lease::{Candidate, LeaseConfig};
use kubomesh_process::{CancellationToken, Clock, Tasks};
use kubomesh_reporter::{Cluster, Records};
use tokio::sync::watch;

use crate::args::{LeaseArgs, RunArgs};
use crate::metrics::Metrics;

/// What the loops run on.
pub(super) struct Sources {
    pub(super) fleet: watch::Receiver<Arc<Fleet>>,
    pub(super) records: Records,
    pub(super) credentials: Arc<dyn Credentials>,
    pub(super) fence: Arc<dyn Fence>,
    /// Rung when the fence may have opened or closed.
    pub(super) fence_moved: watch::Receiver<()>,
    /// Where statuses and events go; `None` for files.
    pub(super) cluster: Option<Cluster>,
}

impl Sources {
    pub(super) async fn start(
        args: &RunArgs,
        work: &Tasks,
        services: &Tasks,
        clock: Clock,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let settings = Settings {
            timings: args.timing.discovery(),
            clock,
            metrics: metrics.discovery.clone(),
        };
        match (&args.source.members, &args.source.state_dir) {
            (Some(members), Some(state)) => {
                let sources = Self::files(members, state, settings, work).await?;
                // The state directory's lock is the lease, and it is held.
                metrics.lease.holder.set_bool(true);
                Ok(sources)
            }
            _ => Self::cluster(args, settings, work, services, metrics).await,
        }
    }

    async fn files(
        members: &Path,
        state: &Path,
        settings: Settings,
        work: &Tasks,
    ) -> anyhow::Result<Self> {
        let (records, watching) = Records::directory(state).await?;
        work.spawn("state directory", until(work.stop(), watching));
        let (fleet, credentials, reading) = members_file(members, settings).await?;
        work.spawn("members file", until(work.stop(), reading));
        // Nobody takes the directory's lock away; the bell is never rung.
        let (bell, fence_moved) = watch::channel(());
        work.spawn("lease of the state directory", hold(work.stop(), bell));
        Ok(Self {
            fleet,
            records,
            credentials: Arc::new(credentials),
            fence: Arc::new(Open),
            fence_moved,
            cluster: None,
        })
    }

    async fn cluster(
        args: &RunArgs,
        settings: Settings,
        work: &Tasks,
        services: &Tasks,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let clock = settings.clock;
        let config = kube::Config::infer().await.context(
            "no Kubernetes configuration: run in a pod, set KUBECONFIG, or use --members FILE",
        )?;
        let client = kube::Client::try_from(config).context("the Kubernetes configuration")?;
        let candidate = Candidate::new(
            client.clone(),
            lease_config(&args.lease)?,
            clock,
            metrics.lease.clone(),
        );
        // What has begun when the stop is asked for goes to its end under the lease. That nothing
        // begins any more is for the loops to see to.
        let fence = Arc::new(candidate.fence(CancellationToken::new()));
        let fence_moved = bell_of(candidate.state(), work);
        services.spawn("lease", candidate.run(services.stop()));
        let (found, watching) = kubernetes(client.clone(), settings);
        work.spawn(
            "discovery",
            until(work.stop(), async { report(watching.await) }),
        );
        let cluster = Cluster {
            client: client.clone(),
            meshes: found.statuses,
            peers: found.records.clone(),
            fence: Arc::clone(&fence) as Arc<dyn Fence>,
            instance: args.lease.identity.clone(),
            timings: args.timing.statuses(),
        };
        let (records, joining) = Records::kubernetes(client, found.records);
        work.spawn("records", until(work.stop(), joining));
        let credentials = Arc::new(found.credentials);
        Ok(Self {
            fleet: found.fleet,
            records,
            credentials,
            fence,
            fence_moved,
            cluster: Some(cluster),
        })
    }
}

fn lease_config(args: &LeaseArgs) -> anyhow::Result<LeaseConfig> {
    Ok(LeaseConfig {
        namespace: args.lease_namespace.clone(),
        name: args.lease_name.clone(),
        identity: args.identity.clone(),
        timing: args.timing()?,
    })
}

/// Rings whenever the lease was taken or lost.
fn bell_of(
    mut state: watch::Receiver<kubomesh_lease::LeaseState>,
    work: &Tasks,
) -> watch::Receiver<()> {
    let (bell, rung) = watch::channel(());
    let ringing = async move {
        let mut holder = false;
        while state.changed().await.is_ok() {
            let now = state.borrow_and_update().holder;
            if now != holder {
                holder = now;
                let _ = bell.send(());
            }
        }
    };
    work.spawn("lease bell", until(work.stop(), ringing));
    rung
}

/// Runs work until the stop, whichever ends first.
pub(super) async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// Keeps a value until the stop.
async fn hold<T>(stop: CancellationToken, value: T) {
    stop.cancelled().await;
    drop(value);
}

fn report(ended: Result<(), impl std::fmt::Display>) {
    if let Err(error) = ended {
        tracing::error!("{error}");
    }
}
