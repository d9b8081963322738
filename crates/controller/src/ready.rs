//! What keeps the controller from being ready: lists that are not complete, and records that cannot be
//! stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_discovery::Fleet;
use kubomesh_process::{Blocker, CancellationToken, Readiness};
use kubomesh_reporter::RecordsView;
use tokio::sync::watch;

use crate::mesh_loop::changed;

#[cfg(test)]
mod tests;

/// What is pending before it is known which lists there are to be.
pub(crate) const FIRST_LOOK: &str = "members";

/// How often readiness is looked at although nothing changed.
const INTERVAL: Duration = Duration::from_secs(1);

/// Ready while the view of the fleet is complete and nothing is known to keep records from being
/// stored.
pub(crate) async fn watch(
    mut fleet: watch::Receiver<Arc<Fleet>>,
    mut records: watch::Receiver<Arc<RecordsView>>,
    readiness: Readiness,
    first_look: Blocker,
    stop: CancellationToken,
) {
    let mut blockers = BTreeMap::from([(FIRST_LOOK.to_owned(), first_look)]);
    while !stop.is_cancelled() {
        let pending = pending(&fleet.borrow_and_update(), &records.borrow_and_update());
        // The new ones first: at no moment between does it look ready.
        for name in &pending {
            let block = || readiness.block(name.as_str());
            blockers.entry(name.clone()).or_insert_with(block);
        }
        blockers.retain(|name, _| pending.contains(name));
        tokio::select! {
            () = stop.cancelled() => {}
            () = changed(&mut fleet) => {}
            () = changed(&mut records) => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// The names of all that is pending.
fn pending(fleet: &Fleet, records: &RecordsView) -> BTreeSet<String> {
    let mut pending: BTreeSet<String> = fleet.pending.iter().cloned().collect();
    if !fleet.synced && pending.is_empty() {
        pending.insert(FIRST_LOOK.to_owned());
    }
    if records.trouble.is_some() {
        pending.insert("state directory".to_owned());
    }
    pending
}
