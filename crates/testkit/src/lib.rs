//! FakeKubo, the fleet of fakes, the contract that every node is held to, an API server in memory, a
//! server of raw bytes, certificates, and builders, for tests.
//!
//! A [`Fleet`] is one world of the model driven by real time; each [`FakeKubo`] in it is a node with
//! Kubo's HTTP face on its own address, and with faults that can be changed while it runs.

pub mod api_server;
pub mod build;
pub mod certificates;
pub mod contract;
mod fake;
pub mod fakefleet;
mod fleet;
mod pipe;
pub mod raw;

pub use fake::{
    Authorization, Claim, Counts, FakeKubo, FakeOptions, Fault, Faults, Logged, VERSION,
};
pub use fleet::Fleet;
pub use pipe::pipe;
