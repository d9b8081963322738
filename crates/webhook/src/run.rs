//! What is started, in which order, and how it ends.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use kubomesh_process::{Clock, Process, Readiness, Tasks};
use kubomesh_server::{Face, FaceLimits, PublicState, public};
use kubomesh_telemetry::{BUILD, Catalog, init_logging};

use crate::admission::{self, Admission};
use crate::args::{Args, TlsArgs};
use crate::certificate::{self, Intake};
use crate::cluster::{Cluster, Events};
use crate::metrics::WebhookMetrics;
use crate::self_signed;

/// Runs until it is asked to stop.
///
/// # Errors
/// When it could not run: a sentence that names the flag or what is missing.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.metrics_page {
        return print_metrics();
    }
    let log_level = init_logging(args.log_format.into(), &args.log_level)?;
    let ended = kubomesh_process::block_on(run_async(args))?;
    drop(log_level);
    ended
}

fn print_metrics() -> anyhow::Result<ExitCode> {
    let catalog = Catalog::new()?;
    WebhookMetrics::register(&catalog)?;
    let page = catalog.page();
    let written = std::io::stdout().lock().write_all(page.as_bytes());
    written.context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

async fn run_async(args: Args) -> anyhow::Result<ExitCode> {
    let config = serde_json::to_value(&args).context("the configuration")?;
    tracing::info!(build = %BUILD, %config, "starting");
    let process = Process::new(args.stop_timeout.0)?;
    let (work, services) = (process.work(), process.services());
    let catalog = Catalog::new()?;
    let metrics = WebhookMetrics::register(&catalog)?;
    let clock = Clock::start();
    let readiness = Readiness::until(work.stop());
    let intake = Intake::new(&readiness, clock, metrics.clone());
    let tls = certificate::server_config(&intake.served())?;
    let client = client().await?;

    let health = Face::bind(
        "--health-listen",
        args.health_listen,
        public::router(PublicState {
            readiness: readiness.clone(),
            catalog,
        }),
    )
    .await?;
    let (events, writing) = Events::new(client.clone(), args.tls.identity.clone(), metrics.clone());
    let (cluster, watching) = Cluster::new(client.clone(), &readiness);
    let router = admission::router(Admission::new(
        cluster,
        events,
        args.agent_image.clone(),
        metrics.clone(),
    ));
    let face = Face::bind("--listen", args.listen, router)
        .await?
        .with_limits(limits())
        .with_tls(tls);
    tracing::info!(webhook = %face.address(), health = %health.address(), "serving");
    services.spawn("probes and metrics", health.serve(services.stop()));
    services.spawn("webhook", face.serve(services.stop()));
    services.spawn("events", until(services.stop(), writing));
    services.spawn("meshes", until(services.stop(), watching));
    certificates(args.tls, intake, client, clock, (&work, &services))?;

    let ending = process.run(std::future::pending()).await;
    tracing::info!("{ending}");
    Ok(ExitCode::from(&ending))
}

/// Connections of an API server live long and are used again; what cuts one off in the middle of a
/// request is an admission that failed.
fn limits() -> FaceLimits {
    FaceLimits {
        connections: admission::MOST_CONNECTIONS,
        headers: admission::IDLE,
        lifetime: admission::LIFETIME,
    }
}

/// Starts what finds the certificate.
fn certificates(
    args: TlsArgs,
    intake: Intake,
    client: kube::Client,
    clock: Clock,
    (work, services): (&Tasks, &Tasks),
) -> anyhow::Result<()> {
    if !args.self_signed {
        let (cert, key) = (args.tls_cert_file, args.tls_key_file);
        let interval = args.reload_interval.0;
        let following = certificate::follow(intake, cert, key, interval, services.stop());
        services.spawn("certificate", following);
        return Ok(());
    }
    self_signed::start(&args, intake, client, clock, (work, services))
}

async fn client() -> anyhow::Result<kube::Client> {
    let config = kube::Config::infer()
        .await
        .context("no Kubernetes configuration: run in a pod, or set KUBECONFIG")?;
    kube::Client::try_from(config).context("the Kubernetes configuration")
}

/// Runs work until the stop, whichever ends first.
async fn until(stop: kubomesh_process::CancellationToken, work: impl Future<Output = ()>) {
    stop.run_until_cancelled(work).await;
}
