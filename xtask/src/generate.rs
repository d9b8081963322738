//! `cargo xtask gen`: the files that the product writes about itself.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::project::{Profile, Program, Project};

/// The package and the program that know.
pub(crate) const CONTROLLER: Program = ("kubomesh-controller", "kubomesh");

/// `kubomesh gen <what>` prints the file.
const FILES: [(&str, &str); 4] = [
    ("crds", "manifests/base/crds.yaml"),
    ("metrics", "docs/metrics.md"),
    ("cli", "docs/cli.md"),
    ("rbac", "docs/rbac.md"),
];

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
    let sh = project.shell()?;
    project.build(&[CONTROLLER])?;
    let program = project.built(Profile::Dev, bin);
    FILES
        .into_iter()
        .map(|(what, path)| {
            let mut text = cmd!(sh, "{program} gen {what}").quiet().read()?;
            ensure!(!text.is_empty(), "`{bin} gen {what}` printed nothing");
            // xshell takes the last line end away.
            text.push('\n');
            Ok((path, text))
        })
        .collect()
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
