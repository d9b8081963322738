//! Records of meshes that are gone: the filters of ours that they hold are lifted, then they go. Links
//! and peering entries stay (rules.md, Records).

use std::collections::{BTreeMap, BTreeSet};

use kubomesh_core::{Fence, MeshId, Record, Timestamp, Timings};
use kubomesh_discovery::MeshKey;
use kubomesh_executor::Executor;
use kubomesh_planner::{Liftings, Orphans, orphans};
use kubomesh_reporter::Records;

#[cfg(test)]
mod tests;

/// Meshes that are gone and whose records are not.
#[derive(Default)]
pub(crate) struct Leftovers {
    meshes: BTreeMap<MeshKey, Leftover>,
}

/// What is left of one mesh.
pub(crate) struct Leftover {
    /// Calls its nodes, under the same fence as any other.
    pub(crate) executor: Executor,
    pub(crate) liftings: Liftings,
    /// When it was first seen gone.
    pub(crate) since: Timestamp,
}

// === impl Leftovers ===

impl Leftovers {
    /// Lets go of the nodes of meshes that are there again, and of those of which nothing is left.
    pub(crate) async fn keep(&mut self, gone: &BTreeSet<MeshKey>) {
        let over: Vec<MeshKey> = self.meshes.keys().cloned().collect();
        for key in over.into_iter().filter(|key| !gone.contains(key)) {
            if let Some(leftover) = self.meshes.remove(&key) {
                leftover.executor.close().await;
            }
        }
    }

    /// What is left of a mesh; `executor` makes the one that calls its nodes.
    pub(crate) fn of(
        &mut self,
        key: MeshKey,
        now: Timestamp,
        executor: impl FnOnce(MeshId) -> Executor,
    ) -> &mut Leftover {
        let id = MeshId {
            namespace: (*key.namespace).into(),
            name: (*key.name).into(),
            // Of an object that is no more; nothing is planned with it.
            uid: "".into(),
        };
        self.meshes.entry(key).or_insert_with(|| Leftover {
            executor: executor(id),
            liftings: Liftings::default(),
            since: now,
        })
    }
}

// === impl Leftover ===

impl Leftover {
    /// Lifts what is due, then deletes the records that nothing holds any more. Waits for slow nodes
    /// no longer than a pass does: what they answer is taken in the next time.
    pub(crate) async fn clear(
        &mut self,
        (namespace, mesh): (&str, &str),
        records: &BTreeMap<String, Record>,
        (store, fence): (&Records, &dyn Fence),
        (now, timings): (Timestamp, &Timings),
    ) {
        self.liftings.absorb(&self.executor.late_outcomes());
        let since = self.since;
        let plan = |liftings: &Liftings| orphans(records, liftings, since, (now, timings));
        let Orphans { mut sequences, .. } = plan(&self.liftings);
        // One that did not answer yet is not asked twice.
        let busy = self.executor.busy();
        sequences.retain(|sequence| busy.is_free(sequence));
        if !sequences.is_empty() {
            tracing::info!(
                namespace,
                mesh,
                nodes = sequences.len(),
                "taking away the dial filters of ours that a mesh left which is gone"
            );
            let outcomes = self.executor.apply(sequences).await;
            for outcome in &outcomes {
                if let Err(failure) = &outcome.result {
                    tracing::info!(namespace, mesh, member = %outcome.member, call = %outcome.call, %failure, "failed");
                }
            }
            self.liftings.absorb(&outcomes);
        }
        let Orphans {
            writes, mut lost, ..
        } = plan(&self.liftings);
        if writes.is_empty() {
            return;
        }
        tracing::info!(
            namespace,
            mesh,
            records = writes.len(),
            "deleting the records of a mesh that is gone"
        );
        let lost: Vec<Option<String>> = writes.iter().map(|one| lost.remove(&one.name())).collect();
        let stored = store.store(namespace, records, writes, fence).await;
        for (result, lost) in stored.into_iter().zip(lost) {
            match (result, lost) {
                (Err(error), _) => tracing::warn!(namespace, mesh, "{error}"),
                (Ok(()), Some(lost)) => tracing::warn!(namespace, mesh, "{lost}"),
                (Ok(()), None) => {}
            }
        }
    }
}
