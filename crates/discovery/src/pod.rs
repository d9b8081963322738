//! Pods: what is read of them, and what makes one a member.

mod project;
mod wire;

pub use project::project;
pub use wire::{ContainerFacts, Phase, PodFacts, pod_facts};
pub(crate) use wire::{Meta, PodWire, nullable, timestamp};
