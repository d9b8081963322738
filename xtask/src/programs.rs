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

/// The admission webhook.
pub(crate) const WEBHOOK: Program = ("kubomesh-webhook", "kubomesh-webhook");

/// The agent beside a Kubo.
pub(crate) const AGENT: Program = ("kubomesh-agent", "kubomesh-agent");

/// The fakes, as a program.
pub(crate) const FAKEFLEET: Program = ("kubomesh-testkit", "fakefleet");

/// How long, and from which seed.
#[derive(Debug, Default, Args)]
pub(crate) struct Sim {
    /// Only the story of this seed; without it those of fixed seeds, then of fresh ones
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// With --seed: cut its story after so many events, which changes nothing if it has no more.
    /// Without: begin no story after so many, and play each that began to its end
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Switch a rule off: a violation is to be found
    #[arg(long, value_name = "RULE")]
    disable: Option<String>,
    /// Print the rules that can be switched off
    #[arg(long)]
    list_rules: bool,
    /// Switch each rule off in turn: fails unless each is found out
    #[arg(long)]
    prove: bool,
    /// Print what the controllers did in the story that broke something
    #[arg(long)]
    tell: bool,
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
    project.build(&[SIM])?;
    let mut command = Command::new(project.built(Profile::Dev, SIM.1));
    command.current_dir(project.root());
    for (flag, value) in [("--seed", arguments.seed), ("--events", arguments.events)] {
        if let Some(value) = value {
            command.args([flag, &value.to_string()]);
        }
    }
    if let Some(rule) = &arguments.disable {
        command.args(["--disable", rule]);
    }
    let switches = [
        (arguments.list_rules, "--list-rules"),
        (arguments.prove, "--prove"),
        (arguments.tell, "--tell"),
    ];
    command.args(
        switches
            .into_iter()
            .filter_map(|(on, flag)| on.then_some(flag)),
    );
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
