//! How long a pass waits for its tasks: while any of them gets on, within reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// How long a pass waits for nothing: when no answer has come for so long, it goes on without those
/// that are missing. Ten times what a healthy node in the same cluster takes for all its reads
/// (0.4–0.9 ms each, measured-on-kubo row 2) even when the machine is loaded, and short enough that
/// one hung node does not delay another's link.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// How long a pass waits while answers keep coming: what wakes the loop meanwhile must not wait for
/// all links of a large mesh.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Part of [`PATIENCE`] after which progress is looked at.
const LOOKS: u32 = 4;

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

    /// Waits until all tasks have ended, none got on for [`PATIENCE`], or [`LONGEST_WAIT`] is over.
    pub(crate) async fn wait(mut self) {
        let until = Instant::now() + LONGEST_WAIT;
        let (mut seen, mut silent) = (0, 0);
        while silent < LOOKS && Instant::now() < until {
            if timeout(PATIENCE / LOOKS, self.ended.recv()).await.is_ok() {
                return;
            }
            let steps = self.steps.load(Ordering::Relaxed);
            silent = if steps == seen { silent + 1 } else { 0 };
            seen = steps;
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
