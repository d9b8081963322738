//! `cargo xtask demo`: the main job on this machine. Nodes, the real controller, a members file; no
//! Kubernetes, no root.

mod block;
mod chaos;
mod controller;
mod convergence;
mod fakes;
mod fleet;
mod http;
mod pages;
mod screen;
mod stage;
mod stop;
mod swarmnodes;
mod view;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;

use self::chaos::{ONE_OF_EACH, Pace};
use self::stage::Stage;
use self::stop::Stop;
use crate::project::Project;

/// How large, how long and how rough.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(2..=500))]
    peers: u16,
    /// End with exit code 0 as soon as every link is there; with --chaos, after one trouble of each kind
    #[arg(long)]
    once: bool,
    /// Kill, restart and move nodes, again and again
    #[arg(long)]
    chaos: bool,
    /// As --chaos, faster, and end with exit code 0 when so many troubles have come and healed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    strokes: Option<u16>,
    /// Use fakes even where Go is there
    #[arg(long)]
    fakes: bool,
    /// Give up when links are not there, or not there again, after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    deadline: u64,
    /// No colours on a terminal
    #[arg(long, env = "NO_COLOR", value_parser = FalseyValueParser::new())]
    no_color: bool,
}

/// Runs the demo.
///
/// # Errors
/// When something does not start or the links do not come.
pub(crate) fn command(project: &Project, arguments: &Demo) -> Result<ExitCode> {
    let stop = Stop::listen()?;
    let mut stage = Stage::set(project, arguments)?;
    let result = stage.play(&stop);
    stage.end();
    match result? {
        Some(converged) => {
            println!("{converged}");
            Ok(ExitCode::SUCCESS)
        }
        // Ctrl-C is how a demo that stays is meant to end.
        None if !arguments.ends() => Ok(ExitCode::SUCCESS),
        None => Ok(ExitCode::from(stop::INTERRUPTED)),
    }
}

impl Demo {
    fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline)
    }

    /// Whether it ends by itself.
    fn ends(&self) -> bool {
        self.once || self.strokes.is_some()
    }

    /// Whether there is trouble.
    fn has_chaos(&self) -> bool {
        self.chaos || self.strokes.is_some()
    }

    /// How many troubles there are; `None`: no end of them, or none.
    fn strokes(&self) -> Option<usize> {
        let one_of_each = (self.once && self.chaos).then_some(ONE_OF_EACH);
        self.strokes.map(usize::from).or(one_of_each)
    }

    fn pace(&self) -> Pace {
        match self.strokes {
            Some(_) => Pace::BRISK,
            None => Pace::SHOWN,
        }
    }
}
