//! Tests of this crate.

mod clock;
mod readiness;
mod signals;
mod stop;
