//! What could not be stored is counted, said and shown; nothing that it covers looks done.

use std::sync::Arc;

use kubomesh_api::StoredRecords;
use kubomesh_core::{Fence, Member, Membership, MeshId, Open, Record, RecordWrite, Role, Waiting};
use kubomesh_discovery::Fleet;
use kubomesh_reporter::Records;
use kubomesh_testkit::api_server::ApiServer;
use kubomesh_testkit::build::MemberBuilder;
use tokio::sync::watch;

use super::Ledger;

fn record(name: &str) -> Record {
    Record::new("file", name.into(), Role::Kubo, "uid".into())
}

fn put(name: &str) -> RecordWrite {
    RecordWrite::Put(Box::new(record(name)))
}

fn member(name: &str) -> Member {
    MemberBuilder::new(1).named(name).from_file(None).build()
}

#[tokio::test]
async fn what_is_not_stored_is_counted_and_shown_at_its_member() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (records, _following) = Records::directory(&state).await.unwrap();
    let mut ledger = Ledger::new(MeshId::file(), records, Arc::new(Open));
    let mut found = Membership::empty(MeshId::file());
    for name in ["a", "b"] {
        found.members.insert(name.into(), member(name));
    }
    let (fleet, found) = (Fleet::default(), Arc::new(found));

    let moved = dir.path().join("moved");
    std::fs::rename(&state, &moved).unwrap();
    assert_eq!(ledger.store(vec![put("a"), put("b")]).await, 0);
    let shown = ledger.left(&fleet, &found);
    assert_eq!(shown.members, found.members, "they are tried again");
    for name in ["a", "b"] {
        let why = format!(
            "record {name} is not stored: --state-dir={}: it is gone; put the former one back, or \
             restart the controller, which then begins with what is there",
            state.display()
        );
        assert_eq!(shown.waiting[name], Waiting::RecordNotStored { why });
    }
    let said = ledger.said.clone().unwrap();
    assert!(said.ends_with("; and 1 more of 2"), "{said}");

    std::fs::rename(&moved, &state).unwrap();
    assert_eq!(ledger.store(vec![put("a"), put("b")]).await, 2);
    assert_eq!(ledger.said, None);
    assert!(Arc::ptr_eq(&ledger.left(&fleet, &found), &found));
}

struct Closed;

impl Fence for Closed {
    fn may_write(&self) -> bool {
        false
    }
}

/// Whoever stops or loses the lease says so, and not each mesh with it.
#[tokio::test]
async fn what_the_fence_keeps_back_is_not_stored_and_not_said() {
    let dir = tempfile::tempdir().unwrap();
    let (records, _following) = Records::directory(dir.path()).await.unwrap();
    let mut ledger = Ledger::new(MeshId::file(), records, Arc::new(Closed));
    assert_eq!(ledger.store(vec![put("a"), put("b")]).await, 0);
    assert_eq!(ledger.said, None);
}

/// Discovery hears of the records before the ledger does, and says that its lists are complete.
#[tokio::test]
async fn a_loop_is_woken_when_all_records_are_known_even_if_there_are_none() {
    let server = ApiServer::default();
    let (discovery, heard) = watch::channel(Arc::<StoredRecords>::default());
    let client = kube::Client::new(server.service(), "default");
    let (records, following) = Records::kubernetes(client, heard);
    let mut ledger = Ledger::new(MeshId::file(), records, Arc::new(Open));
    assert!(!ledger.is_synced());
    assert!(ledger.records().0.is_empty());
    let synced = StoredRecords {
        synced: true,
        ..StoredRecords::default()
    };
    discovery.send(Arc::new(synced)).unwrap();
    tokio::select! {
        () = following => unreachable!("it follows for ever"),
        () = ledger.changed() => {}
    }
    assert!(ledger.is_synced());
}

#[tokio::test]
async fn a_record_that_somebody_changed_during_a_pass_is_kept_and_planned_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (records, _following) = Records::directory(dir.path()).await.unwrap();
    let mut ledger = Ledger::new(MeshId::file(), records.clone(), Arc::new(Open));
    let none = ledger.records().0;
    assert!(none.is_empty());
    let theirs = Record {
        zone: "theirs".into(),
        ..record("a")
    };
    let write = RecordWrite::Put(Box::new(theirs.clone()));
    let stored = records.store("", &none, vec![write], &Open);
    assert_eq!(stored.await, [Ok(())]);

    assert_eq!(ledger.store(vec![put("a")]).await, 0);
    assert_eq!(records.of_mesh(&MeshId::file())["a"], theirs);
    ledger.changed().await;
    assert_eq!(ledger.records().0["a"], theirs);
    assert_eq!(ledger.store(vec![put("a")]).await, 1);
}
