//! Readiness: nothing pending, by name, and nobody has asked to stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// What is pending from the moment a process is asked to stop.
const STOPPING: &str = "stopping";

/// What keeps this process from being ready, as named blockers. Ready means that there is none.
/// Cheap to clone; every clone is the same set.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    /// How many blockers of each name.
    pending: Arc<Mutex<BTreeMap<Arc<str>, usize>>>,
    stop: CancellationToken,
}

/// Keeps the process from being ready until it is dropped.
#[derive(Debug)]
#[must_use = "a blocker that is dropped at once blocks nothing"]
pub struct Blocker {
    readiness: Readiness,
    name: Arc<str>,
}

// === impl Readiness ===

impl Readiness {
    /// Nothing pending.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing pending until `stop` is cancelled, and `stopping` from then on: whoever asks while the
    /// last work is finished is sent elsewhere.
    #[must_use]
    pub fn until(stop: CancellationToken) -> Self {
        Self {
            stop,
            ..Self::default()
        }
    }

    /// Adds a blocker: at the start for what must come first, or later when something is lost
    /// again. The name goes to `/readyz` as it is, one line; two of one name are shown once and
    /// both must go.
    pub fn block(&self, name: impl Into<Arc<str>>) -> Blocker {
        let name = name.into();
        *self.lock().entry(Arc::clone(&name)).or_default() += 1;
        Blocker {
            readiness: self.clone(),
            name,
        }
    }

    /// What is pending, sorted by name; empty when ready.
    #[must_use]
    pub fn pending(&self) -> Vec<Arc<str>> {
        let mut pending: Vec<_> = self.lock().keys().cloned().collect();
        if self.stop.is_cancelled() {
            pending.push(STOPPING.into());
            pending.sort_unstable();
        }
        pending
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().is_empty() && !self.stop.is_cancelled()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, usize>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Blocker ===

impl Blocker {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops it, said aloud.
    pub fn release(self) {}
}

impl Drop for Blocker {
    fn drop(&mut self) {
        let mut pending = self.readiness.lock();
        if let Some(count) = pending.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                pending.remove(&self.name);
            }
        }
    }
}
