//! Tests of this crate.

mod config;
mod contenders;
mod machine;
