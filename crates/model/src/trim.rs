//! The connection manager (kubo.md 2.2): looks every 10 s, and closes what is worth least.

use std::time::Duration;

use kubomesh_core::{PeerId, Timestamp};

use crate::conn::{ConnId, Side};
use crate::history::Closing;
use crate::node::NodeIndex;
use crate::settings::{TRIM_GRACE, TRIM_INTERVAL};
use crate::world::{Timer, World};

/// A peer that may be closed, with what decides whether it is.
struct Candidate {
    value: i64,
    /// Incoming ones go first.
    outgoing: bool,
    peer: PeerId,
    conns: Vec<ConnId>,
}

impl World {
    /// After a new connection: sets the next look if there is something to look at. Looks without
    /// effect are left out; the others come at the times that they would have.
    pub(crate) fn look_at_water(&mut self, index: NodeIndex) {
        let node = self.node(index);
        let high = node.water().map(|(_, high)| high);
        if node.trim.is_some() || high.is_none_or(|high| node.open < high) {
            return;
        }
        let at = next_look(node.started, self.now);
        let serial = self.set_timer(at, Timer::Trim { node: index });
        self.node_mut(index).trim = Some(serial);
    }

    pub(crate) fn trim_fires(&mut self, index: NodeIndex, serial: u64) {
        if self.node(index).trim != Some(serial) {
            return;
        }
        self.node_mut(index).trim = None;
        let Some((low, high)) = self.node(index).water() else {
            return;
        };
        if self.node(index).open >= high {
            self.trim(index, low);
        }
        self.look_at_water(index);
    }

    /// Protected peers and those in grace are no candidates. Of the candidates the least valued are
    /// closed until LowWater of their connections remain.
    fn trim(&mut self, index: NodeIndex, low: usize) {
        let mut candidates = self.candidates(index);
        let total: usize = candidates
            .iter()
            .map(|candidate| candidate.conns.len())
            .sum();
        let mut surplus = total.saturating_sub(low);
        candidates.sort_by_key(|c| (c.value, c.outgoing, c.peer));
        for candidate in candidates {
            if surplus == 0 {
                break;
            }
            surplus = surplus.saturating_sub(candidate.conns.len());
            for id in candidate.conns {
                let Some(conn) = self.conns.get(&id) else {
                    continue;
                };
                let side = conn.side_of(index);
                self.close(id, side, Closing::Trimmed);
            }
        }
    }

    fn candidates(&self, index: NodeIndex) -> Vec<Candidate> {
        let node = self.node(index);
        let candidate = |(peer, conns): (&PeerId, &Vec<ConnId>)| {
            let mark = node.marks.get(peer)?;
            let in_grace = self.now.since(mark.first_seen) < TRIM_GRACE;
            if node.protects(*peer) || in_grace {
                return None;
            }
            let outgoing = conns.iter().any(|id| {
                self.conns
                    .get(id)
                    .is_some_and(|conn| conn.side_of(index) == Side::Dialler)
            });
            Some(Candidate {
                value: mark.value,
                outgoing,
                peer: *peer,
                conns: conns.clone(),
            })
        };
        node.conns.iter().filter_map(candidate).collect()
    }
}

/// The connection manager's ticks count from the start of the node.
fn next_look(started: Timestamp, now: Timestamp) -> Timestamp {
    let interval = u64::try_from(TRIM_INTERVAL.as_millis()).unwrap_or(u64::MAX);
    let passed = u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX);
    started + Duration::from_millis((passed / interval + 1) * interval)
}
