//! What the world sees: records, mesh status, events, metrics.
//!
//! [`Records`] is the ledger, written ahead of what it covers, in `SwarmPeer` objects or a state
//! directory. [`Reporter`] tells the rest: it is fed with the latest [`News`] and never held
//! against the loop, which does not wait for it.

mod convergence;
mod events;
mod member_log;
mod metrics;
mod news;
mod records;
mod reporter;
mod status;

pub use convergence::Convergences;
pub use metrics::ReporterMetrics;
pub use news::{MeshNews, News, Verdict};
pub use records::{DirectoryError, NotOurs, Records, RecordsView, StoreError, StoreErrorKind};
pub use reporter::{Cluster, Reporter};
pub use status::StatusTimings;
