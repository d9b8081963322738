//! Logging, build information and the metric catalogue.
//!
//! A crate that has something to count declares it with [`metrics!`] in its own `metrics.rs`; the
//! doc comment of each field is the metric's help text. The [`Catalog`] makes every series at once,
//! holds the naming rules, renders `/metrics` and prints the page `docs/metrics.md`.

pub mod buckets;
mod build;
mod catalog;
mod family;
mod instrument;
mod label;
mod logging;
mod macros;
mod mesh;
mod name;
mod page;

pub use build::{BUILD, BuildInfo};
pub use catalog::{Catalog, CatalogError};
pub use family::{Counters, Family, Gauges, Histograms};
pub use instrument::{Counter, Gauge, Histogram, Instrument, Kind};
pub use label::{Label, LabelSet};
pub use logging::{
    DEFAULT_LOG_FILTER, LogError, LogFormat, LogLevel, check_log_filter, init_logging, subscriber,
};
pub use mesh::{MeshCounters, MeshFamily, MeshGauges, MeshHistograms, MeshSeries};

#[cfg(test)]
mod tests;
