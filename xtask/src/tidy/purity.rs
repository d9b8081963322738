//! Rooms that are functions of their input: no clock, no task, no order that differs from run to run.

use super::{Finding, House};

/// The rooms. Their programs (`main.rs`, `src/bin`) may look at the clock.
const PURE: [&str; 4] = [
    "crates/core",
    "crates/planner",
    "crates/model",
    "crates/sim",
];

/// What they never say, and what they say instead.
const NEVER: [(&str, &str); 7] = [
    ("Instant::now", "take the time as an argument"),
    ("SystemTime::now", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("Zoned::now", "take the time as an argument"),
    (
        "HashMap",
        "its order differs from run to run: use BTreeMap, or a fixed hasher",
    ),
    (
        "HashSet",
        "its order differs from run to run: use BTreeSet, or a fixed hasher",
    ),
    (
        "async fn",
        "do it where the input is made, and pass the value",
    ),
];

/// Looks for them.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let sources = PURE.iter().flat_map(|room| house.tree.under(room));
    let of_interest = sources.filter(|(path, _)| {
        let program = path.ends_with("/main.rs") || path.contains("/src/bin/");
        path.ends_with(".rs") && !program && !house.tree.is_test(path)
    });
    of_interest
        .flat_map(|(path, text)| file(path, text))
        .collect()
}

/// What makes the order of a hash table the same in every run.
const FIXED: &str = "BuildHasherDefault";

fn file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fixed = text.contains(FIXED);
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (word, remedy) in NEVER {
            if code.contains(word) && !(fixed && word.starts_with("Hash")) {
                let what = format!("`{word}` in a room that is a function of its input");
                findings.push(Finding::error(path, index + 1, what, remedy));
            }
        }
    }
    findings
}
