//! The HTTP faces: probes, metrics and debug.
