//! The records of one mesh, as its loop uses them, and whether this process may write them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{Fence, MemberName, Membership, MeshId, Record, RecordWrite, Waiting};
use kubomesh_discovery::Fleet;
use kubomesh_reporter::{Records, RecordsView, StoreError, StoreErrorKind};
use tokio::sync::watch;

use crate::foreign::Foreign;
use crate::mesh_loop::changed;
use crate::withheld::{Unstored, Withheld};

#[cfg(test)]
mod tests;

pub(crate) struct Ledger {
    mesh: MeshId,
    records: Records,
    view: watch::Receiver<Arc<RecordsView>>,
    fence: Arc<dyn Fence>,
    /// The records that the last pass used.
    used: Arc<BTreeMap<String, Record>>,
    withheld: Withheld,
    unstored: Unstored,
    foreign: Foreign,
    /// What was last said of records that could not be stored: a loop tries again and again.
    said: Option<String>,
    /// Whether all records were known to the last pass.
    synced: bool,
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
            unstored: Unstored::default(),
            foreign: Foreign::default(),
            said: None,
            synced: false,
            unreadable: 0,
        }
    }

    /// The membership without the pods that wait for a record of their name; who has no stored record
    /// says why.
    pub(crate) fn left(&mut self, fleet: &Fleet, found: &Arc<Membership>) -> Arc<Membership> {
        let view = Arc::clone(&self.view.borrow());
        self.unreadable = view.unreadable.len();
        // What is wrong with `SwarmPeer` objects says whoever watches them.
        if self.mesh.namespace.is_empty() {
            for sentence in self.foreign.take(found, view.not_ours(&self.mesh)) {
                tracing::warn!("{sentence}");
            }
        }
        let left = self.withheld.left(fleet, found, view.not_ours(&self.mesh));
        self.unstored.shown(left)
    }

    /// Whether all records are known. Discovery has them first, and may have said that its lists are
    /// complete: who was planned for without its record would be recorded anew over it.
    pub(crate) fn is_synced(&mut self) -> bool {
        self.synced = self.view.borrow().synced;
        self.synced
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
                || view.synced != self.synced
                || !Arc::ptr_eq(&self.used, &view.of_mesh(&self.mesh))
            {
                return;
            }
        }
    }

    /// Stores records as they were planned from those of [`Self::records`]; how many were. What could
    /// not be stored is said once, is shown at its member from the next pass on, and is planned again
    /// by every pass.
    pub(crate) async fn store(&mut self, writes: Vec<RecordWrite>) -> usize {
        let members: Vec<_> = writes.iter().map(member).collect();
        let results = match writes.is_empty() {
            true => Vec::new(),
            false => {
                self.records
                    .store(&self.mesh.namespace, &self.used, writes, &*self.fence)
                    .await
            }
        };
        let all = results.len();
        let mut unstored = BTreeMap::new();
        let mut errors = Vec::new();
        for (member, result) in members.into_iter().zip(results) {
            let Err(error) = result else { continue };
            let lasting = matches!(
                error.kind(),
                StoreErrorKind::Refused | StoreErrorKind::Failed
            );
            if let Some(member) = member.filter(|_| lasting) {
                let why = error.to_string();
                unstored.insert(member, Waiting::RecordNotStored { why });
            }
            errors.push(error);
        }
        self.unstored.take(unstored);
        self.say(all, &errors);
        all - errors.len()
    }

    /// The first error, and how many more there are. That this process may not write is said where it
    /// stops or loses the lease.
    fn say(&mut self, all: usize, errors: &[StoreError]) {
        let fenced = |error: &&StoreError| error.kind() == StoreErrorKind::Fenced;
        let errors: Vec<_> = errors.iter().filter(|error| !fenced(error)).collect();
        let said = errors.first().map(|first| match errors.len() - 1 {
            0 => first.to_string(),
            more => format!("{first}; and {more} more of {all}"),
        });
        if let Some(said) = &said
            && self.said.as_ref() != Some(said)
        {
            tracing::warn!(mesh = %self.mesh, "{said}");
        }
        self.said = said;
    }
}

/// The member that a record to be written is about.
fn member(write: &RecordWrite) -> Option<MemberName> {
    match write {
        RecordWrite::Put(record) => Some(record.member.clone()),
        RecordWrite::Delete(_) => None,
    }
}
