//! The files of a state directory: whose it is, what is there, how a record is read and replaced.
//! Everything here blocks the thread.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubomesh_api::{RecordError, RecordKey};
use kubomesh_core::{Record, RecordWrite};
use kubomesh_process::{read_file, regular};

use super::super::view::{Change, RecordsView};
use super::super::{DirectoryError, StoreError, is_due};

/// Name of the file whose lock is the directory's.
const LOCK: &str = ".lock";

/// A record's file is `<record>.json`.
const SUFFIX: &str = ".json";

/// What a file is called until it is whole.
const TEMPORARY: &str = ".json.new";

/// Largest record: tens of thousands of retired identities.
const MAX_RECORD: u64 = 16 << 20;

/// Where the files are.
#[derive(Clone)]
pub(super) struct Place {
    path: PathBuf,
    /// Keeps the lock until the process ends.
    lock: Arc<File>,
}

/// By record name: which file it was when it was last read or written.
pub(super) type Stamps = BTreeMap<String, Stamp>;

/// Inode, length, times of content and of status: another one after any change.
pub(super) type Stamp = (u64, u64, (i64, i64), (i64, i64));

/// What became of a write, and what is to be known of its record since.
pub(super) type Written = (Result<(), StoreError>, Option<Change>);

// === impl Place ===

impl Place {
    /// Makes the directory where there is none, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, DirectoryError> {
        let unusable = |source| DirectoryError::Io {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                let why = "it, or what it should be in, is no directory";
                unusable(std::io::Error::new(error.kind(), why))
            }
            _ => unusable(error),
        })?;
        let file = path.join(LOCK);
        // To open a pipe would wait for whoever reads it.
        if let Ok(about) = std::fs::metadata(&file) {
            regular(&about).map_err(|error| DirectoryError::NoLock {
                path: file.clone(),
                why: error.to_string(),
            })?;
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(file)
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                lock: Arc::new(lock),
            }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the directory is still the one that this process holds.
    fn still_ours(&self) -> Result<(), String> {
        let path = self.path.display();
        let lock = std::fs::metadata(self.path.join(LOCK));
        match (lock, self.lock.metadata()) {
            (Ok(there), Ok(ours)) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
                Ok(())
            }
            (Ok(_), Ok(_)) => Err(format!(
                "--state-dir={path}: another directory stands in its place; put the former one \
                 back, or restart the controller, which then begins with what is there"
            )),
            (Err(error), _) if error.kind() == ErrorKind::NotFound => {
                let what = match self.path.exists() {
                    true => {
                        format!("its file {LOCK} is gone, or another directory stands in its place")
                    }
                    false => "it is gone".to_owned(),
                };
                Err(format!(
                    "--state-dir={path}: {what}; put the former one back, or restart the controller, \
                     which then begins with what is there"
                ))
            }
            (Err(error), _) | (_, Err(error)) => Err(format!("--state-dir={path}: {error}")),
        }
    }

    /// Another one after a file got or lost a name there; none where nothing of ours can be seen.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.still_ours().ok()?;
        std::fs::metadata(&self.path).ok().map(|it| stamp(&it))
    }

    /// The files that look like records.
    fn list(&self) -> std::io::Result<BTreeMap<String, Stamp>> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(&self.path)? {
            let file = entry?.file_name();
            let Some(name) = file.to_str().and_then(|file| file.strip_suffix(SUFFIX)) else {
                continue;
            };
            // None: deleted since it was listed.
            if let Some(stamp) = stamp_of(&self.path.join(&file))? {
                files.insert(name.to_owned(), stamp);
            }
        }
        Ok(files)
    }

    /// What is there at the start; what cannot be read is so in the view.
    pub(super) fn read_all(&self) -> Result<(Vec<Change>, Stamps), DirectoryError> {
        let unusable = |source| DirectoryError::Io {
            path: self.path.clone(),
            source,
        };
        for entry in std::fs::read_dir(&self.path).map_err(unusable)? {
            let entry = entry.map_err(unusable)?;
            let name = entry.file_name();
            let temporary = name.to_str().is_some_and(|file| file.ends_with(TEMPORARY));
            if temporary && entry.file_type().map_err(unusable)?.is_file() {
                // Left by a crash in the middle of a write, which therefore covers nothing.
                std::fs::remove_file(entry.path()).map_err(unusable)?;
            }
        }
        let stamps = self.list().map_err(unusable)?;
        let changes = stamps.keys().map(|name| self.found(name)).collect();
        Ok((changes, stamps))
    }

    /// What hands changed since; what cannot be read becomes so in the view.
    pub(super) fn look(
        &self,
        stamps: &mut Stamps,
        view: &RecordsView,
    ) -> Result<Vec<Change>, String> {
        self.still_ours()?;
        let now = self
            .list()
            .map_err(|error| format!("--state-dir={}: {error}", self.path.display()))?;
        let gone = stamps.keys().filter(|name| !now.contains_key(*name));
        let mut changes: Vec<Change> = gone.map(|name| self.deleted(name)).collect();
        for (name, stamp) in &now {
            if stamps.get(name) == Some(stamp) {
                continue;
            }
            changes.push(self.edited(name, view));
        }
        *stamps = now;
        Ok(changes)
    }

    /// What a hand deleted.
    fn deleted(&self, name: &str) -> Change {
        let file = self.file(name);
        tracing::warn!(file = %file.display(), "a record was deleted by hand");
        (RecordKey::new("", name), None)
    }

    /// What a hand wrote, if it did more than touch it. That it is no record says whoever knows
    /// whose it would be.
    fn edited(&self, name: &str, view: &RecordsView) -> Change {
        let (key, record) = self.found(name);
        if let Some(Ok(record)) = &record
            && view.get(&key) != Some(record)
        {
            tracing::warn!(file = %self.file(name).display(), "a record was edited by hand");
        }
        (key, record)
    }

    /// What a file says now.
    fn found(&self, name: &str) -> Change {
        let record = self.read(name).map_err(|why| RecordError {
            record: name.to_owned(),
            field: self.file(name).display().to_string(),
            value: "unreadable".into(),
            why,
        });
        (RecordKey::new("", name), Some(record.map(Arc::new)))
    }

    fn read(&self, name: &str) -> Result<Record, String> {
        let text = read_file(&self.file(name), MAX_RECORD).map_err(|error| error.to_string())?;
        if text.is_empty() {
            return Err("it is empty".into());
        }
        let record: Record = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if record.name() != name {
            return Err(format!("it holds the record `{}`", record.name()));
        }
        Ok(record)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{SUFFIX}"))
    }

    /// What became of each write, in order.
    pub(super) fn write_all(
        &self,
        view: &RecordsView,
        used: &BTreeMap<String, Record>,
        writes: Vec<RecordWrite>,
        stamps: &mut Stamps,
    ) -> Vec<Written> {
        if let Err(why) = self.still_ours() {
            let failed = |write: RecordWrite| (Err(failed(&write.name(), &why)), None);
            return writes.into_iter().map(failed).collect();
        }
        let one = |write| self.write_one(view, used, write, stamps);
        let mut all: Vec<Written> = writes.into_iter().map(one).collect();
        let written = |(result, change): &Written| result.is_ok() && change.is_some();
        if all.iter().any(written)
            && let Err(error) = File::open(&self.path).and_then(|directory| directory.sync_all())
        {
            // The names may not survive a crash: nothing that they cover may be done.
            for one in &mut all {
                if let (Ok(()), Some((key, _))) = one {
                    *one = (Err(refused(&key.name, &self.path, &error)), None);
                }
            }
        }
        all
    }

    fn write_one(
        &self,
        view: &RecordsView,
        used: &BTreeMap<String, Record>,
        write: RecordWrite,
        stamps: &mut Stamps,
    ) -> Written {
        let name = write.name();
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return (Err(failed(&name, "its name cannot be a file's")), None);
        }
        let file = self.file(&name);
        let heard = match self.look_at(&name, view, stamps) {
            Ok(heard) => heard,
            Err(error) => return (Err(refused(&name, &file, &error)), None),
        };
        let key = RecordKey::new("", &name);
        let stands = match &heard {
            Some((_, record)) => record.as_ref().map(Result::as_deref),
            None => view.stands(&key),
        };
        match is_due(&write, stands, used.get(&name)) {
            Ok(true) => {}
            Ok(false) => return (Ok(()), heard),
            Err(error) => return (Err(error), heard),
        }
        let done = match write {
            RecordWrite::Put(record) => replace(&file, &record).map(|stamp| {
                stamps.insert(name.clone(), stamp);
                (key, Some(Ok(Arc::from(record))))
            }),
            RecordWrite::Delete(_) => match std::fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => {
                    stamps.remove(&name);
                    Ok((key, None))
                }
            },
        };
        match done {
            Ok(change) => (Ok(()), Some(change)),
            Err(error) => (Err(refused(&name, &file, &error)), heard),
        }
    }

    /// What a hand did to one file since the last look.
    fn look_at(
        &self,
        name: &str,
        view: &RecordsView,
        stamps: &mut Stamps,
    ) -> std::io::Result<Option<Change>> {
        let now = stamp_of(&self.file(name))?;
        if now.as_ref() == stamps.get(name) {
            return Ok(None);
        }
        Ok(Some(match now {
            Some(now) => {
                stamps.insert(name.to_owned(), now);
                self.edited(name, view)
            }
            None => {
                stamps.remove(name);
                self.deleted(name)
            }
        }))
    }
}

