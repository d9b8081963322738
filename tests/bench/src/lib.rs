//! The benches: ratios of two things measured in the same run.
//!
//! Every figure that counts is a ratio: machines differ, and this one may be busy. The fakes, the
//! controller and what it is compared with are processes of their own; what the controller did is
//! read from the fakes, never from the controller. Pure functions are measured here.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its standard streams"
)]

mod agent;
mod args;
mod cpu;
mod desired;
mod figures;
mod heal;
mod mesh;
mod stage;
mod steady;
mod tell;
mod topology;
mod verdict;
mod wait;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use crate::args::{Args, Name};
use crate::stage::Stage;
use crate::verdict::Findings;

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    if let Some(nodes) = &args.bare_loop {
        steady::bare::serve(nodes)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(nodes) = &args.doors {
        agent::doors::serve(nodes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let stage = Stage::new(args)?;
    let mut all = Vec::new();
    for name in Name::ALL {
        if args.name.is_none_or(|only| only == name) {
            let findings = one(name, &stage, args)?;
            if !args.json {
                tell::table(&findings);
            }
            all.push(findings);
        }
    }
    if args.json {
        tell::json(&all)?;
    } else {
        tell::last_lines(&all, args.smoke);
    }
    let short = all.iter().flat_map(Findings::verdicts).any(|v| !v.is_met());
    Ok(match args.enforce && !args.smoke && short {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn one(name: Name, stage: &Stage, args: &Args) -> Result<Findings> {
    match name {
        Name::Mesh => mesh::run(stage, &mesh::Size::of(args)),
        Name::Heal => heal::run(stage, &heal::Size::of(args)),
        Name::Steady => steady::run(stage, &steady::Size::of(args)),
        Name::Agent => agent::run(stage, &agent::Size::of(args)),
        Name::Topology => Ok(topology::run(&topology::Size::of(args))),
    }
}
