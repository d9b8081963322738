//! The demo, as a user runs it.

use std::process::Command;

use anyhow::{Context, Result};

use super::Counts;
use crate::generate::CONTROLLER;
use crate::project::Project;
use crate::run;

/// Whether there is a controller to show.
pub(super) fn is_there(project: &Project) -> bool {
    project.has_bin(CONTROLLER)
}

/// On real nodes.
pub(super) fn on_nodes(project: &Project) -> Result<Counts> {
    demo(project, &[])
}

/// On fakes, as without Go.
pub(super) fn on_fakes(project: &Project) -> Result<Counts> {
    demo(project, &["--fakes"])
}

/// Twelve nodes once: one test. It passes if the last line says that every link is there.
fn demo(project: &Project, more: &[&str]) -> Result<Counts> {
    let program = std::env::current_exe().context("this program's own path")?;
    let mut command = Command::new(program);
    command
        .current_dir(project.root())
        .args(["demo", "--peers", "12", "--once"])
        .args(more);
    let mut last = String::new();
    let status = run::run_lines(&mut command, |line| {
        println!("{line}");
        line.clone_into(&mut last);
    })?;
    let passed = status.success() && last.starts_with("converged peers=12 links=66/66 seconds=");
    Ok(Counts {
        passed: u64::from(passed),
        failed: u64::from(!passed),
        skipped: 0,
    })
}
