//! Tests of what needs no channel: the gate, the classes of failures, certificates, lists.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here fails the test"
)]

mod failures;
mod lists;
mod tls;
mod versions;
