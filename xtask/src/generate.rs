//! `cargo xtask gen`: the files that the product writes about itself.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::project::{Profile, Program, Project};

/// The package and the program that know.
pub(crate) const CONTROLLER: Program = ("kubomesh-controller", "kubomesh");

/// The programs beside the controller.
const WEBHOOK: Program = ("kubomesh-webhook", "kubomesh-webhook");
const AGENT: Program = ("kubomesh-agent", "kubomesh-agent");

/// `kubomesh gen <what>` prints the file, or its first part.
const FILES: [(&str, &str); 4] = [
    ("crds", "manifests/base/crds.yaml"),
    (METRICS, "docs/metrics.md"),
    (CLI, "docs/cli.md"),
    ("rbac", "docs/rbac.md"),
];

/// Those of which each program has a part.
const METRICS: &str = "metrics";
const CLI: &str = "cli";

/// What a page of metrics has before its table.
const TABLE: &str = "| name |";

/// The other programs, and where each serves its metrics.
const OTHERS: [(Program, &str); 2] = [(WEBHOOK, ":8080/metrics"), (AGENT, ":8502/metrics")];

/// How the environment variables of the programs begin.
const OURS: [&str; 2] = ["KUBOMESH_", "POD_"];

/// Writes the files, or with `check` only compares them.
///
/// # Errors
/// When the program that knows does not build or refuses.
pub(crate) fn command(project: &Project, check: bool) -> Result<ExitCode> {
    if check {
        return Ok(if up_to_date(project)? {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    for (path, wanted) in generated(project)? {
        let target = project.path(path);
        if std::fs::read_to_string(&target).is_ok_and(|present| present == wanted) {
            println!("{path}: up to date");
            continue;
        }
        let folder = target.parent().context("a file in no folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("making the folder of {path}"))?;
        std::fs::write(&target, wanted).with_context(|| format!("writing {path}"))?;
        println!("{path}: written");
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares the files with what the program prints, and says which differ and from which line on.
///
/// # Errors
/// When the program that knows does not build or refuses.
pub(crate) fn up_to_date(project: &Project) -> Result<bool> {
    let mut same = true;
    for (path, wanted) in generated(project)? {
        let present = std::fs::read_to_string(project.path(path)).unwrap_or_default();
        if let Some(line) = first_difference(&present, &wanted) {
            println!(
                "{path}:{line}: differs from what `kubomesh gen` prints; run `cargo xtask gen` and commit it"
            );
            same = false;
        }
    }
    Ok(same)
}

fn generated(project: &Project) -> Result<Vec<(&'static str, String)>> {
    let (package, bin) = CONTROLLER;
    if !project.has_bin(CONTROLLER) {
        println!("{package} has no program {bin} yet: nothing to generate");
        return Ok(Vec::new());
    }
    project.build(&[CONTROLLER, WEBHOOK, AGENT])?;
    FILES
        .into_iter()
        .map(|(what, path)| {
            let mut text = printed(project, bin, &["gen", what])?;
            for ((_, other), place) in OTHERS {
                match what {
                    METRICS => text.push_str(&metrics(project, other, place)?),
                    CLI => text.push_str(&flags(project, other)?),
                    _ => {}
                }
            }
            Ok((path, text))
        })
        .collect()
}

/// The part of the page of metrics that is another program's.
fn metrics(project: &Project, bin: &str, place: &str) -> Result<String> {
    let page = printed(project, bin, &["--metrics-page"])?;
    let table = page
        .find(TABLE)
        .with_context(|| format!("`{bin} --metrics-page` printed no table"))?;
    let (heading, table) = (format!("## `{bin}`"), &page[table..]);
    Ok(format!("\n{heading}\n\nServed on `{place}`.\n\n{table}"))
}

/// The part of the page of flags that is another program's: it has no commands, so what its `--help` says
/// is all.
fn flags(project: &Project, bin: &str) -> Result<String> {
    let help = printed(project, bin, &["--help"])?;
    let lines: String = help
        .lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect();
    Ok(format!("\n## `{bin}`\n\n```text\n{lines}```\n"))
}

fn printed(project: &Project, bin: &str, args: &[&str]) -> Result<String> {
    let (sh, program) = (project.shell()?, project.built(Profile::Dev, bin));
    let mut command = cmd!(sh, "{program} {args...}").quiet();
    // What is set here would be told beside the name of each variable.
    for (name, _) in std::env::vars() {
        if OURS.iter().any(|prefix| name.starts_with(prefix)) {
            command = command.env_remove(name);
        }
    }
    // Help is as wide as a terminal, where there is one.
    let mut text = command.env_remove("COLUMNS").ignore_stderr().read()?;
    ensure!(
        !text.is_empty(),
        "`{bin} {}` printed nothing",
        args.join(" ")
    );
    // xshell takes the last line end away.
    text.push('\n');
    Ok(text)
}

/// The first line, from 1, that is not the same; `None` when the texts are.
fn first_difference(left: &str, right: &str) -> Option<usize> {
    if left == right {
        return None;
    }
    let same = left
        .lines()
        .zip(right.lines())
        .take_while(|(left, right)| left == right)
        .count();
    Some(same + 1)
}

#[cfg(test)]
mod tests;
