//! Tests of this crate.

mod catalog;
mod logging;
mod mesh;
mod page;
