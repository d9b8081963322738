//! The mirror of a node: its state as its agent's watch told it last.
//!
//! While the watch is live a pass takes this as the node's answer, without a call. Two things it must
//! be told besides. A watch says what a look of the agent saw, and when a look began nobody here
//! knows; that it began after a call of ours is proven by asking for one. And a list that there is no
//! room for is not mirrored: it is read by a call, which says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubomesh_agent_api::{Delta, Event, Seen, Whole};
use kubomesh_core::{
    Access, Address, Connections, Failure, Kept, Listing, MAX_ADDRESSES_IN_ALL, MAX_CONNECTIONS,
    MAX_PEERING, NodeState, PeerId, PeeringEntry, Reading, Timestamp,
};
use tokio::sync::watch;

use crate::line::Line;
use crate::lock;
use crate::metrics::Verb;

#[cfg(test)]
mod tests;

/// What one watch tells of one node.
pub(crate) struct Mirror {
    access: Access,
    peer_id: PeerId,
    /// How long it shows what was told last.
    silence: Duration,
    told: watch::Sender<Option<Image>>,
    proof: Mutex<Option<Proof>>,
}

/// What was told last.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// Number of the look.
    look: u64,
    /// Changes when Kubo was restarted or away.
    epoch: u64,
    /// When the event before was here. The look began later, or as much earlier as that event was on
    /// its way.
    pub(crate) asked: Timestamp,
    /// When it was here.
    pub(crate) at: Timestamp,
    /// The state, or why there is none.
    pub(crate) seen: Result<Lists, Failure>,
}

/// What a node lists.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    pub(crate) peers: Kept<Connections>,
    pub(crate) peering: Reading<Kept<Vec<PeeringEntry>>>,
    pub(crate) filters: Reading<Kept<Vec<Arc<str>>>>,
    pub(crate) listen: Reading<Kept<Vec<Address>>>,
}

/// That looks began after a time: those that are told since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof {
    /// [`Line::owed`] as it was then.
    pub(crate) owed: u64,
    /// The time.
    pub(crate) asked: Timestamp,
}

/// A list is longer than any that is read, or there is no room for it.
struct TooMuch;

// === impl Mirror ===

impl Mirror {
    /// A mirror that shows nothing yet.
    pub(crate) fn new(access: &Access, peer_id: PeerId, silence: Duration) -> Self {
        Self {
            access: access.clone(),
            peer_id,
            silence,
            told: watch::channel(None).0,
            proof: Mutex::default(),
        }
    }

    /// Whether it is of this peer by this way.
    pub(crate) fn is_of(&self, access: &Access, peer_id: PeerId) -> bool {
        self.peer_id == peer_id && self.access == *access
    }

    /// What it shows, unless that is too old.
    pub(crate) fn image(&self, now: Timestamp) -> Option<Image> {
        let image = self.told.borrow().clone();
        image.filter(|image| now.since(image.at) <= self.silence)
    }

    /// What it shows of a look after this one; `None` when it shows nothing of it in time.
    pub(crate) async fn beyond(&self, look: u64, within: Duration) -> Option<Image> {
        let mut told = self.told.subscribe();
        let later = |image: &Option<Image>| image.as_ref().is_none_or(|image| image.look > look);
        let waited = tokio::time::timeout(within, told.wait_for(later)).await;
        waited.ok()?.ok()?.clone()
    }

    pub(crate) fn proof(&self) -> Option<Proof> {
        *lock(&self.proof)
    }

    pub(crate) fn prove(&self, proof: Proof) {
        *lock(&self.proof) = Some(proof);
    }

    /// Takes in what was told. Returns whether Kubo is back: it was away or restarted.
    pub(crate) fn take(&self, line: &Line, event: Event, now: Timestamp) -> bool {
        let mut is_back = false;
        self.told.send_modify(|image| {
            let before = image.take();
            is_back = before.as_ref().is_some_and(|before| {
                let is_other = before.seen.is_err() || before.epoch != event.epoch;
                is_other && matches!(event.seen, Seen::Whole(_))
            });
            *image = self.after(before, line, event, now);
        });
        is_back
    }

    /// What is shown after an event.
    fn after(
        &self,
        before: Option<Image>,
        line: &Line,
        event: Event,
        now: Timestamp,
    ) -> Option<Image> {
        let (asked, last) = match before {
            Some(Image { at, seen, .. }) => (Some(at), Some(seen)),
            None => (self.proof().map(|proof| proof.asked), None),
        };
        let seen = match (event.seen, last) {
            (Seen::Down(failure), _) => Err(failure),
            (Seen::Whole(whole), _) => Ok(Lists::whole(line, self.peer_id, *whole).ok()?),
            (Seen::Still, last) => last?,
            (Seen::Delta(delta), Some(Ok(lists))) => {
                Ok(lists.changed(line, self.peer_id, *delta).ok()?)
            }
            // A difference to nothing.
            (Seen::Delta(_), _) => return None,
        };
        Some(Image {
            look: event.look,
            epoch: event.epoch,
            asked: asked.unwrap_or_default(),
            at: now,
            seen,
        })
    }

