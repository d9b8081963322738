//! Records as JSON files in a state directory: each replaced by rename, all behind one lock.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubomesh_api::RecordKey;
use kubomesh_core::{Fence, Record, RecordWrite};
use tokio::sync::{Mutex, watch};

use super::view::{Change, RecordsView};
use super::{DirectoryError, StoreError};

/// Name of the file whose lock is the directory's.
const LOCK: &str = ".lock";

/// A record's file is `<record>.json`.
const SUFFIX: &str = ".json";

/// A state directory, held alone.
pub(super) struct DirectoryRecords {
    path: PathBuf,
    view: watch::Sender<Arc<RecordsView>>,
    /// Held while files are written: one batch after the other.
    writing: Mutex<()>,
    /// Keeps the lock until the process ends.
    _lock: File,
}

// === impl DirectoryRecords ===

impl DirectoryRecords {
    pub(super) fn open(path: &Path) -> Result<Self, DirectoryError> {
        let unusable = |source| DirectoryError::Io {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(path).map_err(unusable)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DirectoryError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let mut view = RecordsView::default();
        view.synced = true;
        view.take(read_all(path)?);
        Ok(Self {
            path: path.to_owned(),
            view: watch::Sender::new(Arc::new(view)),
            writing: Mutex::new(()),
            _lock: lock,
        })
    }

    pub(super) fn sender(&self) -> &watch::Sender<Arc<RecordsView>> {
        &self.view
    }

    pub(super) async fn store(
        &self,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        let _writing = self.writing.lock().await;
        let names: Vec<_> = writes.iter().map(name).collect();
        if !fence.may_write() {
            return names.iter().map(|_| Err(StoreError::Fenced)).collect();
        }
        let view = Arc::clone(&self.view.borrow());
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || write_all(&path, &view, writes)).await;
        let outcomes = written.unwrap_or_else(|error| {
            names
                .iter()
                .map(|name| Err(failed(name, &error.to_string())))
                .collect()
        });
        let (results, changes): (Vec<_>, Vec<Option<Change>>) = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(change) => (Ok(()), change),
                Err(error) => (Err(error), None),
            })
            .unzip();
        self.view.send_if_modified(|view| {
            let mut next = RecordsView::clone(view);
            let changed = next.take(changes.into_iter().flatten().collect());
            if changed {
                *view = Arc::new(next);
            }
            changed
        });
        results
    }
}

/// What a write changed; `None`: it stood so already.
type Written = Result<Option<Change>, StoreError>;

fn name(write: &RecordWrite) -> String {
    match write {
        RecordWrite::Put(record) => record.name(),
        RecordWrite::Delete(name) => name.clone(),
    }
}

fn read_all(path: &Path) -> Result<Vec<Change>, DirectoryError> {
    let unusable = |source| DirectoryError::Io {
        path: path.to_owned(),
        source,
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(path).map_err(unusable)? {
        let entry = entry.map_err(unusable)?;
        let file = entry.file_name();
        let Some(file) = file.to_str() else { continue };
        if file.ends_with(TEMPORARY) {
            // Left by a crash in the middle of a write, which therefore covers nothing.
            std::fs::remove_file(entry.path()).map_err(unusable)?;
        } else if let Some(record) = file.strip_suffix(SUFFIX) {
            files.insert(record.to_owned(), entry.path());
        }
    }
    let read = |(name, path): (String, PathBuf)| {
        let record = read(&name, &path)?;
        Ok((RecordKey::new("", &name), Some(Ok(Arc::new(record)))))
    };
    files.into_iter().map(read).collect()
}

fn read(name: &str, path: &Path) -> Result<Record, DirectoryError> {
    let unreadable = |why: String| DirectoryError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let text = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    let record: Record = serde_json::from_slice(&text).map_err(|e| unreadable(e.to_string()))?;
    if record.name() != name {
        return Err(unreadable(format!(
            "it holds the record `{}`",
            record.name()
        )));
    }
    Ok(record)
}

fn write_all(path: &Path, view: &RecordsView, writes: Vec<RecordWrite>) -> Vec<Written> {
    let mut outcomes: Vec<Written> = writes
        .into_iter()
        .map(|write| write_one(path, view, write))
        .collect();
    if outcomes
        .iter()
        .any(|outcome| matches!(outcome, Ok(Some(_))))
        && let Err(error) = File::open(path).and_then(|directory| directory.sync_all())
    {
        // The names may not survive a crash: nothing that they cover may be done.
        for outcome in &mut outcomes {
            if let Ok(Some((key, _))) = outcome {
                *outcome = Err(failed(&key.name, &error.to_string()));
            }
        }
    }
    outcomes
}

fn write_one(path: &Path, view: &RecordsView, write: RecordWrite) -> Written {
    let name = name(&write);
    let key = RecordKey::new("", &name);
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(failed(&name, "its name cannot be a file's"));
    }
    let file = path.join(format!("{name}{SUFFIX}"));
    match write {
        RecordWrite::Put(record) if view.get(&key) == Some(&*record) => Ok(None),
        RecordWrite::Put(record) => replace(&file, &record)
            .map(|()| Some((key, Some(Ok(Arc::from(record))))))
            .map_err(|error| failed(&name, &error.to_string())),
        RecordWrite::Delete(_) => match std::fs::remove_file(&file) {
            Ok(()) => Ok(Some((key, None))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some((key, None))),
            Err(error) => Err(failed(&name, &error.to_string())),
        },
    }
}

/// What a file is called until it is whole.
const TEMPORARY: &str = ".json.new";

fn replace(file: &Path, record: &Record) -> std::io::Result<()> {
    let temporary = file.with_extension("json.new");
    let mut text = serde_json::to_vec_pretty(record)?;
    text.push(b'\n');
    let mut new = File::create(&temporary)?;
    new.write_all(&text)?;
    new.sync_all()?;
    std::fs::rename(&temporary, file)
}

fn failed(name: &str, why: &str) -> StoreError {
    StoreError::Failed {
        record: name.into(),
        why: why.into(),
    }
}
