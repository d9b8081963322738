//! Records as files: what a state directory keeps, and what it refuses.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use kubomesh_api::RecordKey;
use kubomesh_core::{Fence, MemberName, MeshId, Open, Record, RecordWrite, Role};
use kubomesh_reporter::{DirectoryError, Records, RecordsView, ReporterMetrics, StoreError};

async fn open(path: &Path) -> Records {
    Records::directory(path).await.unwrap().0
}

async fn refused(path: &Path) -> String {
    Records::directory(path).await.err().unwrap().to_string()
}

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

/// What a pass uses that knows of no record.
static NONE: BTreeMap<String, Record> = BTreeMap::new();

#[tokio::test]
async fn what_was_stored_is_there_for_the_next_process_and_what_was_deleted_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let records = open(dir.path()).await;
    let stored = records
        .store("", &NONE, vec![put("a"), put("b")], &Open)
        .await;
    assert_eq!(stored, [Ok(()), Ok(())]);
    assert_eq!(records.of_mesh(&MeshId::file()).len(), 2);
    let gone = vec![
        RecordWrite::Delete("a".into()),
        RecordWrite::Delete("never".into()),
    ];
    let used = records.of_mesh(&MeshId::file());
    assert_eq!(
        records.store("", &used, gone, &Open).await,
        [Ok(()), Ok(())]
    );
    drop(records);

    let next = open(dir.path()).await;
    let kept = next.of_mesh(&MeshId::file());
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(kept["b"], record("b"));
}

#[tokio::test]
async fn nothing_is_written_while_the_fence_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let records = open(dir.path()).await;
    assert_eq!(
        records.store("", &NONE, vec![put("a")], &Closed).await,
        [Err(StoreError::Fenced)]
    );
    assert!(records.of_mesh(&MeshId::file()).is_empty());
    assert!(!dir.path().join("a.json").exists());
}

/// A fence that closes when it was asked so often.
struct Asked(AtomicUsize);

impl Fence for Asked {
    fn may_write(&self) -> bool {
        let left = |left: usize| left.checked_sub(1);
        let asked = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
        asked.is_ok()
    }
}

/// Ten thousand files take longer than a stop may, and longer than a file system that answers.
#[tokio::test]
async fn many_records_are_stored_in_batches_and_none_is_begun_after_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let records = open(dir.path()).await;
    let names: Vec<_> = (0..100).map(|at| format!("m{at:03}")).collect();
    let writes = || names.iter().map(|name| put(name)).collect();

    let results = records.store("", &NONE, writes(), &Asked(2.into())).await;
    let stored = results.iter().take_while(|result| result.is_ok()).count();
    assert_eq!(stored, 64, "two batches");
    let fenced = Err(StoreError::Fenced);
    assert!(results[stored..].iter().all(|result| *result == fenced));
    assert_eq!(results.len(), names.len());
    let file = |name: &String| dir.path().join(name).with_extension("json").exists();
    assert_eq!(names.iter().filter(|name| file(name)).count(), stored);
    assert_eq!(
        records.of_mesh(&MeshId::file()).len(),
        stored,
        "known at once"
    );

    let results = records.store("", &NONE, writes(), &Open).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(names.iter().all(file), "the next pass stores the rest");
}

#[tokio::test]
async fn a_second_process_is_refused_with_the_flags_name() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path()).await;
    let refused = Records::directory(dir.path()).await.err().unwrap();
    assert!(matches!(refused, DirectoryError::InUse { .. }), "{refused}");
    assert!(refused.to_string().starts_with("--state-dir="), "{refused}");
}

/// What the files at the start are, each holding up its own record alone.
#[tokio::test]
async fn what_is_no_record_at_the_start_is_as_later_and_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).with_extension("json");
    {
        let records = open(dir.path()).await;
        let stored = records
            .store("", &NONE, vec![put("a"), put("b")], &Open)
            .await;
        assert_eq!(stored, [Ok(()), Ok(())]);
    }
    std::fs::rename(file("b"), file("renamed")).unwrap();
    std::fs::write(file("empty"), "").unwrap();
    std::fs::write(file("garbage"), [0xff, 0x00, 0x7b]).unwrap();
    std::fs::write(file("package"), r#"{"name":"x","version":"1.0.0"}"#).unwrap();
    std::fs::create_dir(file("folder")).unwrap();
    std::fs::create_dir(dir.path().join("other.json.new")).unwrap();
    kubomesh_testkit::pipe(&file("pipe")).unwrap();
    std::os::unix::fs::symlink("nowhere", file("dangling")).unwrap();
    std::os::unix::fs::symlink("circle.json", file("circle")).unwrap();

    let records = open(dir.path()).await;
    let view = records.view();
    assert_eq!(names(&view), ["a"]);
    for (name, why) in [
        ("renamed", "it holds the record `b`"),
        ("empty", "it is empty"),
        ("garbage", "expected value at line 1 column 1"),
        ("package", "missing field `mesh`"),
        ("folder", "it is a directory, not a file"),
        ("pipe", "it is a named pipe, not a file"),
        ("dangling", "No such file"),
        ("circle", "Too many levels"),
    ] {
        let error = &view.unreadable[&RecordKey::new("", name)];
        assert_eq!(error.field, file(name).display().to_string());
        assert!(error.why.starts_with(why), "{name}: {error}");
        for write in [put(name), RecordWrite::Delete(name.into())] {
            let refused = records.store("", &NONE, vec![write], &Open).await;
            assert_eq!(refused, [Err(StoreError::Unreadable(error.clone()))]);
        }
        assert!(file(name).symlink_metadata().is_ok(), "{name} stands");
    }
    assert_eq!(view.unreadable.len(), 8);
    assert_eq!(
        std::fs::read(file("garbage")).unwrap(),
        [0xff, 0x00, 0x7b],
        "nothing is overwritten"
    );
    let stored = records.store("", &NONE, vec![put("c")], &Open).await;
    assert_eq!(stored, [Ok(())], "the others go on");
}

