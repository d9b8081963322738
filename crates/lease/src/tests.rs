//! Tests of this crate.

mod candidate;
mod config;
mod contenders;
mod machine;
