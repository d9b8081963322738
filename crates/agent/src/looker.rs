//! Who looks at Kubo once a second, while anybody watches. There is one, however many watch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use kubomesh_agent_api::wire;
use kubomesh_core::{Connections, Direction, Expected, Failure, Listing, PeeringEntry};
use kubomesh_kubo::{Digest, Node};
use kubomesh_process::CancellationToken;
use tokio::sync::{Notify, watch};

use crate::kubo::{Kubo, READ_DEADLINE};

/// How often Kubo is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watchers at a time: a controller, its successor, and a person.
const MAX_WATCHERS: usize = 16;

/// Looks at Kubo; cheap to clone.
#[derive(Clone)]
pub(crate) struct Looker {
    shared: Arc<Shared>,
}

struct Shared {
    kubo: Arc<Kubo>,
    /// How many watch.
    watchers: AtomicUsize,
    /// Number of the last look that has begun.
    begun: AtomicU64,
    /// The first look that watchers are told of even if it sees nothing new.
    wanted: AtomicU64,
    /// Rung to look now.
    bell: Notify,
    last: watch::Sender<Arc<Look>>,
}

/// What one look saw.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// From 1.
    pub(crate) number: u64,
    /// Changes when Kubo was restarted or away.
    pub(crate) epoch: u64,
    /// Kubo's state, or why there is none.
    pub(crate) seen: Result<Arc<Seen>, Failure>,
}

/// Kubo's state, so that two of them can be compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) peer_id: String,
    pub(crate) agent_version: String,
    pub(crate) connections: Arc<BTreeSet<wire::Connection>>,
    pub(crate) warning: String,
    pub(crate) peering: Result<Peering, wire::Failure>,
    pub(crate) filters: wire::TextListing,
    pub(crate) listen: wire::TextListing,
}

/// The peering list by peer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Peering {
    pub(crate) entries: BTreeMap<String, Vec<String>>,
    pub(crate) warning: String,
}

/// One that watches; counted until it is dropped.
pub(crate) struct Watching(Looker);

/// A connection of the looker's own, and what it read on it last.
struct Eye {
    node: Node,
    epoch: u64,
    peers: Option<(Digest, Arc<BTreeSet<wire::Connection>>, String)>,
}

// === impl Looker ===

impl Looker {
    pub(crate) fn new(kubo: Arc<Kubo>) -> Self {
        let none = Look {
            number: 0,
            epoch: 0,
            seen: Err(Failure::new(
                kubomesh_core::FailureKind::Skipped,
                "not looked at yet",
            )),
        };
        Self {
            shared: Arc::new(Shared {
                kubo,
                watchers: AtomicUsize::new(0),
                begun: AtomicU64::new(0),
                wanted: AtomicU64::new(0),
                bell: Notify::new(),
                last: watch::channel(Arc::new(none)).0,
            }),
        }
    }

    /// One more that watches, its looks, and the number of the last one that is too old for it; `None`
    /// when too many watch.
    pub(crate) fn watch(&self) -> Option<(Watching, watch::Receiver<Arc<Look>>, u64)> {
        let more = |now| (now < MAX_WATCHERS).then_some(now + 1);
        let watchers = &self.shared.watchers;
        watchers
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .ok()?;
        let watching = Watching(self.clone());
        let before = self.look_soon();
        Some((watching, self.shared.last.subscribe(), before))
    }

    /// The first look that watchers are told of whatever it sees.
    pub(crate) fn wanted(&self) -> u64 {
        self.shared.wanted.load(Ordering::Acquire)
    }

    /// Has the next look begin at once. Returns the number of the last one that has begun: what a later
    /// one sees is from after this.
    pub(crate) fn look_soon(&self) -> u64 {
        let begun = self.shared.begun.load(Ordering::Acquire);
        self.shared.wanted.fetch_max(begun + 1, Ordering::AcqRel);
        self.shared.bell.notify_one();
        begun
    }

    /// Waits for the end of a look that begins after this, if anybody watches.
    pub(crate) async fn look_now(&self) -> u64 {
        let before = self.look_soon();
        if self.shared.watchers.load(Ordering::Acquire) > 0 {
            let mut looks = self.shared.last.subscribe();
            // An error: the agent stops.
            let _ = looks.wait_for(|look| look.number > before).await;
        }
        before
    }

