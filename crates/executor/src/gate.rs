//! The gate: how many calls are in flight. Nodes that do not answer share an eighth of the places,
//! so that the others never wait for them (rules.md, Limits).

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Part of the places that suspects may hold together.
const SUSPECTS_SHARE: usize = 8;

pub(crate) struct Gate {
    places: usize,
    all: Arc<Semaphore>,
    suspects: Arc<Semaphore>,
}

/// A place; given back when dropped.
pub(crate) struct Pass {
    _suspect: Option<OwnedSemaphorePermit>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(crate) fn new(in_flight: u32) -> Self {
        let places = (in_flight as usize).max(1);
        Self {
            places,
            all: Arc::new(Semaphore::new(places)),
            suspects: Arc::new(Semaphore::new((places / SUSPECTS_SHARE).max(1))),
        }
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        self.places
    }

    /// Waits for a place. The semaphores are never closed; were they, the call would go ungated
    /// rather than be lost.
    pub(crate) async fn enter(&self, suspect: bool) -> Pass {
        let suspect = match suspect {
            true => Arc::clone(&self.suspects).acquire_owned().await.ok(),
            false => None,
        };
        Pass {
            _suspect: suspect,
            _place: Arc::clone(&self.all).acquire_owned().await.ok(),
        }
    }
}
