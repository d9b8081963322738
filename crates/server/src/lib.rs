//! The HTTP faces: probes and metrics for the cluster, debug pages for the operator.
//!
//! Two listeners, because they have two audiences: the [`public`] one is scraped and probed over the
//! pod network and tells nothing that could not be on a dashboard; the [`debug`] one is bound to the
//! loopback interface, shows the very values that the loop used, and can change the log filter.
//!
//! Both are plain routers; [`Face::bind`] and [`Face::serve`] put one on a socket with limits on
//! everything that a client may do slowly, largely or often.

pub mod debug;
mod error;
mod face;
pub mod public;
mod snapshot;

pub use debug::DebugState;
pub use error::BindError;
pub use face::{Face, FaceLimits, listen};
pub use public::PublicState;
pub use snapshot::{MeshSnapshot, Snapshot};

#[cfg(test)]
mod tests;
