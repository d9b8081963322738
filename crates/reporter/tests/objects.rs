//! Records as objects, against an API server in memory: conflicts, late watches, refusals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::{Switch, heard_now};
use kubomesh_api::{RecordError, RecordKey, StoredRecords, SwarmPeer};
use kubomesh_core::{Capacity, MemberName, MeshId, Open, Record, RecordWrite, Role};
use kubomesh_reporter::{Records, StoreError, StoreErrorKind};
use kubomesh_testkit::api_server::{ApiServer, Fault};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

struct Case {
    server: ApiServer,
    heard: watch::Sender<Arc<StoredRecords>>,
    records: Records,
    _tasks: JoinSet<()>,
}

impl Case {
    async fn new() -> Self {
        let server = ApiServer::new();
        let (heard, seen) = watch::channel(Arc::default());
        let (records, following) =
            Records::kubernetes(kube::Client::new(server.service(), "default"), seen);
        let mut tasks = JoinSet::new();
        tasks.spawn(following);
        let case = Self {
            server,
            heard,
            records,
            _tasks: tasks,
        };
        case.hear().await;
        case
    }

    /// The watch catches up with the server.
    async fn hear(&self) {
        self.tell(heard_now(&self.server, 0)).await;
    }

    async fn tell(&self, heard: StoredRecords) {
        let mut view = self.records.watch();
        self.heard.send_replace(Arc::new(heard));
        // The follower runs until it waits again.
        let _ = timeout(Duration::from_millis(10), view.changed()).await;
    }

    /// The records of all meshes by name, as a pass that begins now uses them.
    fn used_now(&self) -> BTreeMap<String, Record> {
        let view = self.records.view();
        let all = view.meshes().flat_map(|(_, _, records)| records.clone());
        all.collect()
    }

    async fn put(&self, record: &Record) -> Result<(), StoreError> {
        self.store(put(record)).await
    }

    async fn store(&self, write: RecordWrite) -> Result<(), StoreError> {
        self.store_used(&self.used_now(), write).await
    }

    /// Stores what was planned from these records.
    async fn store_used(
        &self,
        used: &BTreeMap<String, Record>,
        write: RecordWrite,
    ) -> Result<(), StoreError> {
        let results = self.records.store("apps", used, vec![write], &Open);
        results.await.remove(0)
    }

    fn record(&self, name: &str) -> Option<Record> {
        self.records.of_mesh(&mesh("kubo")).get(name).cloned()
    }
}

fn mesh(name: &str) -> MeshId {
    MeshId {
        namespace: "apps".into(),
        name: name.into(),
        uid: "u".into(),
    }
}

fn record(name: &str) -> Record {
    Record::new("kubo", MemberName::from(name), Role::Kubo, "uid".into())
}

fn put(record: &Record) -> RecordWrite {
    RecordWrite::Put(Box::new(record.clone()))
}

/// What a pass uses that knows of no record.
static NONE: BTreeMap<String, Record> = BTreeMap::new();

