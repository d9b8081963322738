//! How long a pass waits for its tasks: while any of them gets on, within reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kubomesh_core::Patience;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// The tasks of one sweep, as the pass that waits for them sees them.
pub(crate) struct Sweep {
    steps: Arc<AtomicU64>,
    /// Ends when the last [`Part`] is dropped; nothing is ever sent.
    ended: mpsc::Receiver<()>,
}

/// One task's share of a sweep, kept while the pass is to wait for it.
#[derive(Clone)]
pub(crate) struct Part {
    steps: Arc<AtomicU64>,
    pass: mpsc::Sender<()>,
}

impl Sweep {
    pub(crate) fn new() -> (Self, Part) {
        let (pass, ended) = mpsc::channel(1);
        let steps = Arc::<AtomicU64>::default();
        let part = Part {
            steps: Arc::clone(&steps),
            pass,
        };
        (Self { steps, ended }, part)
    }

    /// Waits until all tasks have ended, or as long as patience lasts.
    pub(crate) async fn wait(mut self) {
        let (began, mut patience) = (Instant::now(), Patience::default());
        let mut lasts = true;
        while lasts {
            let ended = timeout(Patience::LOOK, self.ended.recv()).await;
            let answers = self.steps.load(Ordering::Relaxed);
            lasts = ended.is_err() && patience.lasts(answers, began.elapsed());
        }
    }
}

impl Part {
    /// Notes an answer.
    pub(crate) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the pass went on without this task.
    pub(crate) fn is_late(&self) -> bool {
        self.pass.is_closed()
    }
}

#[cfg(test)]
mod tests;
