//! What every binary shares: signals, the two-stage stop, named readiness, the clock, careful
//! reading of files.
//!
//! ```text
//! first signal ──▶ stopping ──▶ work ends by itself ──▶ closing ──▶ services end ──▶ exit 0
//! second signal, or the deadline ──▶ what is left is dropped where it waits ──▶ exit 0
//! a task that panics, fails, or ends while nobody asked it to ──▶ the same stop ──▶ exit 1
//! ```
//!
//! *Work* is what acts (the loop, watches); *services* are what must outlive it (the lease, the HTTP
//! faces), so that the last calls still end under the lease and the probes answer to the end.

mod clock;
mod file;
mod process;
mod readiness;
mod runtime;
mod signals;
mod task;

pub use clock::Clock;
pub use file::{ReadError, read_file, read_file_within, regular, said_if_slow};
pub use process::{DEFAULT_DRAIN, Ending, Process};
pub use readiness::{Blocker, Readiness};
pub use runtime::block_on;
pub use task::{TaskOutput, Tasks, with_causes};
pub use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;