/// Which file has a name; `None`: none has. A link that leads nowhere is what has the name: it is not
/// a record, and a record is not written over it.
fn stamp_of(file: &Path) -> std::io::Result<Option<Stamp>> {
    let about = std::fs::metadata(file).or_else(|_| std::fs::symlink_metadata(file));
    match about {
        Ok(about) => Ok(Some(stamp(&about))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn stamp(about: &Metadata) -> Stamp {
    let content = (about.mtime(), about.mtime_nsec());
    let status = (about.ctime(), about.ctime_nsec());
    (about.ino(), about.len(), content, status)
}

/// Writes a whole file and gives it its name; which file that is.
fn replace(file: &Path, record: &Record) -> std::io::Result<Stamp> {
    let temporary = file.with_extension("json.new");
    let mut text = serde_json::to_vec_pretty(record)?;
    text.push(b'\n');
    // Whatever has this name is nobody's, and may be a pipe.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = File::create_new(&temporary)?;
    new.write_all(&text)?;
    new.sync_all()?;
    std::fs::rename(&temporary, file)?;
    // The name changed the file's status.
    Ok(stamp(&new.metadata()?))
}

fn refused(name: &str, path: &Path, error: &std::io::Error) -> StoreError {
    let path = path.display();
    let why = format!("{path}: {error}; see that this process may write there and has room");
    failed(name, &why)
}

pub(super) fn failed(name: &str, why: &str) -> StoreError {
    StoreError::Failed {
        record: name.into(),
        why: why.into(),
    }
}
