//! `go test`, counted from its JSON events.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Result;
use serde::Deserialize;

use super::Counts;
use crate::goparts;
use crate::project::Project;
use crate::run;

/// The folder of the node on Kubo's libraries.
pub(super) const SWARMNODE: &str = "tests/swarmnode";

/// One line of `go test -json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default, alias = "ImportPath")]
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
}

/// What `go test` said so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The last action of each test, by package and name.
    ended: BTreeMap<(String, String), String>,
    /// What each test printed.
    printed: BTreeMap<(String, String), String>,
}

/// The tests of the node on Kubo's libraries.
pub(super) fn swarmnode(project: &Project) -> Result<Counts> {
    let mut command = Command::new("go");
    command
        .current_dir(project.path(SWARMNODE))
        .envs(goparts::ALIKE)
        .args(["test", goparts::TRIMMED, "-count=1", "-json", "./..."]);
    let mut tally = Tally::default();
    let status = run::run_lines(&mut command, |line| {
        if let Some(text) = tally.take(line) {
            print!("{text}");
        }
    })?;
    let mut counts = tally.counts();
    if !status.success() && counts.failed == 0 {
        println!(
            "go test ended with {status} and no test failed: something did not build or was killed"
        );
        counts.failed = 1;
    }
    Ok(counts)
}

// === impl Tally ===

impl Tally {
    /// Takes one line, and hands back what is worth showing: failures, and what belongs to no test.
    pub(super) fn take(&mut self, line: &str) -> Option<String> {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            return Some(format!("{line}\n"));
        };
        let Event {
            action,
            package,
            test,
            output,
        } = event;
        let of_a_test = !test.is_empty();
        let key = (package, test);
        match action.as_str() {
            "output" if of_a_test => {
                self.printed.entry(key).or_default().push_str(&output);
                None
            }
            "output" | "build-output" => Some(output),
            "pass" | "fail" | "skip" if of_a_test => {
                let printed = self.printed.remove(&key);
                let failed = action == "fail";
                self.ended.insert(key, action);
                printed.filter(|_| failed)
            }
            _ => None,
        }
    }

    /// Counts the tests that have no tests of their own.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for ((package, test), action) in &self.ended {
            let below = format!("{test}/");
            if self
                .ended
                .keys()
                .any(|(other, name)| other == package && name.starts_with(&below))
            {
                continue;
            }
            match action.as_str() {
                "pass" => counts.passed += 1,
                "skip" => counts.skipped += 1,
                _ => counts.failed += 1,
            }
        }
        counts
    }
}
