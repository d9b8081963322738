//! Dials: one per peer at a time, all its known addresses at once, the first that answers wins.

use std::net::IpAddr;
use std::time::Duration;

use kubomesh_core::{Address, Network, PeerId, Timestamp};

use crate::call::Ticket;
use crate::history::What;
use crate::links::Connectedness;
use crate::meet::{GATED, Met, NO_TRANSPORT};
use crate::node::NodeIndex;
use crate::settings::{DIAL_PEER_TIMEOUT, DIAL_TIMEOUT, DIAL_TIMEOUT_LOCAL, Routing};
use crate::target::{Target, is_private};
use crate::world::{Timer, World};

/// A dial of one peer under way (go-libp2p swarm: `dialWorker`). Later callers join it.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    serial: u64,
    started: Timestamp,
    /// Whether connections to both networks are let through (row 3).
    both: bool,
    connected: bool,
    attempts: Vec<Attempt>,
    errors: Vec<(Address, String)>,
    waiters: Vec<Waiter>,
}

#[derive(Debug, Clone)]
struct Attempt {
    address: Address,
    target: Target,
    pending: bool,
    /// What its failure is once its time is up; until then it has not been tried.
    verdict: Option<String>,
}

/// Who wants to know how a dial ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    Call(Ticket),
    Peering,
    Habit,
}

/// Errors that are listed; the rest is counted (go-libp2p swarm: `maxDialDialErrors`).
const ERRORS_LISTED: usize = 16;

impl World {
    /// Dials a peer by the node's own wish.
    pub(crate) fn habitual_dial(&mut self, index: NodeIndex, peer: PeerId) {
        if self.node(index).is_online() {
            self.dial(index, peer, &[], Waiter::Habit);
        }
    }

    /// `host.Connect`: the given addresses are kept for 2 min, and all known ones are dialled.
    /// With any connection to the peer nothing is dialled (rows 11, 29, 30).
    pub(crate) fn dial(&mut self, index: NodeIndex, peer: PeerId, given: &[Address], who: Waiter) {
        let now = self.now;
        self.node_mut(index).store.given(peer, given, now);
        if self.connectedness(index, peer) != Connectedness::NotConnected {
            return self.tell(index, peer, who, Ok(()));
        }
        if self.node(index).spec.peer_id == peer {
            return self.tell(index, peer, who, Err("dial to self attempted".into()));
        }
        let mut known = self.node_mut(index).store.addresses(peer, now);
        known.extend(self.routed(peer));
        known.sort();
        known.dedup();
        if let Some(dial) = self.node_mut(index).dials.get_mut(&peer) {
            dial.waiters.push(who);
            known.retain(|address| dial.attempts.iter().all(|a| a.address != *address));
            return self.attempt_all(index, peer, known);
        }
        if known.is_empty() {
            let error = format!("failed to dial {peer}: no addresses");
            return self.tell(index, peer, who, Err(error));
        }
        let both = self.settings.both;
        let dial = Dial {
            serial: self.next_serial(),
            started: now,
            both: self.rng.per_mille(both),
            connected: false,
            attempts: Vec::new(),
            errors: Vec::new(),
            waiters: vec![who],
        };
        self.node_mut(index).dials.insert(peer, dial);
        self.attempt_all(index, peer, known);
    }

    /// What the DHT would say of a peer, where there is one (row 3).
    fn routed(&self, peer: PeerId) -> Vec<Address> {
        if self.settings.routing == Routing::None {
            return Vec::new();
        }
        let nodes = self.identities.get(&peer).into_iter().flatten();
        nodes
            .flat_map(|node| self.node(*node).announced())
            .collect()
    }

    /// Starts an attempt at each address, or says at once why not.
    fn attempt_all(&mut self, index: NodeIndex, peer: PeerId, addresses: Vec<Address>) {
        let favoured = self.favoured_network();
        let dial_time = self.dial_time(index);
        for address in addresses {
            let target = Target::of(&address);
            let refused = self.undialable(index, &target).map(str::to_owned);
            let refused = refused.or_else(|| self.held_back(index, peer, &address, &target));
            let late = self
                .network_of_target(&target)
                .is_some_and(|network| network != favoured);
            let serial = self
                .node(index)
                .dials
                .get(&peer)
                .map_or(0, |dial| dial.serial);
            let Some(dial) = self.node_mut(index).dials.get_mut(&peer) else {
                return;
            };
            let slot = dial.attempts.len();
            let pending = refused.is_none();
            dial.attempts.push(Attempt {
                address: address.clone(),
                target,
                pending,
                verdict: None,
            });
            if let Some(reason) = refused {
                dial.errors.push((address, reason));
                continue;
            }
            let tail = Duration::from_millis(u64::from(late && !dial.both));
            let at = self.now + dial_time + tail;
            self.set_timer(
                at,
                Timer::Attempt {
                    node: index,
                    peer,
                    dial: serial,
                    slot,
                },
            );
        }
        self.end_if_exhausted(index, peer);
    }

    fn dial_time(&self, index: NodeIndex) -> Duration {
        self.node(index)
            .spec
            .dial_time
            .unwrap_or(self.settings.dial_time)
    }

    /// The network whose addresses answer first in this dial (row 3).
    fn favoured_network(&mut self) -> Network {
        let pod_first = self.settings.pod_first;
        if self.rng.per_mille(pod_first) {
            Network::Pod
        } else {
            Network::Storage
        }
    }

    fn network_of_target(&self, target: &Target) -> Option<Network> {
        let ip = target.ip()?;
        let host = self.hosts.get(&ip)?;
        self.node(*host).network_of(ip)
    }

