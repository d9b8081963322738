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
    demos(project, &[])
}

/// On fakes, as without Go.
pub(super) fn on_fakes(project: &Project) -> Result<Counts> {
    demos(project, &["--fakes"])
}

/// Twelve nodes once, and again with one trouble of each kind: two tests.
fn demos(project: &Project, more: &[&str]) -> Result<Counts> {
    let mut counts = Counts::default();
    for (arguments, whole) in [
        (&["--once"][..], whole_once as fn(&[String]) -> bool),
        (&["--strokes", "3"], whole_after_trouble),
    ] {
        let passed = demo(project, &[arguments, more].concat(), whole)?;
        counts += Counts {
            passed: u64::from(passed),
            failed: u64::from(!passed),
            skipped: 0,
        };
    }
    Ok(counts)
}

/// Whether it ends well and its lines are what they should be.
fn demo(project: &Project, arguments: &[&str], whole: fn(&[String]) -> bool) -> Result<bool> {
    let program = std::env::current_exe().context("this program's own path")?;
    let mut command = Command::new(program);
    command
        .current_dir(project.root())
        .args(["demo", "--peers", "12"])
        .args(arguments);
    let mut lines = Vec::new();
    let status = run::run_lines(&mut command, |line| {
        println!("{line}");
        lines.push(line.to_owned());
    })?;
    Ok(status.success() && whole(&lines))
}

/// The last line says that every link is there.
fn whole_once(lines: &[String]) -> bool {
    let last = lines.last().map_or("", String::as_str);
    last.starts_with("converged peers=12 links=66/66 seconds=")
}

/// The last line says so after three troubles, and they were one of each kind.
fn whole_after_trouble(lines: &[String]) -> bool {
    let last = lines.last().map_or("", String::as_str);
    let ending = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
    let naming = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    last.starts_with("converged peers=12 links=66/66 strokes=3 seconds=")
        && [
            ending(" was killed"),
            ending(" was killed and runs again"),
            naming(" moved to "),
            naming(" healed in "),
        ] == [1, 1, 1, 3]
}

#[cfg(test)]
mod tests;
