//! What is started, and how it ends.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use kubomesh_agent_api::agent_name;
use kubomesh_process::{Process, Readiness};
use kubomesh_server::{Face, PublicState};
use kubomesh_telemetry::{BUILD, Catalog, LogLevel, init_logging};

use crate::args::Args;
use crate::serve::{Agent, Security};

/// Runs the agent until it is asked to stop.
///
/// # Errors
/// When it could not run: a sentence that names the flag or the file.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.metrics_page {
        return print(&Catalog::new()?.page());
    }
    let log_level = init_logging(args.log_format.into(), &args.log_level)?;
    kubomesh_process::block_on(run_async(args, log_level))?
}

fn print(page: &str) -> anyhow::Result<ExitCode> {
    let written = std::io::stdout().lock().write_all(page.as_bytes());
    written.context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

async fn run_async(args: Args, _log_level: LogLevel) -> anyhow::Result<ExitCode> {
    let config = serde_json::to_value(&args).context("the configuration")?;
    tracing::info!(build = %BUILD, %config, "starting");
    let process = Process::new(args.stop_timeout.0)?;
    let (work, services) = (process.work(), process.services());
    let security = match args.files() {
        None => {
            tracing::warn!(
                "--insecure: whoever reaches {} commands this Kubo's swarm",
                args.listen
            );
            Security::Plaintext
        }
        Some(files) => {
            let (certificates, reload) = files.load().await.map_err(anyhow::Error::msg)?;
            let name = agent_name(&args.namespace);
            tracing::info!(%name, "serving with mutual TLS; the certificate must have this name");
            work.spawn("certificates", reload.run(work.stop()));
            Security::MutualTls(certificates)
        }
    };
    let readiness = Readiness::until(work.stop());
    let router = kubomesh_server::public::router(PublicState {
        readiness,
        catalog: Catalog::new()?,
    });
    let face = Face::bind("--health-listen", args.health_listen, router).await?;
    let listener = kubomesh_server::listen("--listen", args.listen)?;
    let grpc = listener.local_addr().context("the listener's address")?;
    tracing::info!(%grpc, health = %face.address(), kubo = %args.kubo, "serving");
    services.spawn("probes and metrics", face.serve(services.stop()));
    let agent = Agent {
        versions: args.versions(),
        waits: args.waits(),
        kubo: args.kubo,
        kubo_auth_file: args.kubo_auth_file,
        pod_uid: args.pod_uid,
        security,
    };
    let stop = work.stop();
    work.spawn("gRPC", agent.serve(listener, stop));
    let ending = process.run(std::future::pending()).await;
    tracing::info!("{ending}");
    Ok(ExitCode::from(&ending))
}