    /// An attempt's time has come: what is at its address now?
    pub(crate) fn attempt(&mut self, index: NodeIndex, peer: PeerId, serial: u64, slot: usize) {
        let Some(dial) = self
            .node(index)
            .dials
            .get(&peer)
            .filter(|d| d.serial == serial)
        else {
            return;
        };
        let started = dial.started;
        let Some(attempt) = dial.attempts.get(slot).filter(|attempt| attempt.pending) else {
            return;
        };
        let (target, verdict) = (attempt.target.clone(), attempt.verdict.clone());
        let met = verdict.map_or_else(|| self.meet(index, peer, &target), Met::Failure);
        match met {
            Met::Peer(far, ip, port) => self.reached(index, peer, (far, ip, port), slot),
            Met::Failure(reason) => self.attempt_failed(index, peer, slot, reason),
            Met::Silence(reason) => {
                let local = target.ip().is_none_or(is_private);
                let span = if local {
                    DIAL_TIMEOUT_LOCAL
                } else {
                    DIAL_TIMEOUT
                };
                let span = if target.ip().is_some() {
                    span
                } else {
                    DIAL_PEER_TIMEOUT
                };
                let timer = Timer::Attempt {
                    node: index,
                    peer,
                    dial: serial,
                    slot,
                };
                let at = started + span;
                if let Some(dial) = self.node_mut(index).dials.get_mut(&peer)
                    && let Some(attempt) = dial.attempts.get_mut(slot)
                {
                    attempt.verdict = Some(reason);
                }
                self.set_timer(at, timer);
                self.end_if_exhausted(index, peer);
            }
        }
    }

    fn reached(
        &mut self,
        index: NodeIndex,
        peer: PeerId,
        met: (NodeIndex, IpAddr, u16),
        slot: usize,
    ) {
        let (far, ip, port) = met;
        let Some(dial) = self.node_mut(index).dials.get_mut(&peer) else {
            return;
        };
        let first = !std::mem::replace(&mut dial.connected, true);
        if let Some(attempt) = dial.attempts.get_mut(slot) {
            attempt.pending = false;
        }
        // The far end dialled at the same time and was faster: mostly both connections stay (row 32).
        let second_kept = self.settings.second_kept;
        let met_on_the_way =
            first && self.connectedness(index, peer) != Connectedness::NotConnected;
        if !met_on_the_way || self.rng.per_mille(second_kept) {
            self.open_direct(index, far, (ip, port));
        }
        self.end_if_exhausted(index, peer);
    }

    fn attempt_failed(&mut self, index: NodeIndex, peer: PeerId, slot: usize, reason: String) {
        let now = self.now;
        let node = self.node_mut(index);
        let Some(dial) = node.dials.get_mut(&peer) else {
            return;
        };
        let Some(attempt) = dial.attempts.get_mut(slot) else {
            return;
        };
        attempt.pending = false;
        node.store.failed(peer, &attempt.address, now);
        dial.errors.push((attempt.address.clone(), reason));
        self.end_if_exhausted(index, peer);
    }

    /// Ends a dial that has connected, or that has no attempt left.
    fn end_if_exhausted(&mut self, index: NodeIndex, peer: PeerId) {
        let Some(dial) = self.node(index).dials.get(&peer) else {
            return;
        };
        let undecided = |a: &Attempt| a.pending && (!dial.connected || a.verdict.is_none());
        let waits = !dial.connected || dial.both;
        if waits && dial.attempts.iter().any(undecided) {
            return;
        }
        let Some(dial) = self.node_mut(index).dials.remove(&peer) else {
            return;
        };
        let result = if dial.connected {
            Ok(())
        } else {
            Err(dial.error(peer))
        };
        if result.is_err() {
            self.note(index, What::DialFailed(peer));
        }
        for waiter in dial.waiters {
            self.tell(index, peer, waiter, result.clone());
        }
    }

    /// A caller no longer waits. A dial that nobody waits for is given up.
    pub(crate) fn leave_dial(&mut self, index: NodeIndex, peer: PeerId, who: Waiter) {
        let node = self.node_mut(index);
        let Some(dial) = node.dials.get_mut(&peer) else {
            return;
        };
        dial.waiters.retain(|waiter| *waiter != who);
        if dial.waiters.is_empty() {
            node.dials.remove(&peer);
        }
    }

    fn tell(&mut self, index: NodeIndex, peer: PeerId, who: Waiter, end: Result<(), String>) {
        match who {
            Waiter::Call(ticket) => self.call_dialled(ticket, peer, end),
            Waiter::Peering => self.peering_dialled(index, peer, end.is_ok()),
            Waiter::Habit => {}
        }
    }
}

impl Dial {
    /// go-libp2p's `DialError`: its cause, then a line per address in the order of failing (row 35).
    fn error(&self, peer: PeerId) -> String {
        let untried = |reason: &str| reason == GATED || reason == NO_TRANSPORT;
        let none_good = self.errors.iter().all(|(_, reason)| untried(reason));
        let cause = if none_good {
            "no good addresses"
        } else {
            "all dials failed"
        };
        let mut text = format!("failed to dial {peer}: {cause}");
        for (address, reason) in self.errors.iter().take(ERRORS_LISTED) {
            text.push_str(&format!("\n  * [{address}] {reason}"));
        }
        let skipped = self.errors.len().saturating_sub(ERRORS_LISTED);
        if skipped > 0 {
            text.push_str(&format!("\n    ... skipping {skipped} errors ..."));
        }
        text
    }
}
