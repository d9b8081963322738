//! Words that a committed file never has: places on one machine, and work left for later.

use super::{Finding, House};

/// Folders of one machine, and hosts that a build reaches through its own settings.
const PLACES: [&str; 11] = [
    "/work/",
    "/home/",
    "/root/",
    "/Users/",
    ".library",
    "proxy.golang.org",
    "sum.golang.org",
    "index.crates.io",
    "static.crates.io",
    "registry.npmjs.org",
    "files.pythonhosted.org",
];

/// Work left for later.
const LATER: [&str; 3] = ["todo!", "FIXME", "XXX"];

/// Written by tools, or full of hashes, or this list.
const EXEMPT: [&str; 4] = [
    "Cargo.lock",
    "go.sum",
    "xtask/src/tidy/words.rs",
    "xtask/src/tidy/tests/words.rs",
];

/// Looks at every file.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let files = house
        .tree
        .iter()
        .filter(|(path, _)| !EXEMPT.iter().any(|end| path.ends_with(end)));
    files.flat_map(|(path, text)| file(path, text)).collect()
}

fn file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for place in PLACES.iter().filter(|place| names_place(line, place)) {
            let what = format!("`{place}` is a place that others do not have");
            let remedy = "write a path from the repository's root, or leave it to the environment";
            findings.push(Finding::error(path, index + 1, what, remedy));
        }
        for word in LATER.iter().filter(|word| is_word(line, word)) {
            let what = format!("`{word}` leaves work for later");
            findings.push(Finding::error(
                path,
                index + 1,
                what,
                "do it, or open an issue and take the line away",
            ));
        }
    }
    findings
}

/// A path is named where it begins: `/root/` is none inside `/proc/1/root/`.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        !place.starts_with('/')
            || !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.}".contains(c))
    })
}

/// `XXX` is a word, `mktemp.XXXXXX` has none.
fn is_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let letter = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].ends_with(letter) && !line[at + word.len()..].starts_with(letter)
    })
}
