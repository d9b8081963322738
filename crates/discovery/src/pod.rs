//! Pods: what is read of them, and what makes one a member.

mod networks;
mod project;
mod wire;

pub use networks::PodNetworks;
pub use project::project;
pub use wire::{ContainerFacts, Phase, PodFacts, pod_facts};
pub(crate) use wire::{Meta, PodWire, nullable, timestamp};
