//! What a watched node tells, in the product's words.

use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Address, Connection, Connections, Failure, FailureKind, Listing, MAX_CONNECTIONS, MAX_PEERING,
    PeerId, PeeringEntry, Reading, agent_version,
};
use tonic::Streaming;

use crate::channel::Channel;
use crate::wire::{self, watch_event};
use crate::{Error, read};

const WATCH: &str = "agent/watch";
const PEERS: &str = "swarm/peers";
const PEERING_LS: &str = "swarm/peering/ls";
const FILTERS: &str = "swarm/filters";
const LISTEN: &str = "swarm/addrs/listen";

/// The state of one node as it changes. Closed with its channel; nothing is sent again by itself.
#[derive(Debug)]
pub struct Watch {
    channel: Channel,
    stream: Streaming<wire::WatchEvent>,
    expected: PeerId,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Another one: Kubo was restarted, or was away.
    pub epoch: u64,
    /// Number of the look that saw this.
    pub look: u64,
    /// What was seen.
    pub seen: Seen,
}

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// All of it: the first of each epoch.
    Whole(Box<Whole>),
    /// What is different from the event before.
    Delta(Box<Delta>),
    /// Nothing is different.
    Still,
    /// Kubo gives no answer, or not all of one.
    Down(Failure),
}

/// The whole state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// What Kubo calls itself.
    pub agent_version: Arc<str>,
    /// Its connections.
    pub peers: Listing<Connections>,
    /// Its peering entries.
    pub peering: Reading<Listing<Vec<PeeringEntry>>>,
    /// Its dial filters.
    pub filters: Reading<Listing<Vec<Arc<str>>>>,
    /// Its listen addresses.
    pub listen: Reading<Listing<Vec<Address>>>,
}

/// A difference. A list that is there replaces the one before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    /// Connections that are new.
    pub added: Vec<Connection>,
    /// Connections that are gone.
    pub removed: Vec<Connection>,
    /// Peering entries that are new or have other addresses.
    pub peering_set: Vec<PeeringEntry>,
    /// Peers that are registered no more.
    pub peering_removed: Vec<PeerId>,
    /// The peering list, instead of the two above.
    pub peering: Option<Reading<Listing<Vec<PeeringEntry>>>>,
    /// The dial filters.
    pub filters: Option<Reading<Listing<Vec<Arc<str>>>>>,
    /// The listen addresses.
    pub listen: Option<Reading<Listing<Vec<Address>>>>,
}

// === impl Watch ===

impl Watch {
    pub(crate) fn new(
        channel: Channel,
        stream: Streaming<wire::WatchEvent>,
        expected: PeerId,
    ) -> Self {
        Self {
            channel,
            stream,
            expected,
        }
    }

    /// The next event, waited for as long as `within`: an agent says something every few seconds, if
    /// only that nothing has changed.
    ///
    /// # Errors
    /// When the watch has ended or nothing was said, and with [`FailureKind::WrongIdentity`] when
    /// another Kubo is there: what it has is not told. The watch is of no more use.
    pub async fn next(&mut self, within: Duration) -> Result<Event, Error> {
        let message = tokio::time::timeout(within, self.stream.message()).await;
        let event = match message {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => {
                return Err(lost(FailureKind::Disconnected, "the agent ended the watch"));
            }
            Ok(Err(status)) => return Err(self.channel.failed(WATCH, &status).await),
            Err(_) => {
                let text = format!("the agent said nothing for {within:?}");
                return Err(lost(FailureKind::TimedOut, &text));
            }
        };
        let seen = match event.event {
            Some(watch_event::Event::State(state)) => Seen::Whole(self.whole(state)?.into()),
            Some(watch_event::Event::Change(change)) => Seen::Delta(self.delta(&change)?.into()),
            Some(watch_event::Event::Down(failure)) => Seen::Down(self::failure(&failure)),
            // What a newer agent may say beyond that changes nothing.
            Some(watch_event::Event::Still(_)) | None => Seen::Still,
        };
        Ok(Event {
            epoch: event.epoch,
            look: event.look,
            seen,
        })
    }

    fn whole(&self, state: wire::State) -> Result<Whole, Error> {
        if state.peer_id.parse() != Ok(self.expected) {
            let text = format!(
                "expected peer {}, but the agent is beside peer {}",
                self.expected, state.peer_id
            );
            return Err(lost(FailureKind::WrongIdentity, &text));
        }
        let peers = read::connections(PEERS, &state.connections, &state.warning, self.expected)?;
        Ok(Whole {
            agent_version: agent_version(&state.agent_version),
            peers,
            peering: peering(&state.peering.unwrap_or_default())?,
            filters: texts(&state.filters.unwrap_or_default())?,
            listen: addresses(&state.listen.unwrap_or_default())?,
        })
    }

    fn delta(&self, change: &wire::Change) -> Result<Delta, Error> {
        let own = self.expected;
        read::bounded(PEERS, change.added.len(), MAX_CONNECTIONS)?;
        read::bounded(PEERS, change.removed.len(), MAX_CONNECTIONS)?;
        read::bounded(PEERING_LS, change.peering_removed.len(), MAX_PEERING)?;
        // What was left out of the state is left out here: an entry that makes no sense is no entry.
        let some = |listed: &[wire::Connection]| {
            let read = listed.iter().map(|entry| read::connection(entry, own));
            read.flatten().collect()
        };
        let peers = change.peering_removed.iter();
        Ok(Delta {
            added: some(&change.added),
            removed: some(&change.removed),
            peering_set: read::peering(PEERING_LS, &change.peering_set, "")?.entries,
            peering_removed: peers.filter_map(|peer| peer.parse().ok()).collect(),
            peering: change.peering.as_ref().map(peering).transpose()?,
            filters: change.filters.as_ref().map(texts).transpose()?,
            listen: change.listen.as_ref().map(addresses).transpose()?,
        })
    }
}

fn lost(kind: FailureKind, text: &str) -> Error {
    Error::lost(WATCH, Failure::new(kind, text))
}

fn failure(told: &wire::Failure) -> Failure {
    let kind = FailureKind::labelled(&told.kind).unwrap_or(FailureKind::Refusal);
    Failure::new(kind, &told.message)
}

fn peering(listing: &wire::PeeringListing) -> Result<Reading<Listing<Vec<PeeringEntry>>>, Error> {
    if let Some(told) = &listing.failure {
        return Ok(Err(failure(told)));
    }
    read::peering(PEERING_LS, &listing.entries, &listing.warning).map(Ok)
}

fn texts(listing: &wire::TextListing) -> Result<Reading<Listing<Vec<Arc<str>>>>, Error> {
    if let Some(told) = &listing.failure {
        return Ok(Err(failure(told)));
    }
    read::texts(FILTERS, &listing.entries, &listing.warning).map(Ok)
}

fn addresses(listing: &wire::TextListing) -> Result<Reading<Listing<Vec<Address>>>, Error> {
    if let Some(told) = &listing.failure {
        return Ok(Err(failure(told)));
    }
    read::addresses(LISTEN, &listing.entries, &listing.warning).map(Ok)
}