    /// It shows nothing any more.
    pub(crate) fn cover(&self) {
        self.told.send_replace(None);
    }
}

// === impl Lists ===

impl Lists {
    /// Those of a state that was read by calls.
    pub(crate) fn of(state: &NodeState) -> Option<Self> {
        Some(Self {
            peers: state.peers.as_ref().ok()?.clone(),
            peering: state.peering.clone(),
            filters: state.filters.clone(),
            listen: state.listen.clone(),
        })
    }

    /// Whether both say the same, in whatever order.
    pub(crate) fn says(&self, other: &Self) -> bool {
        let peers = |lists: &Self| -> BTreeSet<_> {
            let listed = lists.peers.iter();
            listed
                .map(|one| (one.peer, one.direction, one.text.to_owned()))
                .collect()
        };
        let peering = |lists: &Self| -> Option<BTreeMap<_, _>> {
            let entries = lists.peering.as_ref().ok()?.iter();
            Some(entries.map(|e| (e.peer, e.addresses.clone())).collect())
        };
        peers(self) == peers(other)
            && peering(self) == peering(other)
            && self.filters == other.filters
            && self.listen == other.listen
    }

    fn whole(line: &Line, peer: PeerId, whole: Whole) -> Result<Self, TooMuch> {
        let keep = |listing| line.keep(Verb::Peers, peer, listing).map_err(|_| TooMuch);
        Ok(Self {
            peers: keep(whole.peers)?,
            peering: kept(whole.peering, |list| line.keep(Verb::PeeringLs, peer, list))?,
            filters: kept(whole.filters, |list| line.keep(Verb::Filters, peer, list))?,
            listen: kept(whole.listen, |list| line.keep(Verb::Listen, peer, list))?,
        })
    }

    fn changed(self, line: &Line, peer: PeerId, delta: Delta) -> Result<Self, TooMuch> {
        let mut lists = self;
        if !delta.added.is_empty() || !delta.removed.is_empty() {
            let peers = lists.peers.changed(&delta.removed, &delta.added);
            bounded(peers.len(), MAX_CONNECTIONS)?;
            lists.peers = line
                .room
                .keep(Verb::Peers.path(), peers)
                .map_err(|_| TooMuch)?;
        }
        if !delta.peering_set.is_empty() || !delta.peering_removed.is_empty() {
            // A difference to a list that could not be read is none.
            let entries = lists.peering.as_ref().map_err(|_| TooMuch)?;
            let entries = entries_after(entries, delta.peering_set, &delta.peering_removed);
            bounded(entries.len(), MAX_PEERING)?;
            let addresses = entries.iter().map(|entry| entry.addresses.len()).sum();
            bounded(addresses, MAX_ADDRESSES_IN_ALL)?;
            let entries = line.room.keep(Verb::PeeringLs.path(), entries);
            lists.peering = Ok(entries.map_err(|_| TooMuch)?);
        }
        if let Some(peering) = delta.peering {
            lists.peering = kept(peering, |list| line.keep(Verb::PeeringLs, peer, list))?;
        }
        if let Some(filters) = delta.filters {
            lists.filters = kept(filters, |list| line.keep(Verb::Filters, peer, list))?;
        }
        if let Some(listen) = delta.listen {
            lists.listen = kept(listen, |list| line.keep(Verb::Listen, peer, list))?;
        }
        Ok(lists)
    }
}

/// A list as it was told, kept; why it could not be read is kept too.
fn kept<L>(
    told: Reading<Listing<L>>,
    keep: impl FnOnce(Listing<L>) -> Reading<Kept<L>>,
) -> Result<Reading<Kept<L>>, TooMuch> {
    match told {
        Ok(listing) => keep(listing).map(Ok).map_err(|_| TooMuch),
        Err(failure) => Ok(Err(failure)),
    }
}

fn entries_after(
    before: &[PeeringEntry],
    set: Vec<PeeringEntry>,
    removed: &[PeerId],
) -> Vec<PeeringEntry> {
    let others: BTreeSet<PeerId> = set
        .iter()
        .map(|e| e.peer)
        .chain(removed.iter().copied())
        .collect();
    let stay = before.iter().filter(|entry| !others.contains(&entry.peer));
    stay.cloned().chain(set).collect()
}

fn bounded(entries: usize, most: usize) -> Result<(), TooMuch> {
    if entries > most { Err(TooMuch) } else { Ok(()) }
}
