//! What a build in the middle of a run changes.

use std::fs;

use super::kept;

#[test]
fn a_program_that_is_built_anew_stays_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "before").unwrap();
    let kept = kept(&program, &own).unwrap();
    // As cargo does it: the name goes, and comes back as another file.
    fs::remove_file(&program).unwrap();
    fs::write(&program, "after").unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), "before");
}

#[test]
fn a_program_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = kept(&folder.path().join("kubomesh"), folder.path()).unwrap_err();
    let said = format!("{error:#}");
    assert!(
        said.contains("kubomesh cannot be kept for the run"),
        "{said}"
    );
}
