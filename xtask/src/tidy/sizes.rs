//! Files are short, and `main.rs` only starts things.

use super::{Finding, House};

/// More lines than this are said.
const FILE: usize = 400;
/// More than this fail.
const FILE_HARD: usize = 600;
/// `main.rs` has fewer than this.
const MAIN: usize = 25;

/// Counts physical lines of Rust and Go. Tests do not count.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let sources = house
        .tree
        .with_suffix(".rs")
        .chain(house.tree.with_suffix(".go"));
    let counted = sources.filter(|(path, _)| !house.tree.is_test(path));
    counted
        .filter_map(|(path, text)| file(path, text.lines().count()))
        .collect()
}

fn file(path: &str, lines: usize) -> Option<Finding> {
    let split = "move a part with a name of its own into a file of its own";
    if path.ends_with("/main.rs") && lines >= MAIN {
        let what = format!("{lines} lines; main.rs has fewer than {MAIN}");
        return Some(Finding::error(
            path,
            lines,
            what,
            "move what it does into a module",
        ));
    }
    if lines > FILE_HARD {
        let what = format!("{lines} lines; a file has at most {FILE_HARD}");
        return Some(Finding::error(path, lines, what, split));
    }
    (lines > FILE).then(|| {
        Finding::warning(
            path,
            lines,
            format!("{lines} lines; {FILE} are enough"),
            split,
        )
    })
}
