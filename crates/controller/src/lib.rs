//! The composition root of the binary `kubomesh`: flags, wiring, the tick, and `kubomesh gen`.
//!
//! | look for | in |
//! |---|---|
//! | a flag | `args` |
//! | the order of the loop | `mesh_loop` |
//! | what a pass remembers | `state` |
//! | which loops there are | `supervisor` |
//! | what is started, and how it ends | `run` |

pub mod args;
mod foreign;
mod gen_files;
mod ledger;
mod leftovers;
mod mesh_loop;
mod metrics;
mod missing;
mod news;
mod ready;
mod run;
mod snapshots;
mod state;
mod supervisor;
mod withheld;

use std::io::Write as _;
use std::process::ExitCode;

use crate::args::{Cli, Command};

/// Version of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The binary: reads the flags, does what they say. Exit codes: 0 asked to stop or done, 1 could not
/// run, 2 bad usage.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::read();
    let done = match cli.command {
        Command::Run(args) => run::run(*args),
        Command::Gen { what } => print(what),
    };
    done.unwrap_or_else(|error| {
        say(&kubomesh_process::with_causes(error.as_ref()));
        ExitCode::FAILURE
    })
}

/// Why it could not run: a line of the log like any other where errors are logged, else plain text.
fn say(why: &str) {
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("{why}");
    } else {
        let _ = writeln!(std::io::stderr(), "kubomesh: {why}");
    }
}

fn print(what: args::Generated) -> anyhow::Result<ExitCode> {
    let text = gen_files::generate(what)?;
    match std::io::stdout().write_all(text.as_bytes()) {
        // `kubomesh gen cli | head` is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
