//! `cargo xtask test`: every test of the project, counted.

mod alerts;
mod benches;
mod cargo;
mod demo;
mod go;
mod lab;
mod parts;
mod sim;

use std::ops::AddAssign;
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::project::Project;
use crate::run;
use crate::table::Table;

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// As they should.
    pub(crate) passed: u64,
    /// Otherwise. A part that cannot be built or started counts as one.
    pub(crate) failed: u64,
    /// They were there and not run.
    pub(crate) skipped: u64,
}

/// Which tests.
#[derive(Debug, Default, Args)]
pub(crate) struct Test {
    /// Leave out what needs Go or network namespaces
    #[arg(long)]
    fast: bool,
    /// Only these parts of the table
    #[arg(value_name = "PART")]
    parts: Vec<String>,
}

/// Exit code of bad usage.
const USAGE: u8 = 2;

/// One kind of test. To add one, add a value to [`parts::ALL`].
#[derive(Debug)]
pub(crate) struct Part {
    /// Its name in the table.
    name: &'static str,
    /// What the machine must have.
    needs: &'static [Need],
    /// Whether what it tests is there. A part without subject is not listed.
    subject: fn(&Project) -> bool,
    /// Runs it.
    run: fn(&Project) -> Result<Counts>,
}

/// What a part needs beyond the Rust toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The Go toolchain.
    Go,
    /// Linux with user, network and mount namespaces for everybody.
    Namespaces,
}

/// What one part came to.
#[derive(Debug)]
struct Row {
    name: &'static str,
    counts: Counts,
    seconds: f64,
}

/// Runs the tests and prints the table.
///
/// # Errors
/// Never for a test that fails: that is exit code 1.
pub(crate) fn command(project: &Project, arguments: &Test) -> Result<ExitCode> {
    if let Some(unknown) = arguments.unknown() {
        let known: Vec<_> = parts::ALL.iter().map(|part| part.name).collect();
        eprintln!(
            "error: `{unknown}` is no part; there are: {}",
            known.join(", ")
        );
        return Ok(ExitCode::from(USAGE));
    }
    let total = all(project, arguments);
    println!("{total}");
    Ok(if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the tests, prints the table without its last line, and hands that back.
pub(crate) fn all(project: &Project, arguments: &Test) -> Counts {
    let present = parts::ALL
        .iter()
        .filter(|part| arguments.wants(part) && (part.subject)(project));
    let (run, left_out): (Vec<_>, Vec<_>) =
        present.partition(|part| !arguments.fast || part.needs.is_empty());

    let rows: Vec<Row> = run
        .into_iter()
        .map(|part| run_part(project, part))
        .collect();
    let mut table = Table::new(["part", "passed", "failed", "skipped", "seconds"]);
    let mut total = Counts::default();
    for Row {
        name,
        counts,
        seconds,
    } in &rows
    {
        total += *counts;
        let Counts {
            passed,
            failed,
            skipped,
        } = counts;
        table.row([
            (*name).to_owned(),
            passed.to_string(),
            failed.to_string(),
            skipped.to_string(),
            format!("{seconds:.1}"),
        ]);
    }
    println!();
    table.print();
    if !left_out.is_empty() {
        let names: Vec<_> = left_out.iter().map(|part| part.name).collect();
        println!("left out by --fast: {}", names.join(", "));
    }
    total
}

fn run_part(project: &Project, part: &Part) -> Row {
    println!("\n== {}", part.name);
    let start = Instant::now();
    let missing = part.needs.iter().find_map(|need| need.missing());
    let result = match missing {
        Some(sentence) => Err(anyhow::anyhow!(sentence)),
        None => (part.run)(project),
    };
    let counts = result.unwrap_or_else(|error| {
        println!("{}: {error:#}", part.name);
        Counts {
            failed: 1,
            ..Counts::default()
        }
    });
    Row {
        name: part.name,
        counts,
        seconds: start.elapsed().as_secs_f64(),
    }
}

/// Runs a program that counts its tests itself: its last line is in the form of [`Counts`].
fn counted(command: &mut Command) -> Result<Counts> {
    let mut last = String::new();
    let status = run::run_lines(command, |line| {
        println!("{line}");
        line.clone_into(&mut last);
    })?;
    let counts: Counts = last
        .parse()
        .with_context(|| format!("it ended with {status} and no counts"))?;
    let agree = status.success() == (counts.failed == 0);
    ensure!(
        agree,
        "it ended with {status}, and its last line is `{counts}`"
    );
    Ok(counts)
}

// === impl Test ===

impl Test {
    fn wants(&self, part: &Part) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|name| name == part.name)
    }

    /// The first name that is no part's.
    fn unknown(&self) -> Option<&str> {
        let is_part = |name: &str| parts::ALL.iter().any(|part| part.name == name);
        self.parts
            .iter()
            .map(String::as_str)
            .find(|name| !is_part(name))
    }
}

// === impl Need ===

impl Need {
    /// Says what to do when this machine does not have it.
    fn missing(self) -> Option<&'static str> {
        match self {
            Self::Go => (!run::is_there("go", "version")).then_some(
                "needs Go (https://go.dev/dl) in the PATH; `cargo xtask test --fast` goes without",
            ),
            Self::Namespaces => (!run::namespaces()).then_some(
                "needs Linux with unprivileged user namespaces (unshare --user --map-root-user \
                 --net --mount); `cargo xtask test --fast` goes without",
            ),
        }
    }
}

// === impl Counts ===

impl FromStr for Counts {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let figures: Vec<_> = line.split(", ").map(|part| part.split_once(' ')).collect();
        let [
            Some((passed, "passed")),
            Some((failed, "failed")),
            Some((skipped, "skipped")),
        ] = figures[..]
        else {
            anyhow::bail!("`{line}` is not `N passed, N failed, N skipped`");
        };
        Ok(Self {
            passed: passed.parse()?,
            failed: failed.parse()?,
            skipped: skipped.parse()?,
        })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests;
