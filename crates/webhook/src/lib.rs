//! The binary `kubomesh-webhook`: what the CRD's schema cannot say of a `SwarmMesh`, and what pods get
//! when they are created.
//!
//! | look for | in |
//! |---|---|
//! | a flag | `args` |
//! | what is started, and how it ends | `run` |
//! | routes, bounds and deadlines of a request | `admission` |
//! | why a mesh is refused or warned of | `mesh` |
//! | what a pod gets | `pod` |
//! | what is read from the API server | `cluster` |
//! | the certificate that is served, and its reload | `certificate` |
//! | certificates made by itself | `self_signed` |
//!
//! It never blocks anybody's workload: whatever goes wrong with a pod, the pod is admitted unchanged
//! and a warning says why. A mesh is refused only with a sentence that says what to do.

mod admission;
mod args;
mod certificate;
mod cluster;
mod mesh;
mod metrics;
mod pod;
mod run;
mod self_signed;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

/// Version of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The binary: reads the flags, does what they say. Exit codes: 0 asked to stop, 1 could not run, 2
/// bad usage.
#[must_use]
pub fn main() -> ExitCode {
    run::run(args::Args::parse()).unwrap_or_else(|error| {
        let why = kubomesh_process::with_causes(error.as_ref());
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!("{why}");
        } else {
            let _ = writeln!(std::io::stderr(), "kubomesh-webhook: {why}");
        }
        ExitCode::FAILURE
    })
}
