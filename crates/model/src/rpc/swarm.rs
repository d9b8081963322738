//! `swarm/connect`, `swarm/disconnect` and `ping`.

use std::time::Duration;

use kubomesh_core::PeerId;

use super::text::{Anonymous, Destination, by_peer, destination};
use crate::call::{Begun, Purpose};
use crate::conn::ConnId;
use crate::history::Closing;
use crate::links::Connectedness;
use crate::node::NodeIndex;
use crate::refusal::{ACTION_OFFLINE, Refusal};
use crate::world::World;

impl World {
    /// `swarm/connect`: dials each peer at every address that it knows, the given ones among them,
    /// on any network (row 3). With any connection to the peer it says success and dials nothing
    /// (rows 11, 29, 30). Clears the peer's back-off before and gives it the tag 100 after
    /// (kubo.md 1.3). `timeout` is the call's `timeout=`.
    pub fn connect(
        &mut self,
        index: NodeIndex,
        arguments: &[&str],
        timeout: Option<Duration>,
    ) -> Begun {
        match self.connect_targets(index, arguments) {
            Ok(peers) => self.begin(index, Purpose::Connect, peers, timeout),
            Err(refusal) => Begun::Done(Err(refusal)),
        }
    }

    /// `ping`: connects if it must and sends something, so that a connection whose far end has
    /// forgotten it ends (row 30). Answers without lines.
    pub fn ping(&mut self, index: NodeIndex, argument: &str, timeout: Option<Duration>) -> Begun {
        match self.ping_target(index, argument) {
            Ok(peer) => self.begin(index, Purpose::Ping, vec![peer], timeout),
            Err(refusal) => Begun::Done(Err(refusal)),
        }
    }

    /// `swarm/disconnect` of the exact address of one connection, or of `/p2p/ID` for all of a
    /// peer's. Failures are lines of a success (row 12).
    ///
    /// # Errors
    /// Bad argument, not running.
    pub fn disconnect(
        &mut self,
        index: NodeIndex,
        arguments: &[&str],
    ) -> Result<Vec<String>, Refusal> {
        self.running(index)?;
        let mut lines = Vec::with_capacity(arguments.len());
        for text in arguments {
            let to = destination(text, &Anonymous::FoundNone)?;
            let peer = to.peer;
            lines.push(match self.disconnect_one(index, &to) {
                Ok(()) => format!("disconnect {peer} success"),
                Err(why) => format!("disconnect {peer} failure: {why}"),
            });
        }
        Ok(lines)
    }

    fn connect_targets(
        &self,
        index: NodeIndex,
        arguments: &[&str],
    ) -> Result<Vec<(PeerId, Vec<kubomesh_core::Address>)>, Refusal> {
        self.running(index)?;
        let peers = by_peer(arguments, &Anonymous::FoundNone)?;
        let offline = !self.node(index).spec.online;
        match peers.first() {
            Some((peer, _)) if offline => Err(Refusal::Message(format!(
                "connect {peer} failure: {ACTION_OFFLINE}"
            ))),
            _ => Ok(peers),
        }
    }

    fn ping_target(
        &self,
        index: NodeIndex,
        argument: &str,
    ) -> Result<(PeerId, Vec<kubomesh_core::Address>), Refusal> {
        self.online_action(index)?;
        if let Ok(peer) = argument.parse() {
            return Ok((peer, Vec::new()));
        }
        let to = destination(argument, &Anonymous::FoundNone)?;
        Ok((to.peer, to.address.into_iter().collect()))
    }

    fn disconnect_one(&mut self, index: NodeIndex, to: &Destination) -> Result<(), &'static str> {
        if !self.node(index).spec.online {
            return Err(ACTION_OFFLINE);
        }
        let ids = self
            .node(index)
            .conns
            .get(&to.peer)
            .cloned()
            .unwrap_or_default();
        let Some(address) = &to.address else {
            // A peer with only a limited circuit is not "connected" (kubo.md 1.4).
            if self.connectedness(index, to.peer) != Connectedness::Connected {
                return Err("not connected");
            }
            for id in ids {
                self.close_here(index, id);
            }
            return Ok(());
        };
        let exact = ids.into_iter().find(|id| {
            let conn = self.conns.get(id);
            let end = conn.and_then(|conn| conn.end(conn.side_of(index)));
            end.is_some_and(|end| end.address == *address)
        });
        self.close_here(index, exact.ok_or("conn not found")?);
        Ok(())
    }

    fn close_here(&mut self, index: NodeIndex, id: ConnId) {
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        let side = conn.side_of(index);
        self.close(id, side, Closing::Asked);
    }
}
