//! The binary `kubomesh-agent`: a sidecar beside a Kubo, so that Kubo's RPC can stay on 127.0.0.1.
//!
//! It is a narrowing, not a tunnel: it has the verbs that the product needs, and passes on nothing
//! else. Every call says for which peer it is meant, and goes on a loopback connection that has shown
//! this identity.
//!
//! | look for | in |
//! |---|---|
//! | a flag | `args` |
//! | what is started, and how it ends | `run` |
//! | certificates that change under way | `certificates` |
//! | which connection a call takes | `kubo` |
//! | a verb | `service` |
//! | who looks at Kubo once a second | `looker` |
//! | what a watcher is told | `watcher` |

pub mod args;
mod certificates;
mod incoming;
mod kubo;
mod looker;
mod run;
mod serve;
mod service;
mod watcher;

use std::io::Write as _;
use std::process::ExitCode;

use crate::args::Args;

pub use certificates::{Certificates, Files};
pub use serve::{Agent, Security, ServeError, Waits};

/// The binary: reads the flags and runs. Exit codes: 0 asked to stop, 1 could not run, 2 bad usage.
#[must_use]
pub fn main() -> ExitCode {
    run::run(Args::read()).unwrap_or_else(|error| {
        say(&kubomesh_process::with_causes(error.as_ref()));
        ExitCode::FAILURE
    })
}

/// Why it could not run: a line of the log like any other where errors are logged, else plain text.
fn say(why: &str) {
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("{why}");
    } else {
        let _ = writeln!(std::io::stderr(), "kubomesh-agent: {why}");
    }
}