    /// Looks until the stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.look_on()).await;
    }

    async fn look_on(&self) {
        let shared = &self.shared;
        let (mut eye, mut epoch) = (None, 0);
        loop {
            // Rung, or a second is over; and somebody is there to be told.
            let _ = tokio::time::timeout(LOOK_EVERY, shared.bell.notified()).await;
            while shared.watchers.load(Ordering::Acquire) == 0 {
                eye = None;
                shared.bell.notified().await;
            }
            let number = shared.begun.fetch_add(1, Ordering::AcqRel) + 1;
            let seen = self.look(&mut eye, &mut epoch).await;
            if seen.is_err() {
                eye = None;
            }
            let seen = seen.map(Arc::new);
            shared.last.send_replace(Arc::new(Look {
                number,
                epoch,
                seen,
            }));
        }
    }

    /// One look, on the connection of the look before if Kubo has not closed it.
    async fn look(&self, kept: &mut Option<Eye>, epoch: &mut u64) -> Result<Seen, Failure> {
        if let Some(eye) = kept
            && futures::FutureExt::now_or_never(eye.node.closed()).is_some()
        {
            *kept = None;
        }
        let eye = match kept {
            Some(eye) => eye,
            None => {
                let introduction = self.shared.kubo.introduce(READ_DEADLINE).await?;
                let node = introduction.accept(Expected::Anyone)?;
                *epoch += 1;
                kept.insert(Eye {
                    node,
                    epoch: *epoch,
                    peers: None,
                })
            }
        };
        debug_assert_eq!(eye.epoch, *epoch);
        eye.see(&self.shared.kubo).await
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.shared.watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

// === impl Eye ===

impl Eye {
    async fn see(&mut self, kubo: &Kubo) -> Result<Seen, Failure> {
        let (connections, warning) = self.connections().await?;
        let node = &mut self.node;
        let peering = match node.peering(READ_DEADLINE).await {
            Ok(listing) => Ok(peering(listing)),
            Err(error) => Err(told(&still_open(node, error)?)),
        };
        let filters = {
            let _turn = kubo.filters_turn().await;
            node.filters(READ_DEADLINE).await
        };
        let filters = match filters {
            Ok(listing) => texts(listing),
            Err(error) => unread(&still_open(node, error)?),
        };
        let listen = match node.listen(READ_DEADLINE).await {
            Ok(listing) => texts(listing),
            Err(error) => unread(&still_open(node, error)?),
        };
        Ok(Seen {
            peer_id: node.peer_id().to_string(),
            agent_version: node.agent_version().to_string(),
            connections,
            warning,
            peering,
            filters,
            listen,
        })
    }

    /// The connections; those of the look before when Kubo says the same to the letter.
    async fn connections(&mut self) -> Result<(Arc<BTreeSet<wire::Connection>>, String), Failure> {
        let before = self.peers.as_ref().map(|(digest, ..)| *digest);
        let (digest, listing) = self.node.peers_since(before, READ_DEADLINE).await?;
        if let Some(Listing { entries, warning }) = listing {
            let set = connections(&entries).into_iter().collect();
            self.peers = Some((digest, Arc::new(set), warning.unwrap_or_default()));
        }
        let (_, set, warning) = self
            .peers
            .clone()
            .unwrap_or_else(|| (digest, Arc::default(), String::new()));
        Ok((set, warning))
    }
}

/// A failure of one list; one that closed the connection is a failure of the look.
fn still_open(node: &Node, error: kubomesh_kubo::Error) -> Result<Failure, Failure> {
    let failure = Failure::from(error);
    match node.is_open() {
        true => Ok(failure),
        false => Err(failure),
    }
}

pub(crate) fn connections(entries: &Connections) -> Vec<wire::Connection> {
    let wired = entries.iter().map(|listed| wire::Connection {
        peer_id: listed.peer.to_string(),
        address: listed.text.to_owned(),
        direction: match listed.direction {
            Direction::Unknown => wire::Direction::Unspecified,
            Direction::Inbound => wire::Direction::Inbound,
            Direction::Outbound => wire::Direction::Outbound,
        }
        .into(),
    });
    wired.collect()
}

pub(crate) fn entry(entry: &PeeringEntry) -> wire::PeeringEntry {
    wire::PeeringEntry {
        peer_id: entry.peer.to_string(),
        addresses: entry.addresses.iter().map(ToString::to_string).collect(),
    }
}

fn peering(listing: Listing<Vec<PeeringEntry>>) -> Peering {
    let entries = listing.entries.iter().map(entry);
    Peering {
        entries: entries.map(|e| (e.peer_id, e.addresses)).collect(),
        warning: listing.warning.unwrap_or_default(),
    }
}

fn texts<T: std::fmt::Display>(listing: Listing<Vec<T>>) -> wire::TextListing {
    wire::TextListing {
        entries: listing.entries.iter().map(ToString::to_string).collect(),
        warning: listing.warning.unwrap_or_default(),
        failure: None,
    }
}

fn unread(failure: &Failure) -> wire::TextListing {
    wire::TextListing {
        failure: Some(told(failure)),
        ..wire::TextListing::default()
    }
}

pub(crate) fn told(failure: &Failure) -> wire::Failure {
    wire::Failure {
        kind: failure.kind.label().to_owned(),
        message: failure.message.clone(),
    }
}
