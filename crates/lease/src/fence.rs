//! The fence: may this process write at this moment?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kubomesh_core::Fence;
use kubomesh_process::CancellationToken;
use tokio::time::Instant;

use crate::machine::Moment;

/// Open while this process holds the lease, its own term has not ended by the monotonic clock, and it
/// is not stopping. Cheap to ask and to clone.
#[derive(Debug, Clone)]
pub struct LeaseFence {
    term: Arc<TermClock>,
    stopping: CancellationToken,
}

/// When the term ends, readable from anywhere without a lock.
#[derive(Debug)]
pub(crate) struct TermClock {
    started: Instant,
    /// Nanoseconds after `started`; 0 while there is no term.
    end: AtomicU64,
}

// === impl LeaseFence ===

impl LeaseFence {
    pub(crate) fn new(term: Arc<TermClock>, stopping: CancellationToken) -> Self {
        Self { term, stopping }
    }
}

impl Fence for LeaseFence {
    fn may_write(&self) -> bool {
        !self.stopping.is_cancelled() && self.term.runs()
    }
}

// === impl TermClock ===

impl TermClock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            end: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.started.elapsed()
    }

    pub(crate) fn instant(&self, at: Moment) -> Instant {
        self.started + at
    }

    pub(crate) fn set_end(&self, end: Option<Moment>) {
        let nanos = end.map_or(0, |end| u64::try_from(end.as_nanos()).unwrap_or(u64::MAX));
        self.end.store(nanos, Ordering::SeqCst);
    }

    pub(crate) fn runs(&self) -> bool {
        self.now() < Duration::from_nanos(self.end.load(Ordering::SeqCst))
    }
}
