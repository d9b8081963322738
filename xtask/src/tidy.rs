//! `cargo xtask tidy`: the house rules, held by a program.

mod dashboard;
mod functions;
mod headers;
mod layers;
mod metrics;
mod names;
mod purity;
mod rbac;
mod runbooks;
mod sizes;
mod toolchain;
mod words;

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;

use crate::project::{Metadata, Project, Tree};

/// What the checks look at.
#[derive(Debug)]
struct House<'a> {
    /// Every text file of the project.
    tree: &'a Tree,
    /// The dependency graph.
    metadata: &'a Metadata,
}

/// A rule that is not held, or nearly not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// The file, from the root.
    path: String,
    /// From 1.
    line: usize,
    /// Which rule, and by how much.
    what: String,
    /// What to do about it.
    remedy: String,
    /// Whether it fails the run.
    weight: Weight,
}

/// Whether a finding fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It is only said.
    Warning,
    /// It does.
    Error,
}

/// Every check.
const CHECKS: &[fn(&House<'_>) -> Vec<Finding>] = &[
    layers::check,
    purity::check,
    sizes::check,
    functions::check,
    headers::check,
    names::check,
    rbac::check,
    metrics::check,
    dashboard::check,
    runbooks::check,
    words::check,
    toolchain::check,
];

/// Runs every check and prints what they find.
///
/// # Errors
/// When the files cannot be listed.
pub(crate) fn command(project: &Project) -> Result<ExitCode> {
    Ok(if holds(project)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs every check, prints what they find, and says whether the rules are held.
///
/// # Errors
/// When the files cannot be listed.
pub(crate) fn holds(project: &Project) -> Result<bool> {
    let tree = project.tree()?;
    let findings = findings(&House {
        tree: &tree,
        metadata: project.metadata(),
    });
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.weight == Weight::Error)
        .count();
    let warnings = findings.len() - errors;
    println!(
        "tidy: {} files, {errors} errors, {warnings} warnings",
        tree.iter().count()
    );
    Ok(errors == 0)
}

fn findings(house: &House<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = CHECKS.iter().flat_map(|check| check(house)).collect();
    findings.sort();
    findings
}

// === impl Finding ===

impl Finding {
    fn error(path: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (what, remedy) = (what.into(), remedy.into());
        Self {
            path: path.to_owned(),
            line,
            what,
            remedy,
            weight: Weight::Error,
        }
    }

    fn warning(
        path: &str,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            weight: Weight::Warning,
            ..Self::error(path, line, what, remedy)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            what,
            remedy,
            weight,
        } = self;
        let weight = if *weight == Weight::Warning {
            "warning: "
        } else {
            ""
        };
        write!(f, "{path}:{line}: {weight}{what}; {remedy}")
    }
}

/// The first line, from 1, that holds this text; 1 when none does.
fn line_of(text: &str, needle: &str) -> usize {
    text.lines()
        .position(|line| line.contains(needle))
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests;