#[tokio::test]
async fn writes_are_counted_by_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = kubomesh_telemetry::Catalog::new().unwrap();
    let metrics = ReporterMetrics::register(&catalog).unwrap();
    let records = open(dir.path()).await.counted(metrics.clone());
    records
        .clone()
        .store("", &NONE, vec![put("a"), put("b")], &Open)
        .await;
    records.store("", &NONE, vec![put("c")], &Closed).await;
    let count = |outcome| metrics.writes.get(("record", outcome)).get();
    assert_eq!(
        (count("done"), count("conflict"), count("failed")),
        (2, 1, 0)
    );
}

// === what hands do while the process runs ===

/// A directory with the records `a` and `b`, followed. Time is the test's own.
struct Followed {
    dir: tempfile::TempDir,
    records: Records,
    _following: tokio::task::JoinSet<()>,
}

impl Followed {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (records, following) = Records::directory(dir.path()).await.unwrap();
        let stored = records
            .store("", &NONE, vec![put("a"), put("b")], &Open)
            .await;
        assert_eq!(stored, [Ok(()), Ok(())]);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(following);
        Self {
            dir,
            records,
            _following: tasks,
        }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Waits until the view is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&RecordsView) -> bool) {
        let mut view = self.records.watch();
        let seen = view.wait_for(|view| wanted(view));
        let seen = tokio::time::timeout(std::time::Duration::from_secs(60), seen).await;
        assert!(seen.is_ok(), "never: {what}");
    }
}

