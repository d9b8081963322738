//! Logging, build information and the metric catalogue.
