//! The clock: the wall's time once, then the monotonic clock.

use std::time::{SystemTime, UNIX_EPOCH};

use kubomesh_core::Timestamp;
use tokio::time::Instant;

/// Tells the time as [`Timestamp`]s that never go back within this process, however the wall clock
/// is set meanwhile. Cheap to copy; made once and handed to all.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// Reads the wall clock, this once.
    #[must_use]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            wall: Timestamp::default() + since_epoch,
            started: Instant::now(),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall + self.started.elapsed()
    }
}
