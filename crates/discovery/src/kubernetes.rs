//! Members from Kubernetes: one watch for each kind and for each mesh's pods, one index, one task.

mod attachments;
mod informer;
mod kinds;
mod line;
mod records;
mod secrets;
mod sentence;
mod source;
mod watches;

use std::future::Future;
use std::sync::Arc;

use kubomesh_api::{StoredMeshes, StoredRecords};
use kubomesh_process::Clock;
use tokio::sync::watch;

use crate::{AuthStore, DiscoveryMetrics, DiscoveryTimings, Fleet};

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchKind {
    /// `SwarmMesh` objects.
    Meshes,
    /// `SwarmPeer` objects.
    Peers,
    /// Nodes, for their zones.
    Nodes,
    /// The pods of a mesh.
    Pods,
    /// NetworkAttachmentDefinitions of a namespace that meshes name one of.
    Attachments,
}

/// What discovery is run with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time constants.
    pub timings: DiscoveryTimings,
    /// The process's clock.
    pub clock: Clock,
    /// Where it counts.
    pub metrics: DiscoveryMetrics,
}

/// What discovery from Kubernetes finds, as it stands at any moment.
#[derive(Debug, Clone)]
pub struct Found {
    /// Every mesh and its members.
    pub fleet: watch::Receiver<Arc<Fleet>>,
    /// Every `SwarmPeer` object.
    pub records: watch::Receiver<Arc<StoredRecords>>,
    /// Every `SwarmMesh` object's status.
    pub statuses: watch::Receiver<Arc<StoredMeshes>>,
    /// The secrets that the meshes name.
    pub credentials: AuthStore,
}

/// A task of discovery died.
#[derive(Debug, thiserror::Error)]
#[error("a watch ended on its own: {0}")]
pub struct DiscoveryError(#[from] tokio::task::JoinError);

/// Discovery from Kubernetes: the channels, and the work behind them, which runs until it is
/// dropped. It outlives every failure of the API server; what cannot be read stands in
/// [`Fleet::troubles`].
pub fn kubernetes(
    client: kube::Client,
    settings: Settings,
) -> (
    Found,
    impl Future<Output = Result<(), DiscoveryError>> + Send,
) {
    let (fleet, fleet_seen) = watch::channel(Arc::default());
    let (records, records_seen) = watch::channel(Arc::default());
    let (statuses, statuses_seen) = watch::channel(Arc::default());
    let credentials = AuthStore::default();
    let found = Found {
        fleet: fleet_seen,
        records: records_seen,
        statuses: statuses_seen,
        credentials: credentials.clone(),
    };
    let outlets = source::Outlets {
        fleet,
        records,
        statuses,
        credentials,
    };
    (found, source::Source::new(client, settings, outlets).run())
}

// === impl WatchKind ===

impl WatchKind {
    /// Every kind: metric series are created from it.
    pub const ALL: [Self; 5] = [
        Self::Meshes,
        Self::Peers,
        Self::Nodes,
        Self::Pods,
        Self::Attachments,
    ];

    /// The metric label and the resource's plural.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Meshes => "swarmmeshes",
            Self::Peers => "swarmpeers",
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Attachments => "network-attachment-definitions",
        }
    }

    /// The API group; empty for the core group.
    pub(crate) const fn group(self) -> &'static str {
        match self {
            Self::Meshes | Self::Peers => kubomesh_api::GROUP,
            Self::Nodes | Self::Pods => "",
            Self::Attachments => "k8s.cni.cncf.io",
        }
    }
}
