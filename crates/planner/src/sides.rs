//! What each node lists about the others: connections and peering entries, by index.

use kubomesh_core::{Listed, PeerId, PeeringEntry};

use crate::world::{Known, Origin, World};

/// What all nodes list, and which of our former addresses they still hold.
pub(crate) struct Sides<'a> {
    /// By node.
    nodes: Vec<Side<'a>>,
    /// Every entry of ours for an identity that has no place, as (node, identity).
    pub gone: Vec<(usize, PeerId)>,
    /// Origins of the addresses that entries hold, sorted, each once.
    held: Vec<Origin>,
}

/// What one node lists.
#[derive(Default)]
struct Side<'a> {
    /// By the far node, sorted.
    connections: Vec<(usize, Listed<'a>)>,
    /// By the far node, sorted.
    entries: Vec<(usize, Entry)>,
}

/// A peering entry that a node has for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry {
    /// Not written by us: it stays as it is.
    Foreign,
    /// Ours, with the present address.
    Current,
    /// Ours, with an address that it had.
    Former,
}

// === impl Sides ===

impl<'a> Sides<'a> {
    /// Reads every list once. What nodes list of themselves and of strangers is left out.
    pub(crate) fn new(world: &World<'a>) -> Self {
        let nodes = world.nodes.iter().map(|_| Side::default()).collect();
        let mut sides = Self {
            nodes,
            gone: Vec::new(),
            held: Vec::new(),
        };
        for (index, node) in world.nodes.iter().enumerate() {
            let Some(state) = node.state else { continue };
            for connection in state.connections() {
                if let Some(far) = world.holder(&connection.peer).filter(|far| *far != index) {
                    sides.nodes[index].connections.push((far, connection));
                }
            }
            for entry in state.peering.iter().flatten() {
                if let Some(known) = world.known.get(&entry.peer) {
                    let given = known.holder.and_then(|far| world.given(index, far));
                    sides.note(index, entry, known, given.map(|(at, _)| at));
                }
            }
            sides.nodes[index].connections.sort_by_key(|(far, _)| *far);
            sides.nodes[index].entries.sort_unstable();
            sides.nodes[index].entries.dedup_by_key(|(far, _)| *far);
        }
        sides.held.sort_unstable();
        sides.held.dedup();
        sides
    }

    /// The connections that a node lists to another, direct and relayed.
    pub(crate) fn connections(
        &self,
        node: usize,
        far: usize,
    ) -> impl Iterator<Item = Listed<'a>> + Clone + '_ {
        let all = &self.nodes[node].connections;
        let first = all.partition_point(|(other, _)| *other < far);
        all[first..]
            .iter()
            .take_while(move |(other, _)| *other == far)
            .map(|(_, one)| *one)
    }

    /// Every connection that a node lists to others that have a place, by the far node.
    pub(crate) fn all(&self, node: usize) -> &[(usize, Listed<'a>)] {
        &self.nodes[node].connections
    }

    /// The entry that a node has for another.
    pub(crate) fn entry(&self, node: usize, far: usize) -> Option<Entry> {
        let all = &self.nodes[node].entries;
        all.binary_search_by_key(&far, |(other, _)| *other)
            .ok()
            .map(|at| all[at].1)
    }

    /// Every entry that a node has for others that have a place.
    pub(crate) fn entries(&self, node: usize) -> &[(usize, Entry)] {
        &self.nodes[node].entries
    }

    /// Whether an entry holds an address of this origin.
    pub(crate) fn holds(&self, origin: Origin) -> bool {
        self.held.binary_search(&origin).is_ok()
    }

    /// An entry is ours when it has exactly one address and that is one we may have written.
    fn note(
        &mut self,
        index: usize,
        entry: &PeeringEntry,
        known: &Known<'_>,
        given: Option<usize>,
    ) {
        let ours: Vec<Origin> = match entry.addresses.as_slice() {
            [address] => {
                let same = known.addresses.iter().filter(|(one, _)| *one == address);
                same.map(|(_, origin)| *origin).collect()
            }
            _ => Vec::new(),
        };
        if let Some(far) = known.holder.filter(|far| *far != index) {
            let entry = match (ours.as_slice(), given) {
                ([], _) => Entry::Foreign,
                // Where the pair has no network, nothing else is given instead.
                (_, None) => Entry::Current,
                (origins, Some(at)) if origins.contains(&Origin::Record { node: far, at }) => {
                    Entry::Current
                }
                _ => Entry::Former,
            };
            self.nodes[index].entries.push((far, entry));
        } else if known.holder.is_none() && !ours.is_empty() {
            self.gone.push((index, entry.peer));
        }
        // What a record says now outweighs what one said once: a retired identity that is back at
        // its old address holds nothing.
        let present = ours
            .iter()
            .any(|origin| matches!(origin, Origin::Record { .. }));
        let outweighed = |origin: &Origin| present && matches!(origin, Origin::Retired { .. });
        self.held
            .extend(ours.into_iter().filter(|origin| !outweighed(origin)));
    }
}