fn zoned(name: &str, zone: &str) -> Record {
    Record {
        zone: zone.into(),
        ..record(name)
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_is_made_replaced_and_deleted() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    let object = case.server.get("swarmpeers", "apps", "a").unwrap();
    assert_eq!(object["spec"]["mesh"], "kubo");
    assert_eq!(object["metadata"]["labels"]["kubomesh.dev/mesh"], "kubo");
    assert_eq!(object["metadata"]["finalizers"], Value::Null);
    assert_eq!(object["metadata"]["ownerReferences"], Value::Null);
    case.put(&zoned("a", "z")).await.unwrap();
    assert_eq!(
        case.server.get("swarmpeers", "apps", "a").unwrap()["spec"]["zone"],
        "z"
    );
    assert_eq!(case.record("a"), Some(zoned("a", "z")));
    case.store(RecordWrite::Delete("a".into())).await.unwrap();
    assert_eq!(case.server.get("swarmpeers", "apps", "a"), None);
    assert_eq!(case.record("a"), None);
    let writes = case.server.writes();
    assert_eq!(writes.len(), 3, "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_is_not_sent() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.put(&record("a")).await.unwrap();
    case.store(RecordWrite::Delete("never".into()))
        .await
        .unwrap();
    assert_eq!(case.server.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_watch_does_not_turn_a_write_back() {
    let case = Case::new().await;
    case.put(&zoned("a", "1")).await.unwrap();
    let late = heard_now(&case.server, 0);
    case.put(&zoned("a", "2")).await.unwrap();
    case.put(&zoned("b", "1")).await.unwrap();
    case.tell(late.clone()).await;
    assert_eq!(case.record("a"), Some(zoned("a", "2")));
    assert_eq!(case.record("b"), Some(zoned("b", "1")));
    case.store(RecordWrite::Delete("a".into())).await.unwrap();
    case.tell(StoredRecords {
        version: late.version + 1,
        ..late
    })
    .await;
    assert_eq!(
        case.record("a"),
        None,
        "deleted, although the watch still shows it"
    );
    case.hear().await;
    assert_eq!(case.record("a"), None);
    assert_eq!(case.record("b"), Some(zoned("b", "1")));
}

#[tokio::test(start_paused = true)]
async fn what_others_do_is_heard() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.hear().await;
    case.server.edit("swarmpeers", "apps", "a", |peer| {
        peer["spec"]["zone"] = json!("theirs");
    });
    case.hear().await;
    assert_eq!(case.record("a"), Some(zoned("a", "theirs")));
    case.server.delete("swarmpeers", "apps", "a");
    case.hear().await;
    assert_eq!(case.record("a"), None, "deleted by hand");
    case.put(&record("a")).await.unwrap();
    assert_eq!(case.record("a"), Some(record("a")), "made anew");
}

#[tokio::test(start_paused = true)]
async fn a_record_deleted_by_hand_before_the_watch_shows_it_is_gone_once_the_watch_is_past_it() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.server.delete("swarmpeers", "apps", "a");
    case.hear().await;
    assert_eq!(case.record("a"), None);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_read_again_and_never_overwritten() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.hear().await;
    case.server.edit("swarmpeers", "apps", "a", |peer| {
        peer["spec"]["zone"] = json!("theirs");
    });
    let error = case.put(&zoned("a", "ours")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    let stands = case.server.get("swarmpeers", "apps", "a").unwrap();
    assert_eq!(stands["spec"]["zone"], "theirs");
    assert_eq!(
        case.record("a"),
        Some(zoned("a", "theirs")),
        "seen before the watch tells"
    );
    case.put(&zoned("a", "ours")).await.unwrap();
    assert_eq!(case.record("a"), Some(zoned("a", "ours")));
}

#[tokio::test(start_paused = true)]
async fn what_others_did_since_the_plan_used_a_record_is_a_conflict_and_kept() {
    let case = Case::new().await;
    for name in ["edited", "deleted", "kept"] {
        case.put(&zoned(name, "1")).await.unwrap();
    }
    case.hear().await;
    let used = case.used_now();
    case.server.edit("swarmpeers", "apps", "edited", |peer| {
        peer["spec"]["zone"] = json!("theirs");
    });
    case.server.delete("swarmpeers", "apps", "deleted");
    let mut made = case.server.get("swarmpeers", "apps", "kept").unwrap();
    made["metadata"]["name"] = json!("made");
    case.server.put("swarmpeers", made);
    // Heard of before the writes: the versions that these know are the present ones.
    case.hear().await;
    let before = case.server.all("swarmpeers");

    for write in [
        put(&zoned("edited", "2")),
        RecordWrite::Delete("edited".into()),
        put(&zoned("deleted", "2")),
        put(&zoned("made", "2")),
        RecordWrite::Delete("made".into()),
    ] {
        let stored = case.store_used(&used, write.clone()).await;
        let kind = stored.as_ref().map_err(StoreError::kind);
        assert_eq!(kind, Err(StoreErrorKind::Conflict), "{write:?}");
        assert_eq!(case.server.all("swarmpeers"), before, "{write:?}");
    }
    let kept = put(&zoned("kept", "2"));
    assert_eq!(case.store_used(&used, kept).await, Ok(()));
    for wanted in [
        put(&zoned("edited", "theirs")),
        RecordWrite::Delete("deleted".into()),
    ] {
        let stored = case.store_used(&used, wanted).await;
        assert_eq!(stored, Ok(()), "it stands as wanted");
    }
    case.put(&zoned("edited", "2")).await.unwrap();
    assert_eq!(case.record("edited"), Some(zoned("edited", "2")));
}

#[tokio::test(start_paused = true)]
async fn our_own_writes_and_statuses_are_not_somebody_elses() {
    let case = Case::new().await;
    case.put(&zoned("a", "1")).await.unwrap();
    let late = heard_now(&case.server, 0);
    case.put(&zoned("a", "2")).await.unwrap();
    case.put(&zoned("b", "1")).await.unwrap();
    let used = case.used_now();
    case.tell(late).await;
    let a = put(&zoned("a", "3"));
    assert_eq!(case.store_used(&used, a).await, Ok(()), "not yet told");

    let used = case.used_now();
    case.server.edit("swarmpeers", "apps", "b", |peer| {
        peer["status"] = json!({ "ip": "x" });
    });
    case.hear().await;
    let b = put(&zoned("b", "2"));
    assert_eq!(case.store_used(&used, b).await, Ok(()), "a status is none");
}

#[tokio::test(start_paused = true)]
async fn making_one_that_somebody_made_meanwhile_is_a_conflict() {
    let case = Case::new().await;
    let other = Case {
        server: case.server.clone(),
        ..Case::new().await
    };
    drop(other);
    let object = serde_json::to_value(SwarmPeer::new(
        "a",
        kubomesh_api::record_spec(&zoned("a", "theirs")),
    ));
    let mut object = object.unwrap();
    object["metadata"]["namespace"] = json!("apps");
    case.server.put("swarmpeers", object);
    let error = case.put(&record("a")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(case.record("a"), Some(zoned("a", "theirs")));
}

#[tokio::test(start_paused = true)]
async fn deleting_one_that_somebody_changed_meanwhile_is_a_conflict() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.server.edit("swarmpeers", "apps", "a", |peer| {
        peer["spec"]["zone"] = json!("theirs");
    });
    let error = case
        .store(RecordWrite::Delete("a".into()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    case.store(RecordWrite::Delete("a".into())).await.unwrap();
    assert_eq!(case.server.get("swarmpeers", "apps", "a"), None);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_already_is_deleted() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.server.delete("swarmpeers", "apps", "a");
    case.store(RecordWrite::Delete("a".into())).await.unwrap();
    assert_eq!(case.record("a"), None);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_not_overwritten() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.server.edit("swarmpeers", "apps", "a", |peer| {
        peer["spec"]["peerID"] = json!("nonsense");
    });
    case.hear().await;
    assert_eq!(case.record("a"), None);
    let error = case.put(&record("a")).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unreadable(RecordError { field, .. }) if field == "spec.peerID")
    );
    let view = case.records.view();
    assert!(view.unreadable.contains_key(&RecordKey::new("apps", "a")));
    case.server.delete("swarmpeers", "apps", "a");
    case.hear().await;
    case.put(&record("a")).await.unwrap();
    assert!(case.records.view().unreadable.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_fence_is_closed() {
    let case = Case::new().await;
    let fence = Switch::new(false);
    let writes = vec![put(&record("a"))];
    let results = case
        .records
        .store("apps", &NONE, writes.clone(), &fence)
        .await;
    assert_eq!(results, [Err(StoreError::Fenced)]);
    assert!(case.server.writes().is_empty());
    fence.set(true);
    let results = case.records.store("apps", &NONE, writes, &fence).await;
    assert_eq!(results, [Ok(())]);
}

#[tokio::test(start_paused = true)]
async fn each_refusal_is_a_sentence_and_takes_nothing_else_with_it() {
    for (verb, fault, kind, sentence) in [
        (
            "create",
            Fault::Status(403),
            StoreErrorKind::Refused,
            "record a is not stored: the controller may not create swarmpeers.kubomesh.dev: grant",
        ),
        (
            "create",
            Fault::Status(404),
            StoreErrorKind::Refused,
            "install the CRDs with `kubomesh gen crds",
        ),
        (
            "create",
            Fault::Status(422),
            StoreErrorKind::Refused,
            "refuses to create it",
        ),
        (
            "create",
            Fault::Status(500),
            StoreErrorKind::Failed,
            "record a is not stored: ",
        ),
        (
            "create",
            Fault::Hang,
            StoreErrorKind::Failed,
            "did not answer a create for 5 s",
        ),
    ] {
        let case = Case::new().await;
        case.server.fail(verb, "swarmpeers", fault, Some(1));
        let writes = ["a", "b"].map(|name| put(&record(name)));
        let results = case
            .records
            .store("apps", &NONE, writes.into(), &Open)
            .await;
        let error = results[0].clone().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.to_string().contains(sentence),
            "{error}\nis not\n{sentence}"
        );
        assert_eq!(results[1], Ok(()));
        assert_eq!(
            (case.record("a"), case.record("b")),
            (None, Some(record("b")))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_a_conflict_at_the_next_pass_and_then_known() {
    let case = Case::new().await;
    case.server
        .fail("create", "swarmpeers", Fault::Deaf, Some(1));
    assert_eq!(
        case.put(&record("a")).await.unwrap_err().kind(),
        StoreErrorKind::Failed
    );
    assert_eq!(
        case.put(&record("a")).await.unwrap_err().kind(),
        StoreErrorKind::Conflict
    );
    assert_eq!(case.record("a"), Some(record("a")));
    case.put(&record("a")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn results_are_in_order_and_at_most_32_are_in_flight() {
    let case = Case::new().await;
    case.server.fail("create", "swarmpeers", Fault::Hang, None);
    let writes: Vec<_> = (0..100).map(|n| put(&record(&format!("r{n}")))).collect();
    let storing = case.records.store("apps", &NONE, writes.clone(), &Open);
    assert!(timeout(Duration::from_secs(1), storing).await.is_err());
    assert_eq!(case.server.writes().len(), 32);
    case.server.heal("create", "swarmpeers");
    case.server
        .fail("create", "swarmpeers", Fault::Status(403), Some(1));
    let results = case.records.store("apps", &NONE, writes, &Open).await;
    assert!(
        results[0].is_err() && results[1..].iter().all(Result::is_ok),
        "{results:?}"
    );
    assert_eq!(case.records.of_mesh(&mesh("kubo")).len(), 99);
}

#[tokio::test(start_paused = true)]
async fn a_restored_store_is_believed_although_its_versions_are_smaller() {
    let case = Case::new().await;
    case.put(&zoned("a", "1")).await.unwrap();
    let backup = case.server.snapshot();
    case.put(&zoned("a", "2")).await.unwrap();
    case.put(&record("b")).await.unwrap();
    case.hear().await;
    case.put(&zoned("a", "3")).await.unwrap();
    case.server.restore(backup);
    case.tell(heard_now(&case.server, 1)).await;
    assert_eq!(case.record("a"), Some(zoned("a", "1")));
    assert_eq!(case.record("b"), None);
    case.put(&zoned("a", "4")).await.unwrap();
    assert_eq!(case.record("a"), Some(zoned("a", "4")));
}

#[tokio::test(start_paused = true)]
async fn the_map_of_a_mesh_is_the_same_value_until_one_of_its_records_changes() {
    let case = Case::new().await;
    assert!(case.records.view().synced);
    case.put(&record("a")).await.unwrap();
    case.put(&Record {
        mesh: "other".into(),
        ..record("b")
    })
    .await
    .unwrap();
    let (kubo, other) = (
        case.records.of_mesh(&mesh("kubo")),
        case.records.of_mesh(&mesh("other")),
    );
    case.put(&Record {
        mesh: "other".into(),
        ..zoned("b", "z")
    })
    .await
    .unwrap();
    // A status that was written changes versions and no record.
    case.server.edit("swarmpeers", "apps", "a", |peer| {
        peer["status"] = json!({ "ip": "x" });
    });
    let mut view = case.records.watch();
    view.mark_unchanged();
    case.hear().await;
    assert!(!view.has_changed().unwrap());
    assert!(Arc::ptr_eq(&kubo, &case.records.of_mesh(&mesh("kubo"))));
    assert!(!Arc::ptr_eq(&other, &case.records.of_mesh(&mesh("other"))));
    let meshes: Vec<_> = view
        .borrow()
        .meshes()
        .map(|(ns, mesh, all)| (ns.to_owned(), mesh.to_owned(), all.len()))
        .collect();
    assert_eq!(
        meshes,
        [
            ("apps".into(), "kubo".into(), 1),
            ("apps".into(), "other".into(), 1)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_that_moves_to_another_mesh_leaves_the_first() {
    let case = Case::new().await;
    case.put(&record("a")).await.unwrap();
    case.put(&Record {
        mesh: "other".into(),
        ..record("a")
    })
    .await
    .unwrap();
    assert_eq!(case.record("a"), None);
    assert_eq!(case.records.of_mesh(&mesh("other")).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_object_of_the_same_name_and_version_is_not_written_to() {
    let case = Case::new().await;
    let empty = case.server.snapshot();
    case.put(&record("a")).await.unwrap();
    let mut other = case.server.get("swarmpeers", "apps", "a").unwrap();
    other["metadata"]["uid"] = json!("another");
    case.server.restore_unheard(empty);
    let other = case.server.put("swarmpeers", other);
    let error = case.put(&zoned("a", "ours")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_eq!(case.server.get("swarmpeers", "apps", "a"), Some(other));
}

#[tokio::test(start_paused = true)]
async fn what_others_put_on_a_record_stays_through_every_write() {
    let case = Case::new().await;
    let known = Record {
        capacity: Some(Capacity::Links(9)),
        ..zoned("a", "1")
    };
    case.put(&known).await.unwrap();
    let theirs = json!({
        "labels": { "velero.io/backup-name": "daily", "kubomesh.dev/mesh": "kubo" },
        "annotations": { "argocd.argoproj.io/tracking-id": "fleet" },
        "finalizers": ["example.org/audit"],
        "ownerReferences": [
            { "apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "u" },
        ],
    });
    case.server.edit("swarmpeers", "apps", "a", |peer| {
        for (field, value) in theirs.as_object().unwrap() {
            peer["metadata"][field] = value.clone();
        }
        peer["status"] = json!({ "ip": "10.0.0.1" });
    });

    let refused = case.put(&zoned("a", "2")).await;
    let kind = refused.as_ref().map_err(StoreError::kind);
    assert_eq!(kind, Err(StoreErrorKind::Conflict), "it was changed since");
    for zone in ["2", "3"] {
        case.put(&zoned("a", zone)).await.unwrap();
        let stands = case.server.get("swarmpeers", "apps", "a").unwrap();
        for (field, value) in theirs.as_object().unwrap() {
            assert_eq!(stands["metadata"][field], *value, "{field} in zone {zone}");
        }
        assert_eq!(stands["status"]["ip"], "10.0.0.1");
        assert_eq!(stands["spec"]["zone"], zone);
        assert_eq!(stands["spec"]["capacity"], Value::Null, "known no more");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_too_long_for_a_label_has_no_label() {
    let case = Case::new().await;
    let long = "m".repeat(64);
    case.put(&Record {
        mesh: long.as_str().into(),
        ..record("a")
    })
    .await
    .unwrap();
    let label = || {
        let object = case.server.get("swarmpeers", "apps", "a").unwrap();
        object["metadata"]["labels"]["kubomesh.dev/mesh"].clone()
    };
    assert_eq!(label(), Value::Null);
    case.put(&record("a")).await.unwrap();
    assert_eq!(label(), "kubo");
    case.put(&Record {
        mesh: long.as_str().into(),
        ..record("a")
    })
    .await
    .unwrap();
    assert_eq!(label(), Value::Null, "not that of the mesh it left");
}
