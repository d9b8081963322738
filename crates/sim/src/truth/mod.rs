//! What is the case, whoever knows of it: pods and their processes, the store of records, and how
//! nodes answer.

pub(crate) mod agents;
pub(crate) mod cluster;
pub(crate) mod pods;
pub(crate) mod rpc;
pub(crate) mod store;
mod wiring;

pub(crate) use wiring::storage_ip;
