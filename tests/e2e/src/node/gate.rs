//! A gate before a node's RPC: a call of the product is caught, before the node hears of it or when it
//! has answered, and goes no further. Whoever waits for it can end the product at that very step.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Which call is caught, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The first one of this path, before the node hears of it.
    Before(&'static str),
    /// The first one of this path, when the node has answered.
    After(&'static str),
}

/// What a gate waits for. It outlives the node's process.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    armed: Mutex<Option<Moment>>,
    caught: Notify,
}

// === impl Moment ===

impl Moment {
    fn path(self) -> &'static str {
        match self {
            Self::Before(path) | Self::After(path) => path,
        }
    }
}

// === impl Gate ===

impl Gate {
    /// The next call of this kind is caught; none where there is no moment.
    pub(crate) fn arm(&self, moment: Option<Moment>) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }

    /// Waits until one was caught.
    pub(crate) async fn caught(&self) {
        self.caught.notified().await;
    }

    /// Whether a call with this path is to be caught. The gate is open for the next one.
    pub(super) fn meets(&self, path: &str) -> Option<Moment> {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        armed.take_if(|moment| path == moment.path())
    }

    /// One is caught.
    pub(super) fn catch(&self) {
        self.caught.notify_one();
    }
}
