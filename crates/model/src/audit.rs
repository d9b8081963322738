//! What must hold in every world at every moment. Tests and the simulation call it.

use std::collections::BTreeSet;

use crate::conn::{Side, Way};
use crate::world::World;

impl World {
    /// Looks for contradictions within the world: indices that disagree, and half-open connections
    /// that would stay for ever.
    ///
    /// # Errors
    /// A sentence about the first contradiction.
    pub fn audit(&self) -> Result<(), String> {
        self.audit_connections()?;
        self.audit_nodes()
    }

    fn audit_connections(&self) -> Result<(), String> {
        let mut pairs = BTreeSet::new();
        for (id, conn) in self.conns.iter() {
            if matches!(conn.way, Way::Direct(_)) && conn.ends.iter().all(Option::is_some) {
                pairs.insert((
                    conn.nodes[0].min(conn.nodes[1]),
                    conn.nodes[0].max(conn.nodes[1]),
                ));
            }
            for side in Side::BOTH {
                let Some(end) = conn.end(side) else { continue };
                let index = conn.node(side);
                let node = self.node(index);
                let listed = node
                    .conns
                    .get(&end.peer)
                    .is_some_and(|ids| ids.contains(&id));
                if !listed {
                    return Err(format!("{id:?} is open at {index:?} and not in its index"));
                }
                if !node.is_online() {
                    return Err(format!("{id:?} is open at {index:?}, which does not run"));
                }
                let whole = conn.end(side.other()).is_some() && self.carries(conn);
                if !whole && !end.watched {
                    return Err(format!("{id:?} is half-open at {index:?} and nobody looks"));
                }
                if end.since > self.now {
                    return Err(format!("{id:?} was opened in the future"));
                }
            }
        }
        if !pairs.iter().eq(self.pairs.keys()) {
            return Err(format!(
                "{} pairs are linked, {} counted",
                pairs.len(),
                self.pairs.len()
            ));
        }
        Ok(())
    }

    fn audit_nodes(&self) -> Result<(), String> {
        for (index, node) in self.nodes() {
            let ids: Vec<_> = node.conns.values().flatten().collect();
            if ids.len() != node.open {
                return Err(format!(
                    "{index:?} counts {} of {} connections",
                    node.open,
                    ids.len()
                ));
            }
            if let Some(id) = ids.iter().find(|id| self.conns.get(id).is_none()) {
                return Err(format!("{index:?} lists {id:?}, which is gone"));
            }
            if node.conns.keys().any(|peer| !node.marks.contains_key(peer)) {
                return Err(format!("{index:?} has a connection without a mark"));
            }
        }
        Ok(())
    }
}
