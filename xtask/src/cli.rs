//! The command line.

use std::process::ExitCode;

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};

use crate::project::Project;
use crate::{ci, demo, e2e, generate, programs, test, tidy};

/// Runs things in this repository. Each command may be run from any folder of it.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job on this machine: nodes, the controller, and links that come and stay
    ///
    /// No Kubernetes and no root. With --once the last line is
    /// `converged peers=12 links=66/66 seconds=1.9`, with --strokes 3
    /// `converged peers=12 links=66/66 strokes=3 seconds=7.4`, and the exit code 0; else it stays until
    /// Ctrl-C. Exit code 1 when links are not there, or not there again, within --deadline.
    Demo(demo::Demo),
    /// Run every test and say how many passed, failed and were skipped
    ///
    /// The last line is `N passed, N failed, N skipped`. Exit code 1 on any failure.
    Test(test::Test),
    /// Run the lab's scenarios: the product's processes, a real API server, real libp2p nodes
    ///
    /// The first run builds the API server and its store from their Go modules, once, in about
    /// five minutes. Exit code 1 when a scenario fails, 2 for a name that is none.
    E2e(e2e::E2e),
    /// Drive the model of many nodes with the real planner, through churn, partitions and crashes
    ///
    /// Exit code 1 when a rule is broken, with the seed and the shortest story that breaks it.
    Sim(programs::Sim),
    /// Measure, in the release profile: a table, then a line `name ratio× target ok|short` each
    Bench(programs::Bench),
    /// Write the generated files: CRDs, docs/metrics.md, docs/cli.md, docs/rbac.md
    Gen {
        /// Write nothing; fail with the name of each file that is not up to date
        #[arg(long)]
        check: bool,
    },
    /// Hold the house rules: layers, sizes, headers, lints, names, verbs, metrics, words
    ///
    /// Prints `file:line: what; remedy` for each finding. Exit code 1 if there is one.
    Tidy,
    /// What CI runs: fmt, clippy, tidy, gen --check, test
    Ci {
        /// Build as on a fresh machine: no incremental compilation
        #[arg(long, env = "CI", value_parser = FalseyValueParser::new())]
        ci: bool,
    },
}

/// Parses the command line, runs the command and prints what went wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(&cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &Command) -> Result<ExitCode> {
    let project = Project::here()?;
    match command {
        Command::Demo(arguments) => demo::command(&project, arguments),
        Command::Test(arguments) => test::command(&project, arguments),
        Command::E2e(arguments) => e2e::command(&project, arguments),
        Command::Sim(arguments) => programs::sim(&project, arguments),
        Command::Bench(arguments) => programs::bench(&project, arguments),
        Command::Gen { check } => generate::command(&project, *check),
        Command::Tidy => tidy::command(&project),
        Command::Ci { ci: true } => ci::command(&project.without_incremental()),
        Command::Ci { ci: false } => ci::command(&project),
    }
}

#[cfg(test)]
mod tests;
