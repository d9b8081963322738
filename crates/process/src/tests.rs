//! Tests of this crate.

mod clock;
mod file;
mod readiness;
mod signals;
mod stop;
