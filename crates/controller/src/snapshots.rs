//! The hub of what every mesh's last pass used and found: read by the debug pages and the reporter.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::MeshId;
use kubomesh_server::{MeshSnapshot, Snapshot};
use tokio::sync::watch;

/// Written by the loops, read by everybody else. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Snapshots {
    sender: watch::Sender<Arc<Snapshot>>,
}

impl Snapshots {
    /// No mesh yet; `config` is what the process was started with.
    pub(crate) fn new(config: serde_json::Value) -> Self {
        let first = Snapshot {
            meshes: BTreeMap::new(),
            config: Arc::new(config),
        };
        Self {
            sender: watch::Sender::new(Arc::new(first)),
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.sender.subscribe()
    }

    pub(crate) fn put(&self, mesh: &MeshId, snapshot: MeshSnapshot) {
        self.change(|meshes| drop(meshes.insert(mesh.to_string(), snapshot)));
    }

    pub(crate) fn remove(&self, mesh: &MeshId) {
        self.change(|meshes| drop(meshes.remove(&mesh.to_string())));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, MeshSnapshot>)) {
        self.sender.send_modify(|snapshot| {
            let mut meshes = snapshot.meshes.clone();
            change(&mut meshes);
            *snapshot = Arc::new(Snapshot {
                meshes,
                config: Arc::clone(&snapshot.config),
            });
        });
    }
}
