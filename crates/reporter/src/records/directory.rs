//! Records as JSON files in a state directory: each replaced by rename, all behind one lock.

mod files;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Fence, Record, RecordWrite};
use kubomesh_process::said_if_slow;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{MissedTickBehavior, interval};

use super::view::{Change, RecordsView};
use super::{DirectoryError, StoreError};

use files::{Place, Stamps, Written, failed};

/// How often it is looked whether a hand added, replaced or deleted a file: one look at the directory.
const LOOK: Duration = Duration::from_secs(5);

/// At every so many looks each file is looked at: what was edited in place leaves the directory as it
/// was, and thousands of files every five seconds would cost a tenth of what a quiet fleet does.
const EACH_FILE: u32 = 6;

/// So many records are stored at a time: each such batch has its own deadline, and none is begun once
/// this process may not write. A file that takes a tenth of a second, as on a slow network disk, is
/// no file system that does not answer.
const BATCH: usize = 32;

/// After so long without an answer it is said that the file system gives none.
const SLOW: Duration = Duration::from_secs(5);

/// A state directory, held alone.
pub(super) struct DirectoryRecords {
    place: Place,
    view: watch::Sender<Arc<RecordsView>>,
    /// Held while files are read or written, by one batch after the other.
    files: Arc<Mutex<Stamps>>,
}

// === impl DirectoryRecords ===

impl DirectoryRecords {
    /// Blocks the thread.
    pub(super) fn open(path: &Path) -> Result<Self, DirectoryError> {
        let place = Place::open(path)?;
        let mut view = RecordsView::default();
        view.synced = true;
        let (changes, stamps) = place.read_all()?;
        view.take(changes);
        Ok(Self {
            place,
            view: watch::Sender::new(Arc::new(view)),
            files: Arc::new(Mutex::new(stamps)),
        })
    }

    pub(super) fn sender(&self) -> &watch::Sender<Arc<RecordsView>> {
        &self.view
    }

    /// Looks again and again at what is there: hands edit and delete files. Runs until it is dropped.
    pub(super) async fn follow(&self) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut listed, mut looks) = (None, 0_u32);
        loop {
            tick.tick().await;
            let each_file = looks.is_multiple_of(EACH_FILE);
            looks = looks.wrapping_add(1);
            let mut stamps = Arc::clone(&self.files).lock_owned().await;
            let (place, view) = (self.place.clone(), Arc::clone(&self.view.borrow()));
            let looking = tokio::task::spawn_blocking(move || {
                let directory = place.stamp();
                if !each_file && directory.is_some() && directory == listed {
                    return (Ok(Vec::new()), directory, stamps);
                }
                let found = place.look(&mut stamps, &view);
                (found, directory, stamps)
            });
            let Ok((found, directory, _stamps)) = self.answered(looking).await else {
                // It panicked, or the runtime ends; the next look starts from the same stamps.
                continue;
            };
            match found {
                Ok(changes) => {
                    listed = directory;
                    self.take(changes);
                    self.say(None);
                }
                Err(why) => self.say(Some(why)),
            }
        }
    }

    /// What keeps records from being stored, or that nothing does: said and shown when it is news.
    fn say(&self, trouble: Option<String>) {
        let trouble: Option<Arc<str>> = trouble.map(Arc::from);
        let news = self.view.send_if_modified(|view| {
            let news = view.trouble != trouble;
            if news {
                Arc::make_mut(view).trouble.clone_from(&trouble);
            }
            news
        });
        match trouble {
            _ if !news => {}
            Some(why) => tracing::warn!("{why}; no record can be stored until then"),
            None => {
                let path = self.place.path().display();
                tracing::info!("--state-dir={path}: records can be stored again");
            }
        }
    }

    /// In batches, one after the other, and nobody else writes or looks between them. What is not
    /// begun when the fence closes is fenced.
    pub(super) async fn store(
        &self,
        used: &BTreeMap<String, Record>,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        let mut stamps = Arc::clone(&self.files).lock_owned().await;
        let (mut results, mut changes) = (Vec::with_capacity(writes.len()), Vec::new());
        let mut writes = writes.into_iter();
        loop {
            let batch: Vec<_> = writes.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            if !fence.may_write() {
                results.extend(batch.iter().map(|_| Err(StoreError::Fenced)));
                continue;
            }
            let names: Vec<_> = batch.iter().map(RecordWrite::name).collect();
            match self.store_batch(used, batch, stamps).await {
                Ok((written, left)) => {
                    stamps = left;
                    let (result, change): (Vec<_>, Vec<_>) = written.into_iter().unzip();
                    results.extend(result);
                    changes.extend(change.into_iter().flatten());
                }
                // It panicked, or the runtime ends.
                Err(error) => {
                    let why = error.to_string();
                    let rest = writes.by_ref().map(|write| write.name());
                    let rest = names.into_iter().chain(rest);
                    results.extend(rest.map(|name| Err(failed(&name, &why))));
                    break;
                }
            }
        }
        // At once: what is shared of the view is copied when it changes.
        self.take(changes);
        results
    }

    async fn store_batch(
        &self,
        used: &BTreeMap<String, Record>,
        batch: Vec<RecordWrite>,
        mut stamps: OwnedMutexGuard<Stamps>,
    ) -> Result<(Vec<Written>, OwnedMutexGuard<Stamps>), JoinError> {
        let (place, view) = (self.place.clone(), Arc::clone(&self.view.borrow()));
        let of = |write: &RecordWrite| {
            let name = write.name();
            used.get(&name).map(|record| (name, record.clone()))
        };
        let used = batch.iter().filter_map(of).collect();
        let writing = tokio::task::spawn_blocking(move || {
            let written = place.write_all(&view, &used, batch, &mut stamps);
            (written, stamps)
        });
        self.answered(writing).await
    }

    fn take(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        self.view.send_if_modified(|view| {
            let mut next = RecordsView::clone(view);
            let changed = next.take(changes);
            if changed {
                *view = Arc::new(next);
            }
            changed
        });
    }

    /// Waits for as long as it takes.
    async fn answered<T>(&self, work: JoinHandle<T>) -> Result<T, JoinError> {
        let path = self.place.path().display();
        let say = |why| {
            tracing::warn!("--state-dir={path}: {why}; no record can be stored until it does");
        };
        let (done, said) = said_if_slow(work, SLOW, say).await;
        if said {
            tracing::info!("--state-dir={path}: the file system answers again");
        }
        done
    }
}
