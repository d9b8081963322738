//! Whom a record holds up, and whom it does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_api::RecordError;
use kubomesh_core::{Member, MemberName, Membership, MeshId, Policy, Waiting};
use kubomesh_discovery::{Fleet, MeshView};
use kubomesh_reporter::NotOurs;
use kubomesh_testkit::build::MemberBuilder;

use super::{Unstored, Withheld};

fn mesh(name: &str) -> MeshId {
    MeshId {
        namespace: "apps".into(),
        name: name.into(),
        uid: name.into(),
    }
}

fn member(name: &str) -> Member {
    MemberBuilder::new(1).named(name).build()
}

/// The mesh `new` with the pods a and b.
fn found() -> Arc<Membership> {
    let mut found = Membership::empty(mesh("new"));
    for name in ["a", "b"] {
        found.members.insert(name.into(), member(name));
    }
    Arc::new(found)
}

/// The meshes `new` and `old`; what `old` knows of the pod a.
fn fleet(waiting: Option<Waiting>) -> Fleet {
    let mut old = Membership::empty(mesh("old"));
    old.waiting
        .extend(waiting.map(|waiting| (MemberName::from("a"), waiting)));
    let view = |id: MeshId, membership| {
        let view = MeshView {
            id: id.clone(),
            generation: 1,
            policy: Ok(Arc::new(Policy::default())),
            membership,
        };
        (id, view)
    };
    Fleet {
        synced: true,
        meshes: BTreeMap::from([view(mesh("new"), found()), view(mesh("old"), Arc::new(old))]),
        ..Fleet::default()
    }
}

fn says(left: &Membership) -> String {
    let said = |(name, waiting): (&MemberName, &Waiting)| format!("{name}: {waiting}");
    left.waiting.iter().map(said).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_pod_waits_for_the_record_that_its_former_mesh_still_needs() {
    let (found, name) = (found(), MemberName::from("a"));
    let record = || NotOurs::OfMesh {
        member: &name,
        mesh: "old",
    };
    let mut withheld = Withheld::default();
    let left = withheld.left(&fleet(None), &found, [record()].into_iter());
    assert!(left.members.keys().eq(&[MemberName::from("b")]));
    insta::assert_snapshot!(says(&left), @"a: its record belongs to the mesh apps/old, which forgets the member after its links.forgetAfter and then gives the record up");
    assert!(withheld.any());

    let again = withheld.left(&fleet(None), &found, [record()].into_iter());
    assert!(Arc::ptr_eq(&left, &again), "nothing changed");

    let free = withheld.left(&fleet(None), &found, std::iter::empty());
    assert!(Arc::ptr_eq(&free, &found) && !withheld.any());
}

#[test]
fn an_older_mesh_takes_a_pod_over_with_its_record() {
    let (found, name) = (found(), MemberName::from("a"));
    let by = "apps/new".to_owned();
    let record = NotOurs::OfMesh {
        member: &name,
        mesh: "old",
    };
    let claimed = fleet(Some(Waiting::Claimed { by }));
    let left = Withheld::default().left(&claimed, &found, [record].into_iter());
    assert!(Arc::ptr_eq(&left, &found));
}

#[test]
fn an_unreadable_record_is_never_overwritten_and_says_what_to_do() {
    let why = RecordError {
        record: "a".into(),
        field: "spec.peerID".into(),
        value: "xyz".into(),
        why: "it is not a peer ID".into(),
    };
    let record = NotOurs::Unreadable {
        record: "a",
        why: &why,
    };
    let left = Withheld::default().left(&fleet(None), &found(), [record].into_iter());
    insta::assert_snapshot!(says(&left), @"a: spec.peerID of record a is `xyz`: it is not a peer ID; put it right or delete the record");
}

#[test]
fn records_of_others_hold_nobody_up() {
    let (found, name) = (found(), MemberName::from("c"));
    let why = RecordError {
        record: "d".into(),
        field: "spec.peerID".into(),
        value: "xyz".into(),
        why: "it is not a peer ID".into(),
    };
    let records = [
        NotOurs::OfMesh {
            member: &name,
            mesh: "old",
        },
        NotOurs::Unreadable {
            record: "d",
            why: &why,
        },
    ];
    let left = Withheld::default().left(&fleet(None), &found, records.into_iter());
    assert!(Arc::ptr_eq(&left, &found));
}

#[test]
fn who_has_no_stored_record_stays_a_member_and_says_why() {
    let mut found = Membership::empty(mesh("a"));
    found.members.insert("p".into(), member("p"));
    let found = Arc::new(found);
    let waiting = Waiting::RecordNotStored {
        why: "no room".into(),
    };
    let mut unstored = Unstored::default();
    assert!(Arc::ptr_eq(&unstored.shown(Arc::clone(&found)), &found));

    let members = [
        ("p".into(), waiting.clone()),
        ("gone".into(), waiting.clone()),
    ];
    unstored.take(members.clone().into());
    let shown = unstored.shown(Arc::clone(&found));
    assert_eq!(shown.members, found.members);
    assert_eq!(shown.waiting, [("p".into(), waiting)].into());
    unstored.take(members.into());
    assert!(
        Arc::ptr_eq(&unstored.shown(Arc::clone(&found)), &shown),
        "the same again"
    );

    unstored.take(BTreeMap::new());
    assert!(Arc::ptr_eq(&unstored.shown(Arc::clone(&found)), &found));
}