fn names(view: &RecordsView) -> Vec<String> {
    view.of_mesh(&MeshId::file()).keys().cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn a_record_deleted_by_hand_is_gone_and_can_be_made_anew() {
    let followed = Followed::start().await;
    std::fs::remove_file(followed.file("a.json")).unwrap();
    followed
        .until("a is gone", |view| names(view) == ["b"])
        .await;
    let again = followed
        .records
        .store("", &NONE, vec![put("a")], &Open)
        .await;
    assert_eq!(again, [Ok(())]);
    assert!(followed.file("a.json").exists());
}

#[tokio::test(start_paused = true)]
async fn a_record_edited_by_hand_is_read_again_and_nonsense_is_not_overwritten() {
    let followed = Followed::start().await;
    let mut edited = record("a");
    edited.zone = "elsewhere".into();
    std::fs::write(
        followed.file("a.json"),
        serde_json::to_vec(&edited).unwrap(),
    )
    .unwrap();
    let key = RecordKey::new("", "a");
    followed
        .until("the edit", |view| view.get(&key) == Some(&edited))
        .await;

    std::fs::remove_file(followed.file("a.json")).unwrap();
    let pipe = followed.file("a.json");
    kubomesh_testkit::pipe(&pipe).unwrap();
    followed
        .until("the pipe", |view| view.unreadable.contains_key(&key))
        .await;
    let refused = followed
        .records
        .store("", &NONE, vec![put("a")], &Open)
        .await;
    let said = refused[0].as_ref().unwrap_err().to_string();
    assert_eq!(
        said,
        format!(
            "{} of record a is `unreadable`: it is a named pipe, not a file; put it right or delete \
             the record",
            pipe.display()
        )
    );
    std::fs::remove_file(&pipe).unwrap();
    followed
        .until("nothing", |view| view.unreadable.is_empty())
        .await;
}

#[tokio::test]
async fn what_hands_did_since_the_plan_used_a_record_is_a_conflict_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody looks at the files: each write does.
    let (records, _following) = Records::directory(dir.path()).await.unwrap();
    let store = async |used: &BTreeMap<_, _>, write| {
        let mut results = records.store("", used, vec![write], &Open).await;
        results.remove(0)
    };
    let zoned = |name, zone: &str| {
        let mut record = record(name);
        record.zone = zone.into();
        record
    };
    let write = |record: Record| RecordWrite::Put(Box::new(record));
    for name in ["edited", "deleted", "touched"] {
        assert_eq!(store(&NONE, put(name)).await, Ok(()));
    }
    let used = records.of_mesh(&MeshId::file());
    let file = |name: &str| dir.path().join(name).with_extension("json");
    let by_hand = |record: &Record| {
        let text = serde_json::to_vec(record).unwrap();
        std::fs::write(file(&record.name()), text).unwrap();
    };
    let theirs = ["edited", "made"].map(|name| zoned(name, "theirs"));
    theirs.iter().for_each(by_hand);
    std::fs::remove_file(file("deleted")).unwrap();
    by_hand(&record("touched"));

    for name in ["edited", "deleted", "made"] {
        // Once by what the file shows, once by what is known of it since.
        for _ in 0..2 {
            let refused = store(&used, write(zoned(name, "ours"))).await;
            assert_eq!(refused, Err(StoreError::Conflict(name.into())));
        }
    }
    let known = records.of_mesh(&MeshId::file());
    assert_eq!(known.get("edited"), Some(&theirs[0]));
    assert_eq!(known.get("made"), Some(&theirs[1]));
    assert_eq!(known.get("deleted"), None);
    for name in ["edited", "made"] {
        let text = std::fs::read(file(name)).unwrap();
        assert_eq!(text, serde_json::to_vec(&known[name]).unwrap());
    }
    let gone = RecordWrite::Delete("deleted".into());
    assert_eq!(store(&used, gone).await, Ok(()), "it is gone already");
    let touched = write(zoned("touched", "ours"));
    assert_eq!(store(&used, touched).await, Ok(()), "it held the same");
    let edited = write(zoned("edited", "ours"));
    assert_eq!(store(&known, edited).await, Ok(()), "planned anew");
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_gone_or_another_takes_no_records_and_loses_none() {
    let followed = Followed::start().await;
    let gone = followed.dir.path().with_extension("gone");
    std::fs::rename(followed.dir.path(), &gone).unwrap();
    for (file, place) in [
        (None, "it is gone"),
        (
            Some("other"),
            "its file .lock is gone, or another directory stands in its place",
        ),
        (Some(".lock"), "another directory stands in its place"),
    ] {
        if let Some(file) = file {
            std::fs::create_dir_all(followed.dir.path()).unwrap();
            std::fs::write(followed.file(file), "").unwrap();
        }
        let stored = followed
            .records
            .store("", &NONE, vec![put("c")], &Open)
            .await;
        let said = stored[0].as_ref().unwrap_err().to_string();
        let wanted = format!(
            "--state-dir={}: {place}; put the former one back, or restart the controller, which then \
             begins with what is there",
            followed.dir.path().display()
        );
        assert_eq!(said, format!("record c is not stored: {wanted}"));
        followed
            .until(place, |view| view.trouble.as_deref() == Some(&wanted))
            .await;
        assert_eq!(names(&followed.records.view()), ["a", "b"]);
    }
    std::fs::remove_dir_all(followed.dir.path()).unwrap();
    std::fs::rename(&gone, followed.dir.path()).unwrap();
    let stored = followed
        .records
        .store("", &NONE, vec![put("c")], &Open)
        .await;
    assert_eq!(stored, [Ok(())]);
    followed
        .until("the end of it", |view| view.trouble.is_none())
        .await;
}

#[tokio::test]
async fn pipes_in_the_place_of_files_are_refused_and_hold_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join(".lock");
    kubomesh_testkit::pipe(&pipe).unwrap();
    let said = refused(dir.path()).await;
    let wanted = " cannot be locked: it is a named pipe, not a file";
    assert!(
        said.starts_with(&format!("{}{wanted}", pipe.display())),
        "{said}"
    );
    let dir = tempfile::tempdir().unwrap();
    let records = open(dir.path()).await;
    let pipe = dir.path().join("a.json.new");
    kubomesh_testkit::pipe(&pipe).unwrap();
    assert_eq!(
        records.store("", &NONE, vec![put("a")], &Open).await,
        [Ok(())]
    );
    assert!(!pipe.exists());
}

/// What the system says of a directory that cannot be made tells nobody what to do.
#[tokio::test]
async fn a_directory_that_cannot_be_made_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (path, end) in [
        (
            file.join("state"),
            "it, or what it should be in, is no directory; name another",
        ),
        (
            // Nobody makes directories there, not even root.
            "/proc/kubomesh/state".into(),
            "No such file or directory (os error 2); make what it should be in, or name another",
        ),
    ] {
        let wanted = format!("--state-dir={}: {end}", path.display());
        assert_eq!(refused(&path).await, wanted);
    }
    // EROFS and EACCES: what a container without a volume, and one of another user, meets.
    for (code, end) in [
        (
            30,
            "name a directory on a file system that can be written, or mount this one so",
        ),
        (
            13,
            "see that this process may read and write there and that there is room",
        ),
    ] {
        let source = std::io::Error::from_raw_os_error(code);
        let path = "/state".into();
        let said = DirectoryError::Io { path, source }.to_string();
        assert!(
            said.ends_with(&format!("(os error {code}); {end}")),
            "{said}"
        );
    }
}
