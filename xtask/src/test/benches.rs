//! The benches, with ten nodes and without targets: they run.

use anyhow::Result;

use super::Counts;
use crate::generate::CONTROLLER;
use crate::programs::{self, BENCH, FAKEFLEET};
use crate::project::{Profile, Project};

/// Whether there are any.
pub(super) fn is_there(project: &Project) -> bool {
    project.has_bin(BENCH)
}

/// Each of them once, in the dev profile.
pub(super) fn smoke(project: &Project) -> Result<Counts> {
    project.build(&[CONTROLLER, FAKEFLEET, BENCH])?;
    super::counted(programs::bench_command(project, Profile::Dev).arg("--smoke"))
}
