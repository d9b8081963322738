//! What a node knows of other peers: addresses with an expiry, and addresses in back-off.

use std::collections::BTreeMap;
use std::time::Duration;

use kubomesh_core::{Address, PeerId, Timestamp};

use crate::settings::{BACKOFF_BASE, BACKOFF_MAX, GIVEN_ADDRESS_TTL, RECENT_ADDRESS_TTL};

/// Kept for as long as the peer is connected.
const CONNECTED: Timestamp = Timestamp(u64::MAX);

/// The peerstore of one run of a node; a restart empties it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peerstore {
    known: BTreeMap<PeerId, BTreeMap<Address, Timestamp>>,
    failed: BTreeMap<PeerId, BTreeMap<Address, Backoff>>,
}

#[derive(Debug, Clone, Copy)]
struct Backoff {
    tries: u32,
    until: Timestamp,
}

impl Peerstore {
    /// Addresses that a caller gave: kept for 2 min, or longer if they were.
    pub(crate) fn given(&mut self, peer: PeerId, addresses: &[Address], now: Timestamp) {
        self.learn(peer, addresses, now + GIVEN_ADDRESS_TTL);
    }

    /// Addresses that the peer itself announced over a connection: no others are known from then on,
    /// not even the one that was dialled (identify/id.go: `consumeMessage`).
    pub(crate) fn announced(&mut self, peer: PeerId, addresses: &[Address]) {
        self.known.remove(&peer);
        self.learn(peer, addresses, CONNECTED);
    }

    /// The last connection with the peer has ended: its addresses begin to age, with those that were
    /// given meanwhile (identify/id.go: `Disconnected`).
    pub(crate) fn disconnected(&mut self, peer: PeerId, now: Timestamp) {
        if let Some(addresses) = self.known.get_mut(&peer) {
            addresses.retain(|_, until| *until > now);
            for until in addresses.values_mut() {
                *until = now + RECENT_ADDRESS_TTL;
            }
        }
    }

    /// The addresses that are known now, in the order of their text.
    pub(crate) fn addresses(&mut self, peer: PeerId, now: Timestamp) -> Vec<Address> {
        let Some(addresses) = self.known.get_mut(&peer) else {
            return Vec::new();
        };
        addresses.retain(|_, until| *until > now);
        let out = addresses.keys().cloned().collect();
        if addresses.is_empty() {
            self.known.remove(&peer);
        }
        out
    }

    /// Whether an address is not to be dialled now (swarm_dial.go: `ErrDialBackoff`).
    pub(crate) fn backs_off(&self, peer: PeerId, address: &Address, now: Timestamp) -> bool {
        let failed = self
            .failed
            .get(&peer)
            .and_then(|failed| failed.get(address));
        failed.is_some_and(|backoff| backoff.until > now)
    }

    /// A dial of an address failed.
    pub(crate) fn failed(&mut self, peer: PeerId, address: &Address, now: Timestamp) {
        let entry = self.failed.entry(peer).or_default().entry(address.clone());
        let backoff = entry.or_insert(Backoff {
            tries: 0,
            until: now,
        });
        let pause = BACKOFF_BASE + Duration::from_secs(u64::from(backoff.tries.pow(2)));
        backoff.tries = (backoff.tries + 1).min(u32::from(u8::MAX));
        backoff.until = now + pause.min(BACKOFF_MAX);
    }

    /// Forgets the failures of a peer: a dial of it succeeded, or `connect` was called.
    pub(crate) fn clear_backoff(&mut self, peer: PeerId) {
        self.failed.remove(&peer);
    }

    fn learn(&mut self, peer: PeerId, addresses: &[Address], until: Timestamp) {
        if addresses.is_empty() {
            return;
        }
        let known = self.known.entry(peer).or_default();
        for address in addresses {
            let entry = known.entry(address.clone()).or_insert(until);
            *entry = (*entry).max(until);
        }
    }
}
