//! Time constants of discovery: flags of the controller, so that a test can shorten them.

use std::time::Duration;

use serde::Serialize;

/// The defaults are the figures of rules.md, Removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiscoveryTimings {
    /// How long the API server keeps a watch open; one that says nothing for 5 s longer is given
    /// up, and the view is in doubt when nothing was heard for twice this. 30 s.
    pub watch_timeout: Duration,
    /// Time between two consistent lists of each kind. 10 min.
    pub list_interval: Duration,
    /// Time between the lists that must agree before many missing members are believed gone. 60 s.
    pub doubt_interval: Duration,
    /// How long removals are held after the store was restored. 5 min.
    pub restored_hold: Duration,
    /// How often the named secrets are read again. 30 s.
    pub secret_interval: Duration,
    /// How long a members file must be unchanged before a line that vanished is intent. 5 s.
    pub file_settle: Duration,
}

impl DiscoveryTimings {
    /// Default of [`DiscoveryTimings::watch_timeout`].
    pub const WATCH_TIMEOUT: Duration = Duration::from_secs(30);
    /// Default of [`DiscoveryTimings::list_interval`].
    pub const LIST_INTERVAL: Duration = Duration::from_secs(600);
    /// Default of [`DiscoveryTimings::doubt_interval`].
    pub const DOUBT_INTERVAL: Duration = Duration::from_secs(60);
    /// Default of [`DiscoveryTimings::restored_hold`].
    pub const RESTORED_HOLD: Duration = Duration::from_secs(300);
    /// Default of [`DiscoveryTimings::secret_interval`].
    pub const SECRET_INTERVAL: Duration = Duration::from_secs(30);
    /// Default of [`DiscoveryTimings::file_settle`].
    pub const FILE_SETTLE: Duration = Duration::from_secs(5);
}

impl Default for DiscoveryTimings {
    fn default() -> Self {
        Self {
            watch_timeout: Self::WATCH_TIMEOUT,
            list_interval: Self::LIST_INTERVAL,
            doubt_interval: Self::DOUBT_INTERVAL,
            restored_hold: Self::RESTORED_HOLD,
            secret_interval: Self::SECRET_INTERVAL,
            file_settle: Self::FILE_SETTLE,
        }
    }
}
