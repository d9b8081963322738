//! Which lease, under which name, and its times.

use std::time::Duration;

/// How long a holder that is not heard of keeps the lease (rules.md, Who may write).
pub const DEFAULT_DURATION: Duration = Duration::from_secs(6);

/// How often the holder renews it (rules.md, Who may write).
pub const DEFAULT_RENEW_INTERVAL: Duration = Duration::from_secs(2);

/// Name of the object.
pub const DEFAULT_NAME: &str = "kubomesh";

/// Which lease is contended for, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseConfig {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// This replica's name for people, such as its pod's. What is written has a random ending
    /// besides, so that two processes are never taken for one.
    pub identity: String,
    /// Its times.
    pub timing: Timing,
}

/// The times of a lease. The others follow from these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    duration: Duration,
    renew_interval: Duration,
}

/// Times that make no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimingError {
    /// The object has room for whole seconds only.
    #[error("--lease-duration={0:?} is not a whole number of seconds from 1 s to 3600 s")]
    NotWhole(Duration),
    /// One lost renewal would lose the lease.
    #[error(
        "--lease-renew-interval={renew_interval:?} is more than a third of \
         --lease-duration={duration:?}; write at most a third, so that one failed renewal does not \
         lose the lease"
    )]
    TooSlow {
        /// As given.
        renew_interval: Duration,
        /// As given.
        duration: Duration,
    },
    /// It would renew without end.
    #[error("--lease-renew-interval={0:?} is below 100 ms")]
    TooFast(Duration),
}

// === impl Timing ===

impl Timing {
    /// Checked times.
    ///
    /// # Errors
    /// When the duration is not of whole seconds, or the interval is not between 100 ms and a third
    /// of it; the sentence names the flag.
    pub fn new(duration: Duration, renew_interval: Duration) -> Result<Self, TimingError> {
        let whole = duration.subsec_nanos() == 0 && (1..=3600).contains(&duration.as_secs());
        if !whole {
            return Err(TimingError::NotWhole(duration));
        }
        if renew_interval < Duration::from_millis(100) {
            return Err(TimingError::TooFast(renew_interval));
        }
        if renew_interval * 3 > duration {
            return Err(TimingError::TooSlow {
                renew_interval,
                duration,
            });
        }
        Ok(Self {
            duration,
            renew_interval,
        })
    }

    /// How long a holder that is not heard of keeps the lease.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How often the holder renews it.
    #[must_use]
    pub fn renew_interval(&self) -> Duration {
        self.renew_interval
    }

    /// How much before the end of its duration the holder stops itself: a sixth. It covers clocks
    /// that run at different speeds and a call that passed the fence just before.
    #[must_use]
    pub fn margin(&self) -> Duration {
        self.duration / 6
    }

    /// How often one that does not hold it looks: half the renewal interval. This is how long a
    /// lease that was given back lies unused at most.
    #[must_use]
    pub fn poll_interval(&self) -> Duration {
        self.renew_interval / 2
    }

    /// How long one request may take: a renewal interval.
    #[must_use]
    pub fn request_deadline(&self) -> Duration {
        self.renew_interval
    }

    /// Pause after a failed request: an eighth of the renewal interval, because a holder has only
    /// its term to get through. A lease is one small object and has two candidates.
    #[must_use]
    pub fn retry_pause(&self) -> Duration {
        self.renew_interval / 8
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: DEFAULT_DURATION,
            renew_interval: DEFAULT_RENEW_INTERVAL,
        }
    }
}
