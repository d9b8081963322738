//! What Multus reads and writes, parsed and printed: the pod annotation that asks for networks
//! ([`Networks`]), the one that reports them ([`NetworkStatus`]), and the CNI config of a
//! NetworkAttachmentDefinition ([`NetConf`]).
//!
//! All of it is written by others, so everything is bounded, nothing panics, and what cannot be read
//! is answered with a [`Malformed`] that names the annotation, the text and the remedy. Two texts are
//! compared by what they mean, never as text: the order of keys, white space and a namespace that is
//! left out make no difference.

mod ipam;
mod malformed;
mod netconf;
mod networks;
mod object;
mod status;

pub use malformed::{Malformed, MalformedKind, Place};
pub use netconf::{NetConf, Warning};
pub use networks::{Merge, Networks, Requested, Selection};
pub use status::{NetworkStatus, StatusEntry};

/// Pod annotation that asks for networks.
pub const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";

/// Pod annotation in which Multus reports what it attached.
pub const NETWORK_STATUS: &str = "k8s.v1.cni.cncf.io/network-status";

/// The key that Multus wrote the same report under until 4.0.0.
pub const OLD_NETWORK_STATUS: &str = "k8s.v1.cni.cncf.io/networks-status";

/// Pod annotation of this product: `"off"` keeps a pod off the storage network.
pub const OPT_OUT: &str = "kubomesh.dev/network";

/// Longest text that is read: what Kubernetes allows all annotations of an object together
/// (`TotalAnnotationSizeLimitB`).
pub const MAX_TEXT: usize = 256 * 1024;

/// Whether the value of [`OPT_OUT`] keeps the pod off: `off`, whatever its case and the white space
/// around it.
#[must_use]
pub fn opted_out(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("off")
}
