//! `SwarmPeer` objects as one view.

use std::sync::Arc;

use kubomesh_api::StoredRecords;

use super::informer::Event;
use super::kinds::PeerFacts;

/// Takes an event into the view; whether it changed.
pub(super) fn take(view: &mut Arc<StoredRecords>, event: Event<PeerFacts>) -> bool {
    let view = match event {
        Event::Trouble(_) | Event::Heard(0) => return false,
        _ => Arc::make_mut(view),
    };
    match event {
        Event::Listed {
            all,
            version,
            restored,
        } => {
            view.records = all
                .into_iter()
                .map(|peer| (peer.key, peer.stored))
                .collect();
            view.version = version;
            view.epoch += u64::from(restored);
            view.synced = true;
        }
        Event::Applied(peer, version) => {
            view.records.insert(peer.key, peer.stored);
            view.version = view.version.max(version);
        }
        Event::Deleted(peer, version) => {
            view.records.remove(&peer.key);
            view.version = view.version.max(version);
        }
        Event::Heard(version) => view.version = view.version.max(version),
        Event::Trouble(_) => {}
    }
    true
}
