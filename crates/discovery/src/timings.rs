//! Time constants of discovery: flags of the controller, so that a test can shorten them.

use std::time::Duration;

use kubomesh_core::DoubtTimings;
use serde::Serialize;

/// Times of watching and of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiscoveryTimings {
    /// Watches, lists, and what they make believe.
    pub doubt: DoubtTimings,
    /// How often the named secrets are read again. 30 s.
    pub secret_interval: Duration,
    /// How long a members file must be unchanged before a line that vanished is intent. 5 s.
    pub file_settle: Duration,
}

impl DiscoveryTimings {
    /// Default of [`DiscoveryTimings::secret_interval`].
    pub const SECRET_INTERVAL: Duration = Duration::from_secs(30);
    /// Default of [`DiscoveryTimings::file_settle`].
    pub const FILE_SETTLE: Duration = Duration::from_secs(5);
}

impl Default for DiscoveryTimings {
    fn default() -> Self {
        Self {
            doubt: DoubtTimings::default(),
            secret_interval: Self::SECRET_INTERVAL,
            file_settle: Self::FILE_SETTLE,
        }
    }
}
