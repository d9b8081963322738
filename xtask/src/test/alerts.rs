//! The alert rules, by promtool.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Counts;
use crate::goparts;
use crate::project::Project;
use crate::run;

/// Where rules and their tests are.
const FOLDER: &str = "dashboards";

/// Whether there are rules.
pub(super) fn is_there(project: &Project) -> bool {
    rule_files(project).is_ok_and(|files| !files.is_empty())
}

/// Checks each file of rules, and runs the cases of each file of tests.
pub(super) fn run(project: &Project) -> Result<Counts> {
    let promtool = goparts::promtool(project.root())?;
    let mut counts = Counts::default();
    for file in rule_files(project)? {
        counts += if is_tests(&file) {
            cases(project, &promtool, &file)?
        } else {
            rules(&promtool, &file)?
        };
    }
    Ok(counts)
}

/// One for the file: it is well-formed, and promtool's lint has nothing to say.
fn rules(promtool: &Path, file: &Path) -> Result<Counts> {
    let mut command = Command::new(promtool);
    command
        .args(["check", "rules", "--lint=all", "--lint-fatal"])
        .arg(file);
    let fine = run::run(&mut command)?.success();
    Ok(Counts {
        passed: u64::from(fine),
        failed: u64::from(!fine),
        skipped: 0,
    })
}

fn cases(project: &Project, promtool: &Path, file: &Path) -> Result<Counts> {
    let folder = project.shell()?.create_temp_dir()?;
    let report = folder.path().join("junit.xml");
    let mut command = Command::new(promtool);
    command
        .args(["test", "rules"])
        .arg(format!("--junit={}", report.display()))
        .arg(file);
    let status = run::run(&mut command)?;
    let text = std::fs::read_to_string(&report)
        .with_context(|| format!("promtool ended with {status} and no report"))?;
    let counts = parse(&text);
    ensure!(
        counts.passed + counts.failed > 0,
        "{} has no cases",
        file.display()
    );
    ensure!(
        status.success() == (counts.failed == 0),
        "promtool ended with {status} and reports {counts}"
    );
    Ok(counts)
}

/// Counts the cases of promtool's report; a case may have several failures.
pub(super) fn parse(report: &str) -> Counts {
    let cases = report.split("<testcase ").skip(1);
    let (failed, passed): (Vec<_>, Vec<_>) = cases.partition(|case| case.contains("<failure"));
    Counts {
        passed: passed.len() as u64,
        failed: failed.len() as u64,
        skipped: 0,
    }
}

fn rule_files(project: &Project) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in
        std::fs::read_dir(project.path(FOLDER)).with_context(|| format!("reading {FOLDER}"))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_tests(file: &Path) -> bool {
    file.file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with(".test.yaml"))
}
