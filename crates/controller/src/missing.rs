//! Meshes that records name and no list shows: deleted, or missing by mistake of a list.
//!
//! With the records goes what only they know: retired identities, and filters that are to be given
//! back. A store that was restored to before a mesh was made, or one wrong list, must not cost them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kubomesh_core::Timestamp;
use kubomesh_discovery::{Fleet, MeshKey};

#[cfg(test)]
mod tests;

/// Since when each such mesh is missing.
pub(crate) struct Missing {
    hold: Duration,
    since: BTreeMap<MeshKey, Timestamp>,
}

/// Names a mesh as records do.
pub(crate) fn key(namespace: &str, name: &str) -> MeshKey {
    MeshKey {
        namespace: namespace.into(),
        name: name.into(),
    }
}

// === impl Missing ===

impl Missing {
    /// Nothing is missing yet. One whose deletion was not seen counts as gone after `hold`.
    pub(crate) fn new(hold: Duration) -> Self {
        Self {
            hold,
            since: BTreeMap::new(),
        }
    }

    /// Of the meshes that records name, those that are gone: their deletion was seen, or they were
    /// missing all the time.
    pub(crate) fn look<'a>(
        &mut self,
        fleet: &Fleet,
        named: impl Iterator<Item = (&'a str, &'a str)>,
        now: Timestamp,
    ) -> BTreeSet<MeshKey> {
        let there = |id: &kubomesh_core::MeshId| key(&id.namespace, &id.name);
        let there: BTreeSet<_> = fleet.meshes.keys().map(there).collect();
        let named: BTreeSet<_> = named
            .map(|(namespace, name)| key(namespace, name))
            .collect();
        self.since
            .retain(|mesh, _| named.contains(mesh) && !there.contains(mesh));
        let mut gone = BTreeSet::new();
        for mesh in named.difference(&there) {
            let is_deleted = fleet.deleted.contains(mesh);
            if !is_deleted && !self.since.contains_key(mesh) {
                tracing::warn!(
                    %mesh,
                    "there are records of a mesh that is not there, and its deletion was not seen: \
                     they are deleted if it does not come back"
                );
            }
            let since = *self.since.entry(mesh.clone()).or_insert(now);
            if is_deleted || now.since(since) >= self.hold {
                gone.insert(mesh.clone());
            }
        }
        gone
    }
}
