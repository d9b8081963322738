//! Each check finds what breaks its rule, and nothing where it is held.

mod code;
mod dashboard;
mod layers;
mod pages;
mod words;

use super::{Finding, House, Weight};
use crate::project::{Metadata, Tree};

/// What a check finds in these files, as it is printed.
fn found(check: fn(&House<'_>) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    let metadata = serde_json::from_value(serde_json::json!({
        "packages": [], "workspace_members": [], "target_directory": "", "resolve": {"nodes": []}
    }));
    found_in(check, files, &metadata.unwrap())
}

fn found_in(
    check: fn(&House<'_>) -> Vec<Finding>,
    files: &[(&str, &str)],
    metadata: &Metadata,
) -> Vec<String> {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.insert(path, text);
    }
    check(&House {
        tree: &tree,
        metadata,
    })
    .iter()
    .map(ToString::to_string)
    .collect()
}

#[test]
fn a_finding_names_place_rule_and_remedy() {
    let error = Finding::error("a.rs", 3, "is long", "cut it");
    assert_eq!(error.to_string(), "a.rs:3: is long; cut it");
    let warning = Finding::warning("a.rs", 3, "is long", "cut it");
    assert_eq!(warning.to_string(), "a.rs:3: warning: is long; cut it");
    assert!(Weight::Warning < Weight::Error);
}
