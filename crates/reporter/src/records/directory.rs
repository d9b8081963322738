//! Records as JSON files in a state directory: each replaced by rename, all behind one lock.

mod files;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Fence, Record, RecordWrite};
use kubomesh_process::said_if_slow;
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{MissedTickBehavior, interval};

use super::view::{Change, RecordsView};
use super::{DirectoryError, StoreError};

use files::{Place, Stamps, failed};

/// How often it is looked whether a hand added, replaced or deleted a file: one look at the directory.
const LOOK: Duration = Duration::from_secs(5);

/// At every so many looks each file is looked at: what was edited in place leaves the directory as it
/// was, and thousands of files every five seconds would cost a tenth of what a quiet fleet does.
const EACH_FILE: u32 = 6;

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

    pub(super) async fn store(
        &self,
        used: &BTreeMap<String, Record>,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        let mut stamps = Arc::clone(&self.files).lock_owned().await;
        let names: Vec<_> = writes.iter().map(RecordWrite::name).collect();
        if !fence.may_write() {
            return names.iter().map(|_| Err(StoreError::Fenced)).collect();
        }
        let (place, view) = (self.place.clone(), Arc::clone(&self.view.borrow()));
        let of = |name: &String| used.get(name).map(|record| (name.clone(), record.clone()));
        let used = names.iter().filter_map(of).collect();
        let writing = tokio::task::spawn_blocking(move || {
            let written = place.write_all(&view, &used, writes, &mut stamps);
            (written, stamps)
        });
        let (written, _stamps) = match self.answered(writing).await {
            Ok((written, stamps)) => (written, Some(stamps)),
            Err(error) => {
                let failed = |name: &String| (Err(failed(name, &error.to_string())), None);
                (names.iter().map(failed).collect(), None)
            }
        };
        let (results, changes): (Vec<_>, Vec<_>) = written.into_iter().unzip();
        self.take(changes.into_iter().flatten().collect());
        results
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
