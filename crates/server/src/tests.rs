//! Tests of this crate, on real sockets.

mod client;
mod debug;
mod face;
mod public;
mod sample;
