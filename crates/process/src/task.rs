//! Tasks: every one is tracked and named, and its end is observed.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a task ends with: nothing, or a reason why it could not go on.
pub trait TaskOutput: Send + 'static {
    /// The reason as a sentence, if it failed.
    fn failure(self) -> Option<String>;
}

/// Where tasks of one stage are started. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    at_once: CancellationToken,
    falls: mpsc::UnboundedSender<Fall>,
    alive: Arc<Mutex<Alive>>,
}

/// A task that ended as it should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fall {
    pub(crate) task: Arc<str>,
    pub(crate) why: String,
}

/// The names of the tasks that run, by the order of their start.
#[derive(Debug, Default)]
struct Alive {
    next: u64,
    names: BTreeMap<u64, Arc<str>>,
}

/// Takes a task's name off the list when it ends, however it ends.
struct Entry {
    alive: Arc<Mutex<Alive>>,
    key: u64,
}

/// What is done with a task that simply ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// It should have run until it was asked to stop.
    UntilStop,
    /// It may end whenever it is done.
    UntilDone,
}

// === impl Tasks ===

impl Tasks {
    pub(crate) fn new(at_once: CancellationToken, falls: mpsc::UnboundedSender<Fall>) -> Self {
        let (tracker, stop, alive) = (TaskTracker::new(), CancellationToken::new(), Arc::default());
        Self {
            tracker,
            stop,
            at_once,
            falls,
            alive,
        }
    }

    /// Cancelled when the tasks of this stage are asked to end by themselves.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task that runs until [`Tasks::stop`]. When it panics, fails, or ends before, the
    /// process stops with exit code 1 and a sentence that has this name.
    pub fn spawn<F>(&self, name: impl Into<Arc<str>>, task: F)
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.start(name.into(), Lasting::UntilStop, task);
    }

    /// Starts a task that may end when it is done. When it panics or fails, the process stops with
    /// exit code 1.
    pub fn spawn_job<F>(&self, name: impl Into<Arc<str>>, task: F)
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.start(name.into(), Lasting::UntilDone, task);
    }

    /// Asks all tasks of this stage to end and waits until they have.
    pub(crate) async fn drain(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// The names of the tasks that still run, in the order of their start.
    pub(crate) fn alive(&self) -> Vec<Arc<str>> {
        lock(&self.alive).names.values().cloned().collect()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place: tracked, named and observed"
    )]
    fn start<F>(&self, name: Arc<str>, lasting: Lasting, task: F)
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        let entry = self.enter(Arc::clone(&name));
        let (stop, at_once) = (self.stop.clone(), self.at_once.clone());
        let falls = self.falls.clone();
        let watched = async move {
            let _entry = entry;
            let ended = tokio::select! {
                biased;
                () = at_once.cancelled() => return,
                ended = AssertUnwindSafe(task).catch_unwind() => ended,
            };
            let early = lasting == Lasting::UntilStop && !stop.is_cancelled();
            let why = match ended {
                Err(panic) => format!("it panicked: {}", panic_text(panic.as_ref())),
                Ok(output) => match output.failure() {
                    Some(failure) => failure,
                    None if early => "it ended although nothing asked it to".to_owned(),
                    None => return,
                },
            };
            // Nobody listens only when the process is past caring.
            let _ = falls.send(Fall { task: name, why });
        };
        tokio::spawn(self.tracker.track_future(watched));
    }

    fn enter(&self, name: Arc<str>) -> Entry {
        let mut alive = lock(&self.alive);
        let key = alive.next;
        alive.next += 1;
        alive.names.insert(key, name);
        Entry {
            alive: Arc::clone(&self.alive),
            key,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.alive).names.remove(&self.key);
    }
}

// === impl TaskOutput ===

impl TaskOutput for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: std::error::Error + Send + 'static> TaskOutput for Result<(), E> {
    fn failure(self) -> Option<String> {
        Some(with_causes(&self.err()?))
    }
}

// === helpers ===

/// An error and its causes as one line; a cause that is already in the text is not said again: some
/// errors print their cause and name it as their source too.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

fn lock(alive: &Mutex<Alive>) -> MutexGuard<'_, Alive> {
    alive.lock().unwrap_or_else(PoisonError::into_inner)
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
