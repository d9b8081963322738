//! Every Rust file says what it is, every crate takes the workspace's lints, and tests have files of their own.

use super::{Finding, House, line_of};

/// Looks at every `.rs` and every `Cargo.toml`.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let sources = house.tree.with_suffix(".rs").flat_map(|(path, text)| {
        let inline = (!house.tree.is_test(path))
            .then(|| inline_tests(path, text))
            .flatten();
        [header(path, text), inline].into_iter().flatten()
    });
    let crates = house
        .tree
        .with_suffix("Cargo.toml")
        .filter_map(|(path, text)| lints(path, text));
    sources.chain(crates).collect()
}

fn header(path: &str, text: &str) -> Option<Finding> {
    let remedy = "say in a sentence what the file is";
    (!text.starts_with("//!")).then(|| Finding::error(path, 1, "does not open with `//!`", remedy))
}

fn inline_tests(path: &str, text: &str) -> Option<Finding> {
    let mut lines = text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| line.trim() != "#[cfg(test)]");
    let module = lines.find(|(_, line)| line.trim_start().starts_with("mod "))?;
    let (index, line) = module;
    line.trim_end().ends_with('{').then(|| {
        Finding::error(
            path,
            index + 1,
            "tests inside the module's file",
            "write `#[cfg(test)] mod tests;` and put them into a file below a folder of the module's name",
        )
    })
}

fn lints(path: &str, text: &str) -> Option<Finding> {
    if !text.contains("[package]") {
        return None;
    }
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    let inherited = lines.find(|line| !line.is_empty()) == Some("workspace = true");
    (!inherited).then(|| {
        let line = line_of(text, "[package]");
        Finding::error(
            path,
            line,
            "does not take the workspace's lints",
            "add `[lints]` with `workspace = true`",
        )
    })
}
