//! A Kubernetes Lease: one holder, published on a watch, checked at every write.
//!
//! Safe under any difference between the hosts' wall clocks, because none is compared: a candidate
//! takes a lease only when it has *seen* no renewal for the holder's whole duration on its own
//! monotonic clock, and the holder stops itself earlier, counted from before it sent its last
//! successful renewal. What is left is a clock that runs at another speed or a host that is suspended
//! (its monotonic clock stands still): [`Timing::margin`] covers the first; for both, all calls are
//! idempotent and two who act make the same plan (rules.md, Who may write).

mod candidate;
mod config;
mod error;
mod fence;
mod machine;
mod metrics;
mod object;

pub use candidate::{Candidate, LeaseState};
pub use config::{
    DEFAULT_DURATION, DEFAULT_NAME, DEFAULT_RENEW_INTERVAL, LeaseConfig, Timing, TimingError,
};
pub use error::{LeaseError, LeaseErrorKind};
pub use fence::LeaseFence;
pub use metrics::LeaseMetrics;

#[cfg(test)]
mod tests;
