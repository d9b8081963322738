//! Tests of this crate.

mod clock;
mod file;
mod readiness;
mod runtime;
mod signals;
mod stop;
