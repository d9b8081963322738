//! `cargo test --workspace`, counted from what it prints.

use anyhow::Result;

use super::Counts;
use crate::project::Project;
use crate::run;

/// Unit, property, recording, contract and documentation tests.
pub(super) fn run(project: &Project) -> Result<Counts> {
    let mut command = project.cargo(&["test", "--workspace", "--no-fail-fast"]);
    let mut counts = Counts::default();
    let status = run::run_lines(&mut command, |line| {
        if let Some(result) = parse_result(line) {
            counts += result;
        }
        if !is_noise(line) {
            println!("{line}");
        }
    })?;
    // A test program that was killed, or did not build, prints no result.
    if !status.success() && counts.failed == 0 {
        println!(
            "cargo test ended with {status} and no test failed: something did not build or was killed"
        );
        counts.failed = 1;
    }
    Ok(counts)
}

/// Reads `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
pub(super) fn parse_result(line: &str) -> Option<Counts> {
    let (_, figures) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for figure in figures.split("; ") {
        let Some((number, what)) = figure.split_once(' ') else {
            continue;
        };
        let number = number.parse();
        match what {
            "passed" => counts.passed = number.ok()?,
            "failed" => counts.failed = number.ok()?,
            "ignored" => counts.skipped = number.ok()?,
            _ => {}
        }
    }
    Some(counts)
}

/// Lines that say only that all is well.
pub(super) fn is_noise(line: &str) -> bool {
    let one_passed = line.starts_with("test ")
        && (line.ends_with(" ... ok") || line.ends_with(" - should panic ... ok"));
    let none = line.starts_with("test result: ok. 0 passed; 0 failed; 0 ignored;");
    one_passed || none || line.is_empty() || line.starts_with("running ")
}
