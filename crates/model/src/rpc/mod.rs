//! The RPC verbs as functions on the world. Each answers as Kubo does: a typed value, or the exact
//! sentence of the 500.

mod filters;
mod peering;
mod read;
mod swarm;
mod text;

pub use filters::Overlap;
pub use read::Identity;

use crate::node::{Node, NodeIndex};
use crate::refusal::{ACTION_OFFLINE, COMMAND_OFFLINE, Refusal};
use crate::world::World;

impl World {
    /// The node, if its process runs.
    fn running(&self, index: NodeIndex) -> Result<&Node, Refusal> {
        let node = self.node(index);
        if node.up {
            Ok(node)
        } else {
            Err(Refusal::Down)
        }
    }

    /// The node, if a command that reaches for the node itself finds it online (row 16).
    fn online_command(&self, index: NodeIndex) -> Result<&Node, Refusal> {
        let node = self.running(index)?;
        if node.spec.online {
            Ok(node)
        } else {
            Err(Refusal::message(COMMAND_OFFLINE))
        }
    }

    /// The node, if a command that reaches for the swarm's API finds it online (row 16).
    fn online_action(&self, index: NodeIndex) -> Result<&Node, Refusal> {
        let node = self.running(index)?;
        if node.spec.online {
            Ok(node)
        } else {
            Err(Refusal::message(ACTION_OFFLINE))
        }
    }
}
