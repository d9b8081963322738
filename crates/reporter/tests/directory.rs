//! Records as files: what a state directory keeps, and what it refuses.

use kubomesh_core::{Fence, MemberName, MeshId, Open, Record, RecordWrite, Role};
use kubomesh_reporter::{DirectoryError, Records, ReporterMetrics, StoreError};

struct Closed;

impl Fence for Closed {
    fn may_write(&self) -> bool {
        false
    }
}

fn record(name: &str) -> Record {
    Record::new("file", MemberName::from(name), Role::Kubo, "uid".into())
}

fn put(name: &str) -> RecordWrite {
    RecordWrite::Put(Box::new(record(name)))
}

#[tokio::test]
async fn what_was_stored_is_there_for_the_next_process_and_what_was_deleted_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::directory(dir.path()).unwrap();
    let stored = records.store("", vec![put("a"), put("b")], &Open).await;
    assert_eq!(stored, [Ok(()), Ok(())]);
    assert_eq!(records.of_mesh(&MeshId::file()).len(), 2);
    let gone = vec![
        RecordWrite::Delete("a".into()),
        RecordWrite::Delete("never".into()),
    ];
    assert_eq!(records.store("", gone, &Open).await, [Ok(()), Ok(())]);
    drop(records);

    let next = Records::directory(dir.path()).unwrap();
    let kept = next.of_mesh(&MeshId::file());
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(kept["b"], record("b"));
}

#[tokio::test]
async fn nothing_is_written_while_the_fence_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::directory(dir.path()).unwrap();
    assert_eq!(
        records.store("", vec![put("a")], &Closed).await,
        [Err(StoreError::Fenced)]
    );
    assert!(records.of_mesh(&MeshId::file()).is_empty());
    assert!(!dir.path().join("a.json").exists());
}

#[test]
fn a_second_process_is_refused_with_the_flags_name() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Records::directory(dir.path()).unwrap();
    let refused = Records::directory(dir.path()).err().unwrap();
    assert!(matches!(refused, DirectoryError::InUse { .. }), "{refused}");
    assert!(refused.to_string().starts_with("--state-dir="), "{refused}");
}

#[test]
fn a_file_that_is_no_record_is_named_and_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.json");
    for text in ["{", "[]", r#"{"mesh":"file","member":"b"}"#] {
        std::fs::write(&file, text).unwrap();
        let refused = Records::directory(dir.path()).err().unwrap().to_string();
        assert!(
            refused.starts_with(&format!("{} is not a record: ", file.display())),
            "{refused}"
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}

#[tokio::test]
async fn a_record_under_another_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::directory(dir.path()).unwrap();
    records.store("", vec![put("a")], &Open).await[0]
        .clone()
        .unwrap();
    drop(records);
    std::fs::rename(dir.path().join("a.json"), dir.path().join("b.json")).unwrap();
    let refused = Records::directory(dir.path()).err().unwrap().to_string();
    assert!(
        refused.contains("b.json is not a record: it holds the record `a`"),
        "{refused}"
    );
}

#[tokio::test]
async fn writes_are_counted_by_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = kubomesh_telemetry::Catalog::new().unwrap();
    let metrics = ReporterMetrics::register(&catalog).unwrap();
    let records = Records::directory(dir.path())
        .unwrap()
        .counted(metrics.clone());
    records
        .clone()
        .store("", vec![put("a"), put("b")], &Open)
        .await;
    records.store("", vec![put("c")], &Closed).await;
    let count = |outcome| metrics.writes.get(("record", outcome)).get();
    assert_eq!(
        (count("done"), count("conflict"), count("failed")),
        (2, 1, 0)
    );
}
