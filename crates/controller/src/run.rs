//! `kubomesh run`: what is started, in which order, and how it ends.
//!
//! Work (discovery, the loops, the reporter) ends first; services (the lease, the HTTP faces) outlive
//! it, so that the last calls still end under the lease. Only calls that change something are waited
//! for: what is being read at the stop serves nobody any more.

mod sources;

use std::process::ExitCode;

use anyhow::Context as _;
use kubomesh_agent_api::Channels;
use kubomesh_executor::Room;
use kubomesh_process::{Clock, Process, Readiness, Tasks};
use kubomesh_reporter::Reporter;
use kubomesh_server::{DebugState, Face, FaceLimits, PublicState};
use kubomesh_telemetry::{BUILD, Catalog, LogLevel, init_logging};

use crate::args::{LogFormat, RunArgs, ServeArgs};
use crate::metrics::Metrics;
use crate::news::news;
use crate::ready;
use crate::run::sources::{Sources, until};
use crate::snapshots::Snapshots;
use crate::supervisor::Supervisor;

/// Runs the controller until it is asked to stop.
///
/// # Errors
/// When it could not run: a sentence that names the flag or the object.
pub(crate) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let log_level = init_logging(args.serve.log_format.into(), &args.serve.log_level)?;
    kubomesh_process::block_on(run_async(args, log_level))?
}

async fn run_async(args: RunArgs, log_level: LogLevel) -> anyhow::Result<ExitCode> {
    let config = serde_json::to_value(&args).context("the configuration")?;
    tracing::info!(build = %BUILD, %config, "starting");
    let mut process = Process::new(args.serve.stop_timeout.0)?;
    let (work, services) = (process.work(), process.services());
    let catalog = Catalog::new()?;
    let metrics = Metrics::register(&catalog)?;
    let clock = Clock::start();
    let readiness = Readiness::until(work.stop());
    let snapshots = Snapshots::new(config);
    let first_look = readiness.block(ready::FIRST_LOOK);

    let public = PublicState {
        readiness: readiness.clone(),
        catalog: catalog.clone(),
    };
    let debug = DebugState {
        snapshots: snapshots.subscribe(),
        log_level,
    };
    serve(&args.serve, &services, public, debug).await?;
    let starting = Sources::start(&args, &work, &services, clock, &metrics);
    let Some(sources) = process.unless_stopped(starting).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let sources = sources?;
    let told = news(
        sources.fleet.clone(),
        snapshots.subscribe(),
        catalog.meshes(),
        &work,
    );
    let records = sources.records.counted(metrics.reporter.clone());
    let stored = records.watch();
    let reporter = Reporter::new(told, clock, metrics.reporter, sources.cluster);
    work.spawn("reporter", until(work.stop(), reporter.run()));
    let channels = Channels::default();
    metrics.executor.count_channels(&catalog, channels.clone());
    let supervisor = Supervisor {
        channels,
        versions: args.agents.versions(),
        fleet: sources.fleet.clone(),
        records,
        credentials: sources.credentials,
        fence: sources.fence,
        fence_moved: sources.fence_moved,
        clock,
        timings: args.timing.timings(),
        missing_hold: args.timing.discovery().doubt.restored_hold,
        executor_metrics: metrics.executor,
        room: Room::default(),
        metrics: metrics.mesh_loop,
        series: catalog.meshes(),
        snapshots,
        stop: work.stop(),
    };
    work.spawn("loops", supervisor.run());
    work.spawn(
        "readiness",
        ready::watch(sources.fleet, stored, readiness, first_look, work.stop()),
    );

    let ending = process.run(std::future::pending()).await;
    tracing::info!("{ending}");
    Ok(ExitCode::from(&ending))
}

/// Opens both faces; a port that is taken is an error before anything acts.
async fn serve(
    args: &ServeArgs,
    services: &Tasks,
    public: PublicState,
    debug: DebugState,
) -> anyhow::Result<()> {
    let router = kubomesh_server::public::router(public);
    let lifetime = args.connection_lifetime.0;
    let limits = FaceLimits {
        lifetime,
        ..FaceLimits::default()
    };
    let face = Face::bind("--listen", args.listen, router)
        .await?
        .with_limits(limits);
    let router = kubomesh_server::debug::router(debug);
    let debug_face = Face::bind("--debug-listen", args.debug_listen, router).await?;
    let debug_face = debug_face.with_limits(FaceLimits {
        lifetime,
        ..kubomesh_server::debug::limits()
    });
    tracing::info!(pages = %face.address(), debug = %debug_face.address(), "serving");
    services.spawn("probes and metrics", face.serve(services.stop()));
    services.spawn("debug", debug_face.serve(services.stop()));
    Ok(())
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
