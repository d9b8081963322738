//! What one watcher is told: the difference between what it was told last and what is there now. There
//! is no queue: whoever reads slowly is told less often.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use kubomesh_agent_api::wire;
use kubomesh_process::CancellationToken;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::looker::{Look, Looker, Peering, Seen, Watching, told};
use wire::watch_event::Event;

/// One watcher.
struct Watcher {
    looker: Looker,
    looks: watch::Receiver<Arc<Look>>,
    /// What it was told last, and when.
    last: Option<(Arc<Look>, Instant)>,
    /// Looks up to this one are older than the watch.
    before: u64,
    heartbeat: Duration,
    stop: CancellationToken,
    _watching: Watching,
}

/// The events of one watcher, until the stop.
///
/// # Errors
/// RESOURCE_EXHAUSTED when too many watch.
pub(crate) fn watch(
    looker: &Looker,
    heartbeat: Duration,
    stop: CancellationToken,
) -> Result<BoxStream<'static, Result<wire::WatchEvent, Status>>, Status> {
    let Some((watching, looks, before)) = looker.watch() else {
        return Err(Status::resource_exhausted("too many watch already"));
    };
    let watcher = Watcher {
        looker: looker.clone(),
        looks,
        last: None,
        before,
        heartbeat,
        stop,
        _watching: watching,
    };
    let events = stream::unfold(watcher, |mut watcher| async {
        let event = watcher.next().await?;
        Some((Ok(event), watcher))
    });
    Ok(events.boxed())
}

// === impl Watcher ===

impl Watcher {
    /// The next event; `None` at the stop.
    async fn next(&mut self) -> Option<wire::WatchEvent> {
        loop {
            let changed = self.stop.run_until_cancelled(self.looks.changed()).await;
            changed?.ok()?;
            let look = Arc::clone(&self.looks.borrow_and_update());
            if look.number <= self.before {
                continue;
            }
            let Some(event) = self.event(&look) else {
                continue;
            };
            let told = wire::WatchEvent {
                epoch: look.epoch,
                look: look.number,
                event: Some(event),
            };
            self.last = Some((look, Instant::now()));
            return Some(told);
        }
    }

    /// What a look is worth telling.
    fn event(&self, look: &Look) -> Option<Event> {
        let Some((last, at)) = &self.last else {
            return Some(all(look));
        };
        if let (Ok(before), Ok(now)) = (&last.seen, &look.seen)
            && last.epoch == look.epoch
            && before.peer_id == now.peer_id
        {
            if before != now {
                return Some(Event::Change(difference(before, now)));
            }
        } else if last.seen.as_ref().err() != look.seen.as_ref().err() || look.seen.is_ok() {
            return Some(all(look));
        }
        let wanted = self.looker.wanted();
        let due = at.elapsed() >= self.heartbeat || (last.number < wanted && look.number >= wanted);
        due.then(|| match &look.seen {
            Ok(_) => Event::Still(wire::Still {}),
            Err(failure) => Event::Down(told(failure)),
        })
    }
}

fn all(look: &Look) -> Event {
    match &look.seen {
        Ok(seen) => Event::State(state(seen)),
        Err(failure) => Event::Down(told(failure)),
    }
}

fn state(seen: &Seen) -> wire::State {
    wire::State {
        peer_id: seen.peer_id.clone(),
        agent_version: seen.agent_version.clone(),
        connections: seen.connections.iter().cloned().collect(),
        peering: Some(peering(&seen.peering)),
        filters: Some(seen.filters.clone()),
        listen: Some(seen.listen.clone()),
        warning: seen.warning.clone(),
    }
}

fn peering(read: &Result<Peering, wire::Failure>) -> wire::PeeringListing {
    match read {
        Ok(Peering { entries, warning }) => wire::PeeringListing {
            entries: entries.iter().map(entry).collect(),
            warning: warning.clone(),
            failure: None,
        },
        Err(failure) => wire::PeeringListing {
            failure: Some(failure.clone()),
            ..wire::PeeringListing::default()
        },
    }
}

fn entry((peer, addresses): (&String, &Vec<String>)) -> wire::PeeringEntry {
    wire::PeeringEntry {
        peer_id: peer.clone(),
        addresses: addresses.clone(),
    }
}

/// What changed between two looks of one epoch.
fn difference(before: &Seen, now: &Seen) -> wire::Change {
    let mut change = wire::Change {
        filters: (before.filters != now.filters).then(|| now.filters.clone()),
        listen: (before.listen != now.listen).then(|| now.listen.clone()),
        ..wire::Change::default()
    };
    if !Arc::ptr_eq(&before.connections, &now.connections) {
        let (old, new) = (&*before.connections, &*now.connections);
        change.added = new.difference(old).cloned().collect();
        change.removed = old.difference(new).cloned().collect();
    }
    match (&before.peering, &now.peering) {
        (Ok(old), Ok(new)) if old.warning == new.warning => {
            let set = new.entries.iter();
            let set = set.filter(|(peer, addresses)| old.entries.get(*peer) != Some(*addresses));
            change.peering_set = set.map(entry).collect();
            let gone = old.entries.keys();
            let gone = gone.filter(|peer| !new.entries.contains_key(*peer));
            change.peering_removed = gone.cloned().collect();
        }
        (old, new) if old != new => change.peering = Some(peering(new)),
        _ => {}
    }
    change
}
