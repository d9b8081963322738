//! `cargo xtask ci`: what CI runs, and what a developer runs before a push.

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;

use crate::project::Project;
use crate::table::Table;
use crate::test::{Counts, Test};
use crate::{generate, goparts, run, test, tidy};

/// Runs every stage, so that one run shows all that is wrong, and prints how long each took.
///
/// # Errors
/// When a stage cannot be started. A stage that finds something is exit code 1.
pub(crate) fn command(project: &Project) -> Result<ExitCode> {
    let mut stages = Stages {
        table: Table::new(["stage", "result", "seconds"]),
        failed: false,
    };
    // Go compiles in what cargo leaves of the cores, the ends of its builds above all.
    goparts::ahead(project.root());
    stages.stage("fmt", || {
        let rust = run::run(&mut project.cargo(&["fmt", "--all", "--check"]))?.success();
        Ok(rust & gofmt(project)?)
    })?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    stages.cargo(project, "clippy", &clippy)?;
    stages.stage("tidy", || tidy::holds(project))?;
    stages.stage("gen --check", || generate::up_to_date(project))?;
    let mut counts = Counts::default();
    stages.stage("test", || {
        counts = test::all(project, &Test::default());
        Ok(counts.failed == 0)
    })?;
    println!();
    stages.table.print();
    println!("{counts}");
    Ok(if stages.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Whether Go's sources are as gofmt prints them. Without Go nobody here has changed them.
fn gofmt(project: &Project) -> Result<bool> {
    if !run::is_there("go", "version") {
        return Ok(true);
    }
    let mut command = Command::new("gofmt");
    command.current_dir(project.root()).args(["-l", "tests"]);
    let mut same = true;
    let status = run::run_lines(&mut command, |path| {
        println!("{path}: is not as gofmt prints it; run `gofmt -w {path}`");
        same = false;
    })?;
    Ok(same && status.success())
}

/// What the stages came to so far.
#[derive(Debug)]
struct Stages {
    table: Table,
    failed: bool,
}

impl Stages {
    fn cargo(&mut self, project: &Project, name: &str, arguments: &[&str]) -> Result<()> {
        self.stage(name, || {
            Ok(run::run(&mut project.cargo(arguments))?.success())
        })
    }

    fn stage(&mut self, name: &str, work: impl FnOnce() -> Result<bool>) -> Result<()> {
        println!("\n=== {name}");
        let start = Instant::now();
        let fine = work()?;
        let seconds = start.elapsed().as_secs_f64();
        let result = if fine { "ok" } else { "failed" };
        println!("=== {name}: {result}, {seconds:.1} s");
        self.table
            .row([name.to_owned(), result.to_owned(), format!("{seconds:.1}")]);
        self.failed |= !fine;
        Ok(())
    }
}
