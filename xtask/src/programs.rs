//! `cargo xtask sim` and `cargo xtask bench`: programs of the project, built as they need it.

use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};
use clap::Args;

use crate::generate::CONTROLLER;
use crate::project::{Profile, Program, Project};
use crate::run;

/// The simulation.
pub(crate) const SIM: Program = ("kubomesh-sim", "sim");

/// The benches.
pub(crate) const BENCH: Program = ("kubomesh-bench", "bench");

/// The fakes, as a program.
pub(crate) const FAKEFLEET: Program = ("kubomesh-testkit", "fakefleet");

/// How long, and from which seed.
#[derive(Debug, Default, Args)]
pub(crate) struct Sim {
    /// One story, from this seed; without it the fixed ones and a fresh one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many events
    #[arg(long, value_name = "N")]
    events: Option<u64>,
}

/// What to measure, and how to say it.
#[derive(Debug, Default, Args)]
pub(crate) struct Bench {
    /// One bench; without it all of them
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Exit with 1 when a target is missed
    #[arg(long)]
    enforce: bool,
}

/// Runs the simulation.
///
/// # Errors
/// When it does not build or start.
pub(crate) fn sim(project: &Project, arguments: &Sim) -> Result<ExitCode> {
    ensure!(
        project.has_bin(SIM),
        "{} has no program {} yet",
        SIM.0,
        SIM.1
    );
    project.build_as(Profile::Sim, &[SIM])?;
    let mut command = Command::new(project.built(Profile::Sim, SIM.1));
    command.current_dir(project.root());
    for (flag, value) in [("--seed", arguments.seed), ("--events", arguments.events)] {
        if let Some(value) = value {
            command.args([flag, &value.to_string()]);
        }
    }
    Ok(run::exit_code(run::run(&mut command)?))
}

/// Runs the benches.
///
/// # Errors
/// When something does not build or start.
pub(crate) fn bench(project: &Project, arguments: &Bench) -> Result<ExitCode> {
    ensure!(
        project.has_bin(BENCH),
        "{} has no program {} yet",
        BENCH.0,
        BENCH.1
    );
    project.build_as(Profile::Release, &[CONTROLLER, FAKEFLEET, BENCH])?;
    let Bench {
        name,
        json,
        enforce,
    } = arguments;
    let mut command = bench_command(project, Profile::Release);
    command.args(name);
    command.args(
        [(*json, "--json"), (*enforce, "--enforce")]
            .into_iter()
            .filter_map(|(on, flag)| on.then_some(flag)),
    );
    Ok(run::exit_code(run::run(&mut command)?))
}

/// The benches as a command, told where the other programs are.
pub(crate) fn bench_command(project: &Project, profile: Profile) -> Command {
    let mut command = Command::new(project.built(profile, BENCH.1));
    command.current_dir(project.root());
    command
        .arg("--kubomesh")
        .arg(project.built(profile, CONTROLLER.1));
    command
        .arg("--fakefleet")
        .arg(project.built(profile, FAKEFLEET.1));
    command
}
