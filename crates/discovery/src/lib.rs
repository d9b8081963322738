//! Finds the members: pods, nodes, secrets and the members file.
//!
//! Two sources feed one channel of [`Fleet`]s; nothing behind it knows which one it was:
//! [`kubernetes`](kubernetes()) watches `SwarmMesh` objects and the pods that they select,
//! [`members_file`] reads a file. What makes a pod a member is decided by two pure parts:
//! [`project`] for one pod, [`Index`] for all of them together.

mod credentials;
mod file;
mod fleet;
mod index;
mod kubernetes;
mod metrics;
mod pod;
mod timings;

pub use credentials::AuthStore;
pub use file::{FileError, FileMesh, MemberLine, MembersFile, members_file};
pub use fleet::{Fleet, MeshView};
pub use index::{AttachmentFacts, Attachments, Index, MeshFacts, MeshKey};
pub use kubernetes::{DiscoveryError, Found, Settings, WatchKind, kubernetes};
pub use metrics::DiscoveryMetrics;
pub use pod::{ContainerFacts, Phase, PodFacts, PodNetworks, pod_facts, project};
pub use timings::DiscoveryTimings;
