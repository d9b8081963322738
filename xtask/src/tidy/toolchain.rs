//! One toolchain: rust-toolchain.toml says which, and what else names one says the same.

use super::{Finding, House, line_of};

/// Where the toolchain is written down.
const TRUTH: &str = "rust-toolchain.toml";

/// Compares every place that names a version of Rust.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let channel = house
        .tree
        .get(TRUTH)
        .and_then(|text| value(text, "channel"));
    let Some(channel) = channel else {
        return vec![Finding::error(
            TRUTH,
            1,
            "names no channel",
            "pin one: `channel = \"1.2.3\"`",
        )];
    };
    let workspace = house
        .tree
        .get("Cargo.toml")
        .into_iter()
        .filter_map(|text| workspace(text, channel));
    let readme = house
        .tree
        .get("README.md")
        .filter(|text| !text.contains(channel))
        .map(|_| {
            let what = format!("does not say that the toolchain is {channel}");
            Finding::error("README.md", 1, what, format!("name the version of {TRUTH}"))
        });
    let named = house.tree.iter().filter(|(path, _)| {
        path.rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("Dockerfile"))
            || *path == "README.md"
    });
    let others = named.flat_map(|(path, text)| mentions(path, text, channel));
    workspace.chain(readme).chain(others).collect()
}

/// `rust-version` is the same release, perhaps without its patch number.
fn workspace(text: &str, channel: &str) -> Option<Finding> {
    let minimum = value(text, "rust-version").unwrap_or_default();
    let agrees = channel == minimum
        || channel
            .strip_prefix(minimum)
            .is_some_and(|rest| rest.starts_with('.'));
    (!agrees || minimum.is_empty()).then(|| {
        let what = format!("rust-version `{minimum}` is not the toolchain {channel}");
        Finding::error(
            "Cargo.toml",
            line_of(text, "rust-version"),
            what,
            format!("{TRUTH} is what counts"),
        )
    })
}

fn mentions(path: &str, text: &str, channel: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for version in versions(line).filter(|version| *version != channel) {
            let what = format!("names Rust {version}; the toolchain is {channel}");
            findings.push(Finding::error(
                path,
                index + 1,
                what,
                format!("{TRUTH} is what counts"),
            ));
        }
    }
    findings
}

/// Versions that follow the word Rust: `rust:1.2.3-slim`, `Rust 1.2`, `RUST_VERSION=1.2.3`.
fn versions(line: &str) -> impl Iterator<Item = &str> {
    let lower = line.to_ascii_lowercase();
    let ends: Vec<_> = lower
        .match_indices("rust")
        .map(|(at, word)| at + word.len())
        .collect();
    ends.into_iter().filter_map(move |end| {
        let rest = line[end..].strip_prefix("_VERSION").unwrap_or(&line[end..]);
        let rest = rest.trim_start_matches([':', ' ', '=', '`']);
        let length = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let version = rest[..length].trim_end_matches('.');
        version.contains('.').then_some(version)
    })
}

/// The text of `key = "text"`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(key)?.trim().strip_prefix('='))?;
    line.trim().strip_prefix('"')?.split('"').next()
}
