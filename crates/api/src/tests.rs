//! Tests of the custom resources.

mod crd;
mod policy;
mod record;
mod status;
