//! Records as files: one JSON file a record, replaced by rename, under a lock.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kubomesh_api::RecordKey;
use kubomesh_core::{Fence, Record, RecordWrite};
use tokio::sync::watch;

use super::{RecordsView, StoreError};

/// The file that is locked as long as a process uses the directory.
const LOCK: &str = ".lock";

/// A state directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Another process has it.
    #[error(
        "--state-dir={}: another process uses it; stop that one or give this one a directory of \
         its own", .path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("--state-dir={}: {source}", .path.display())]
    Io {
        /// The directory or a file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file in it is no record.
    #[error(
        "{} is not a record: {why}; put it right, or delete it to have it made anew", .path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The state directory of this process.
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
    records: Arc<Mutex<BTreeMap<RecordKey, Record>>>,
    view: Arc<watch::Sender<Arc<RecordsView>>>,
}

impl Directory {
    /// Takes the lock and reads every record.
    pub(super) fn open(
        path: &Path,
    ) -> Result<(Self, watch::Receiver<Arc<RecordsView>>), DirectoryError> {
        let io = |source| DirectoryError::Io {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(io)?;
        let lock = File::create(path.join(LOCK)).map_err(io)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => DirectoryError::InUse {
                path: path.to_owned(),
            },
            TryLockError::Error(source) => io(source),
        })?;
        let records = read_all(path)?;
        let first = RecordsView::new(true, records.iter(), &RecordsView::default());
        let (view, receiver) = watch::channel(Arc::new(first));
        let directory = Self {
            path: path.to_owned(),
            _lock: lock,
            records: Arc::new(Mutex::new(records)),
            view: Arc::new(view),
        };
        Ok((directory, receiver))
    }

    pub(super) async fn store(
        &self,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        if !fence.may_write() {
            return writes.iter().map(|_| Err(StoreError::Fenced)).collect();
        }
        let (path, records, view) = (
            self.path.clone(),
            Arc::clone(&self.records),
            Arc::clone(&self.view),
        );
        let count = writes.len();
        let written =
            tokio::task::spawn_blocking(move || write_all(&path, writes, &records, &view));
        written.await.unwrap_or_else(|error| {
            let why = error.to_string();
            let lost = StoreError::Refused {
                record: "?".into(),
                verb: "replaced",
                why,
            };
            vec![Err(lost); count]
        })
    }
}

fn read_all(path: &Path) -> Result<BTreeMap<RecordKey, Record>, DirectoryError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DirectoryError::Io { path, source }
    };
    let mut records = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(io(path))? {
        let file = entry.map_err(io(path))?.path();
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let unreadable = |why: String| DirectoryError::Unreadable {
            path: file.clone(),
            why,
        };
        let text = fs::read(&file).map_err(io(&file))?;
        let record: Record =
            serde_json::from_slice(&text).map_err(|e| unreadable(e.to_string()))?;
        let named = file.file_stem().and_then(|stem| stem.to_str());
        if named != Some(&record.name()) {
            return Err(unreadable(format!(
                "it holds the record `{}`",
                record.name()
            )));
        }
        records.insert(RecordKey::new("", &record.name()), record);
    }
    Ok(records)
}

fn write_all(
    path: &Path,
    writes: Vec<RecordWrite>,
    records: &Mutex<BTreeMap<RecordKey, Record>>,
    view: &watch::Sender<Arc<RecordsView>>,
) -> Vec<Result<(), StoreError>> {
    let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
    let results = writes.into_iter().map(|write| match write {
        RecordWrite::Put(record) => {
            let name = record.name();
            replace(path, &name, &record).map_err(refused(&name, "replaced"))?;
            records.insert(RecordKey::new("", &name), *record);
            Ok(())
        }
        RecordWrite::Delete(name) => {
            match fs::remove_file(path.join(format!("{name}.json"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(refused(&name, "deleted")(error));
                }
                _ => {}
            }
            records.remove(&RecordKey::new("", &name));
            Ok(())
        }
    });
    let results = results.collect();
    // One flush of the directory makes all renames and removals of this batch last.
    if let Err(error) = File::open(path).and_then(|directory| directory.sync_all()) {
        tracing::warn!(%error, path = %path.display(), "the state directory cannot be flushed");
    }
    view.send_modify(|view| *view = Arc::new(RecordsView::new(true, records.iter(), view)));
    results
}

/// Writes beside, flushes, renames over: a crash leaves the old file or the new one.
fn replace(path: &Path, name: &str, record: &Record) -> io::Result<()> {
    let beside = path.join(format!("{name}.json.new"));
    let mut file = File::create(&beside)?;
    serde_json::to_writer_pretty(&mut file, record)?;
    file.write_all(b"\n")?;
    file.sync_data()?;
    fs::rename(beside, path.join(format!("{name}.json")))
}

fn refused(name: &str, verb: &'static str) -> impl Fn(io::Error) -> StoreError {
    let record = name.to_owned();
    move |error| StoreError::Refused {
        record: record.clone(),
        verb,
        why: error.to_string(),
    }
}
