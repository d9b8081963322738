//! `swarm/peering/add`, `ls` and `rm`.

use kubomesh_core::{PeerId, PeeringEntry};

use super::text::{Anonymous, by_peer};
use crate::node::{NodeIndex, Peering};
use crate::refusal::Refusal;
use crate::world::World;

impl World {
    /// `swarm/peering/add`: registers each peer and protects it. For a known peer the addresses are
    /// replaced and nothing else: a running timer goes on (kubo.md 3). Answers with one line per
    /// peer; a bad argument refuses all (recordings `peering-add*`).
    ///
    /// # Errors
    /// Bad argument, offline, not running.
    pub fn peering_add(
        &mut self,
        index: NodeIndex,
        arguments: &[&str],
    ) -> Result<Vec<PeerId>, Refusal> {
        self.running(index)?;
        let peers = by_peer(arguments, &Anonymous::Invalid)?;
        self.online_command(index)?;
        let mut lines = Vec::with_capacity(peers.len());
        for (peer, addresses) in peers {
            let entries = &mut self.node_mut(index).peering;
            if let Some(entry) = entries.get_mut(&peer) {
                entry.addresses = addresses;
            } else {
                entries.insert(peer, Peering::new(addresses));
                self.peering_disconnected(index, peer);
            }
            lines.push(peer);
        }
        self.node_mut(index).touch();
        Ok(lines)
    }

    /// `swarm/peering/ls`: entries of the config and run-time ones, undistinguished, in the order of
    /// their peer IDs.
    ///
    /// # Errors
    /// Offline or not running.
    pub fn peering_ls(&self, index: NodeIndex) -> Result<Vec<PeeringEntry>, Refusal> {
        let node = self.online_command(index)?;
        let entry = |(peer, entry): (&PeerId, &Peering)| PeeringEntry {
            peer: *peer,
            addresses: entry.addresses.clone(),
        };
        Ok(node.peering.iter().map(entry).collect())
    }

    /// `swarm/peering/rm`: unregisters and unprotects, keeps the connection. Success for a peer that
    /// was never registered (row 13). A bad argument ends the call after the ones before it.
    ///
    /// # Errors
    /// Bad argument, offline, not running.
    pub fn peering_rm(
        &mut self,
        index: NodeIndex,
        arguments: &[&str],
    ) -> Result<Vec<PeerId>, Refusal> {
        self.online_command(index)?;
        let mut lines = Vec::with_capacity(arguments.len());
        for text in arguments {
            let peer: PeerId = text
                .parse()
                .map_err(|_| Refusal::Message(format!("failed to parse peer ID: {text}")))?;
            let node = self.node_mut(index);
            node.peering.remove(&peer);
            node.touch();
            lines.push(peer);
        }
        self.look_at_water(index);
        Ok(lines)
    }
}
