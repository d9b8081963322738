//! How many bodies that are not small are in memory at once: in the process, not in a mesh, since its
//! memory is one.
//!
//! A body takes a place when it outgrows one size, a second one at the next, and keeps both until its
//! answer is dropped, which is after it was read. Whoever holds the second waits for nobody, so the
//! two cannot block each other.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Bounds;

/// Bodies beyond [`Bounds::SMALL`] at once: as many as one mesh has calls in flight by default, so
/// that a fleet of nodes with a thousand connections each is read as fast as before.
pub const MEDIUM_PLACES: usize = 64;

/// Bodies beyond [`Bounds::MEDIUM`] at once. An honest node needs one when it has some 5,000
/// connections, and holds it for as long as a few MiB take on the wire.
pub const LARGE_PLACES: usize = 4;

static MEDIUM: Semaphore = Semaphore::const_new(MEDIUM_PLACES);
static LARGE: Semaphore = Semaphore::const_new(LARGE_PLACES);

/// The places that one body holds; given back when dropped.
#[derive(Debug, Default)]
pub struct Places {
    medium: Option<SemaphorePermit<'static>>,
    large: Option<SemaphorePermit<'static>>,
}

impl Places {
    /// Waits until the body may have this many bytes. The semaphores are never closed; were they, the
    /// body would go uncounted rather than be lost.
    pub async fn admit(&mut self, bytes: usize) {
        if bytes > Bounds::SMALL && self.medium.is_none() {
            self.medium = MEDIUM.acquire().await.ok();
        }
        if bytes > Bounds::MEDIUM && self.large.is_none() {
            self.large = LARGE.acquire().await.ok();
        }
    }

    /// How much room to make for a body of `bytes` that had room for `room`: twice as much, within
    /// what it may have without a further place; all that it may ever have when it is large, so that
    /// it is not copied again.
    pub(crate) fn room(&self, bytes: usize, room: usize, limit: usize) -> usize {
        let most = match (&self.medium, &self.large) {
            (_, Some(_)) => return limit.max(bytes),
            (Some(_), None) => Bounds::MEDIUM,
            (None, None) => Bounds::SMALL,
        };
        room.saturating_mul(2).min(most).max(bytes)
    }
}
