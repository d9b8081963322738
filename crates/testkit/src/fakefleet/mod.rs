//! The binary `fakefleet`: a fleet of fakes in one process, with a members file for the controller
//! and a control API for whoever shakes the fleet.
//!
//! It prints one JSON line when all nodes are served, and ends when its standard input ends or on
//! SIGTERM or SIGINT, so that it never outlives the process that started it.

mod args;
mod control;
mod members;
mod nodes;
mod status;

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

pub use args::Args;
use nodes::Nodes;

/// What is printed once all nodes are served.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    nodes: usize,
    control: String,
    members: Option<String>,
}

/// Serves the fleet until it is asked to end.
///
/// # Errors
/// When an address cannot be bound or the members file cannot be written.
pub fn run(args: Args) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.max(1))
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.control)
        .await
        .with_context(|| format!("--control {} cannot be bound", args.control))?;
    let control = listener.local_addr().context("the control API's address")?;
    let attended = !args.detached;
    let nodes = Arc::new(Nodes::launch(args).await?);
    let ready = Ready {
        ready: true,
        nodes: nodes.len(),
        control: format!("http://{control}"),
        members: nodes.members_file().map(|path| path.display().to_string()),
    };
    let tasks = nodes.fleet().shared();
    tasks.tasks.spawn(control::accept(
        listener,
        Arc::clone(&nodes),
        tasks.ended.clone(),
    ));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&ready)?).context("standard output")?;
    out.flush().context("standard output")?;
    drop(out);
    asked_to_end(attended).await?;
    nodes.fleet().clone().end().await;
    Ok(())
}

async fn asked_to_end(attended: bool) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let (gone, parent_gone) = oneshot::channel();
    if attended {
        // A thread of its own: a read of standard input cannot be cancelled, and the runtime would
        // wait for it at the end.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _ = gone.send(());
        });
    } else {
        std::mem::forget(gone);
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = parent_gone => {}
    }
    Ok(())
}

/// A node needs a descriptor for its listener and one per connection. If the limit cannot be raised
/// the fleet is as large as it allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
}
