//! What is said of files that are nobody's, and how often.

use kubomesh_api::RecordError;
use kubomesh_core::{Membership, MeshId};
use kubomesh_reporter::NotOurs;
use kubomesh_testkit::build::MemberBuilder;

use super::Foreign;

fn error(record: &str, why: &str) -> RecordError {
    RecordError {
        record: record.into(),
        field: format!("state/{record}.json"),
        value: "unreadable".into(),
        why: why.into(),
    }
}

/// What is news when these cannot be read. The members are `a` and those of `more`.
fn told(foreign: &mut Foreign, more: &[&str], errors: &[RecordError]) -> Vec<String> {
    let mut found = Membership::empty(MeshId::file());
    for name in ["a"].iter().chain(more) {
        let member = MemberBuilder::new(1).named(name).from_file(None).build();
        found.members.insert((*name).into(), member);
    }
    let unreadable = errors.iter().map(|why| NotOurs::Unreadable {
        record: &why.record,
        why,
    });
    foreign.take(&found, unreadable)
}

#[test]
fn a_file_of_nobody_is_told_once_and_never_to_be_deleted() {
    let mut foreign = Foreign::default();
    let errors = [
        error("a", "it is empty"),
        error("package", "missing field `mesh` at line 1 column 2"),
    ];
    let said = told(&mut foreign, &[], &errors);
    assert_eq!(said.len(), 1, "a member speaks for itself: {said:?}");
    insta::assert_snapshot!(said[0], @"state/package.json is not a record (missing field `mesh` at line 1 column 2) and no member has the name `package`: it is left alone. If a member of that name was removed, what the other nodes still have from us for it is not taken back; put the record back from a copy, or restart those nodes");
    assert!(told(&mut foreign, &[], &errors).is_empty(), "once");

    assert!(told(&mut foreign, &["package"], &errors).is_empty());
    assert_eq!(told(&mut foreign, &[], &errors).len(), 1, "its line went");
    let other = [error("package", "it is empty")];
    assert_eq!(told(&mut foreign, &[], &other).len(), 1, "another file");
}

#[test]
fn many_are_counted() {
    let errors: Vec<_> = (0..25)
        .map(|at| error(&format!("x{at}"), "it is empty"))
        .collect();
    let mut foreign = Foreign::default();
    let said = told(&mut foreign, &[], &errors);
    assert_eq!(said.len(), 11);
    assert!(said[10].starts_with("15 more files "), "{}", said[10]);
    assert!(told(&mut foreign, &[], &errors).is_empty());
}
