//! What a controller knows of pods and records: what it heard, however old, and what it wrote.

pub(crate) mod ledger;
pub(crate) mod members;
pub(crate) mod pods;
