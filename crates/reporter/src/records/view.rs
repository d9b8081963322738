//! What is known of the records, arranged as the planner takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_api::RecordKey;
use kubomesh_core::{MeshId, Record};

/// All records that can be read, at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordsView {
    /// Whether the first list is complete.
    pub synced: bool,
    /// By namespace and name of the mesh, then by record name.
    meshes: BTreeMap<MeshKey, Arc<BTreeMap<String, Record>>>,
}

/// Namespace and name of a mesh.
type MeshKey = (Arc<str>, Arc<str>);

impl RecordsView {
    /// Arranges records. The maps of meshes whose records did not change are taken over from
    /// `before`, so that who compares them by pointer sees that.
    pub(super) fn new<'a>(
        synced: bool,
        records: impl Iterator<Item = (&'a RecordKey, &'a Record)>,
        before: &Self,
    ) -> Self {
        let mut meshes: BTreeMap<_, BTreeMap<String, Record>> = BTreeMap::new();
        for (key, record) in records {
            let mesh = (Arc::clone(&key.namespace), Arc::clone(&record.mesh));
            meshes
                .entry(mesh)
                .or_default()
                .insert(key.name.to_string(), record.clone());
        }
        let kept = meshes
            .into_iter()
            .map(|(mesh, records)| match before.meshes.get(&mesh) {
                Some(same) if **same == records => (mesh, Arc::clone(same)),
                _ => (mesh, Arc::new(records)),
            });
        Self {
            synced,
            meshes: kept.collect(),
        }
    }

    /// The records of one mesh, by record name.
    #[must_use]
    pub fn of_mesh(&self, mesh: &MeshId) -> Arc<BTreeMap<String, Record>> {
        let key = (Arc::clone(&mesh.namespace), Arc::clone(&mesh.name));
        self.meshes.get(&key).cloned().unwrap_or_default()
    }

    /// Namespace, mesh and records of every mesh that has any.
    pub fn meshes(&self) -> impl Iterator<Item = (&str, &str, &BTreeMap<String, Record>)> {
        self.meshes
            .iter()
            .map(|((namespace, mesh), records)| (&**namespace, &**mesh, &**records))
    }
}
