//! What the world sees: records, mesh status, events, metrics.
//!
//! The record stores (`records`) are here first; status, events and metrics of meshes follow.

mod records;

pub use records::{DirectoryError, Records, RecordsView, StoreError};
