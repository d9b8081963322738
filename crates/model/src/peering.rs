//! boxo's peering service: entries, their timers and their delays (kubo.md 3).

use std::time::Duration;

use kubomesh_core::PeerId;

use crate::dial::Waiter;
use crate::links::Connectedness;
use crate::node::NodeIndex;
use crate::settings::{PEERING_INITIAL, PEERING_MAX};
use crate::world::{Timer, World};

impl World {
    /// `startIfDisconnected`: arms the timer of an entry whose peer is not connected.
    pub(crate) fn peering_disconnected(&mut self, index: NodeIndex, peer: PeerId) {
        let idle = self
            .node(index)
            .peering
            .get(&peer)
            .is_some_and(|entry| entry.timer.is_none());
        if idle && self.connectedness(index, peer) != Connectedness::Connected {
            self.arm(index, peer);
        }
    }

    /// `stopIfConnected`: a connection that counts ends the waiting and resets the delays. A limited
    /// circuit does not count.
    pub(crate) fn peering_connected(&mut self, index: NodeIndex, peer: PeerId) {
        if self.connectedness(index, peer) != Connectedness::Connected {
            return;
        }
        if let Some(entry) = self.node_mut(index).peering.get_mut(&peer)
            && entry.timer.take().is_some()
        {
            entry.next_delay = PEERING_INITIAL;
        }
    }

    /// `reconnect`: dials what the entry says and what the peerstore knows, without clearing the
    /// back-off of failed addresses.
    pub(crate) fn peering_fires(&mut self, index: NodeIndex, peer: PeerId, serial: u64) {
        let Some(entry) = self.node(index).peering.get(&peer) else {
            return;
        };
        if entry.timer != Some(serial) {
            return;
        }
        let addresses = entry.addresses.clone();
        self.dial(index, peer, &addresses, Waiter::Peering);
    }

    /// The dial that `reconnect` waited for has ended. A failure extends the delay if nobody stopped
    /// the timer meanwhile. A success that is only a limited circuit leaves it stuck: set, and never
    /// to fire again (kubo.md 3, "stuck state").
    pub(crate) fn peering_dialled(&mut self, index: NodeIndex, peer: PeerId, connected: bool) {
        let waits = self
            .node(index)
            .peering
            .get(&peer)
            .is_some_and(|entry| entry.timer.is_some());
        if !connected && waits {
            self.arm(index, peer);
        }
        self.peering_connected(index, peer);
    }

    fn arm(&mut self, index: NodeIndex, peer: PeerId) {
        let Some(entry) = self.node(index).peering.get(&peer) else {
            return;
        };
        let delay = self.next_backoff(entry.next_delay);
        let serial = self.set_timer(self.now + delay, Timer::Peering { node: index, peer });
        if let Some(entry) = self.node_mut(index).peering.get_mut(&peer) {
            entry.next_delay = delay;
            entry.timer = Some(serial);
        }
    }

    /// `nextBackoff`: 1.5 to 2.5 times the last delay, at most 10 min less up to a tenth.
    fn next_backoff(&mut self, last: Duration) -> Duration {
        let mut next = last;
        if next < PEERING_MAX {
            next += last / 2 + self.rng.between(Duration::ZERO, last);
        }
        if next > PEERING_MAX {
            next = PEERING_MAX - self.rng.between(Duration::ZERO, PEERING_MAX / 10);
        }
        next
    }
}
