//! The simulation: many events without a violation, and each of its rules found out when it is off.

use std::process::Command;

use anyhow::Result;

use super::Counts;
use crate::programs::SIM;
use crate::project::{Profile, Project};
use crate::run;

/// Events that are played at least: half from fixed seeds, half from fresh ones.
const EVENTS: &str = "100000";

/// Whether there is one.
pub(super) fn is_there(project: &Project) -> bool {
    project.has_bin(SIM)
}

/// Stories are tests: each that was played counts, and so does each rule that was switched off.
pub(super) fn run(project: &Project) -> Result<Counts> {
    project.build(&[SIM])?;
    let mut counts = Counts::default();
    for arguments in [&["--events", EVENTS][..], &["--prove"]] {
        let mut command = Command::new(project.built(Profile::Dev, SIM.1));
        command.current_dir(project.root()).args(arguments);
        let mut last = String::new();
        let status = run::run_lines(&mut command, |line| {
            println!("{line}");
            line.clone_into(&mut last);
        })?;
        // A program that failed and counts no failure failed before its last line.
        counts += match parse_result(&last) {
            Some(result) if status.success() || result.failed > 0 => result,
            _ => Counts {
                failed: 1,
                ..Counts::default()
            },
        };
    }
    Ok(counts)
}

/// The counts of a last line: `sim stories=520 events=100113 violations=0 seconds=…`, of which a
/// story breaks at most one, or `proof rules=29 found=29 …`.
pub(super) fn parse_result(line: &str) -> Option<Counts> {
    let number = |name: &str| -> Option<u64> {
        let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
        fields.find(|(key, _)| *key == name)?.1.parse().ok()
    };
    let (all, failed) = match line.split(' ').next()? {
        "sim" => (number("stories")?, number("violations")?),
        "proof" => {
            let rules = number("rules")?;
            (rules, rules.checked_sub(number("found")?)?)
        }
        _ => return None,
    };
    Some(Counts {
        passed: all.checked_sub(failed)?,
        failed,
        skipped: 0,
    })
}
