//! The names that scenarios go by.

use std::collections::BTreeSet;

use super::{all, named};

#[test]
fn every_name_is_said_once_and_is_no_group() {
    let names: Vec<&str> = all().map(|(_, scenario)| scenario.name).collect();
    let groups: BTreeSet<String> = all().map(|(_, of)| of.group.to_string()).collect();
    let once: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(once.len(), names.len());
    assert!(once.iter().all(|name| !groups.contains(*name)));
    assert!(names.len() < 255, "a run has addresses for no more");
}

#[test]
fn names_and_groups_choose_and_keep_the_order() {
    let chosen = |names: &[&str]| -> Vec<&str> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = named(&names).unwrap();
        found
            .into_iter()
            .map(|(_, scenario)| scenario.name)
            .collect()
    };
    assert_eq!(
        chosen(&["pod_added", "mesh_forms"]),
        ["mesh_forms", "pod_added"]
    );
    assert_eq!(
        chosen(&["mesh", "pod_added"]).len(),
        chosen(&["mesh"]).len()
    );
    assert_eq!(chosen(&[]).len(), all().count());
}

#[test]
fn an_unknown_name_is_said() {
    let names = ["mesh_forms".to_owned(), "mesh_form".to_owned()];
    let error = named(&names).err().unwrap();
    assert!(
        error.contains("`mesh_form`") && error.contains("--list"),
        "{error}"
    );
}
