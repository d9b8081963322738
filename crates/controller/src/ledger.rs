//! The records of one mesh, as its loop uses them, and whether this process may write them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{Fence, MemberName, Membership, MeshId, Record, RecordWrite};
use kubomesh_discovery::Fleet;
use kubomesh_reporter::{Records, RecordsView};
use tokio::sync::watch;

use crate::mesh_loop::changed;
use crate::withheld::Withheld;

pub(crate) struct Ledger {
    mesh: MeshId,
    records: Records,
    view: watch::Receiver<Arc<RecordsView>>,
    fence: Arc<dyn Fence>,
    used: Arc<BTreeMap<String, Record>>,
    withheld: Withheld,
    /// The unreadable records of the last pass.
    unreadable: usize,
}

impl Ledger {
    pub(crate) fn new(mesh: MeshId, records: Records, fence: Arc<dyn Fence>) -> Self {
        let view = records.watch();
        Self {
            mesh,
            records,
            view,
            fence,
            used: Arc::default(),
            withheld: Withheld::default(),
            unreadable: 0,
        }
    }

    /// The membership without the pods that wait for a record of their name.
    pub(crate) fn left(&mut self, fleet: &Fleet, found: &Arc<Membership>) -> Arc<Membership> {
        let view = Arc::clone(&self.view.borrow());
        self.unreadable = view.unreadable.len();
        self.withheld.left(fleet, found, view.not_ours(&self.mesh))
    }

    /// The records as they stand, for this pass, and the members whose record is another than in the
    /// last one.
    pub(crate) fn records(&mut self) -> (Arc<BTreeMap<String, Record>>, BTreeSet<MemberName>) {
        self.view.mark_unchanged();
        let records = self.records.of_mesh(&self.mesh);
        let before = std::mem::replace(&mut self.used, Arc::clone(&records));
        if Arc::ptr_eq(&before, &records) {
            return (records, BTreeSet::new());
        }
        let rewritten = Record::rewritten(&before, &records);
        (records, rewritten)
    }

    /// Resolves when the records of this mesh are others than those of the last pass, or one that a
    /// pod waits for may have changed.
    pub(crate) async fn changed(&mut self) {
        loop {
            changed(&mut self.view).await;
            let view = self.view.borrow();
            if self.withheld.any()
                || view.unreadable.len() != self.unreadable
                || !Arc::ptr_eq(&self.used, &view.of_mesh(&self.mesh))
            {
                return;
            }
        }
    }

    /// Stores records; what cannot be stored is said here and planned again by a later pass.
    pub(crate) async fn store(&self, writes: Vec<RecordWrite>) {
        let results = self
            .records
            .store(&self.mesh.namespace, writes, &*self.fence)
            .await;
        for error in results.into_iter().filter_map(Result::err) {
            tracing::warn!(mesh = %self.mesh, "{error}");
        }
    }
}
