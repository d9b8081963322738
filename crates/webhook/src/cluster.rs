//! What is read from the API server, and the events that are written to it.

mod ask;
mod events;
mod meshes;

use kube::Client;
use kubomesh_process::Readiness;

pub(crate) use ask::{AskError, Definition};
pub(crate) use events::{Events, Told};
pub(crate) use meshes::{MeshView, Meshes};

/// The API server as the webhook sees it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    /// All meshes, kept by a watch.
    pub(crate) meshes: Meshes,
}

// === impl Cluster ===

impl Cluster {
    /// With the future that keeps the meshes; not ready until they were listed once.
    pub(crate) fn new(
        client: Client,
        readiness: &Readiness,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (meshes, watching) = Meshes::watch(client.clone(), readiness);
        (Self { client, meshes }, watching)
    }
}
