//! The pairs that the policy wants linked, computed from the nodes alone.

use std::collections::BTreeSet;

use kubomesh_core::{Capacity, MeshId, TopologyPolicy};
use kubomesh_planner::topology::{self, Place};

use crate::stage::FleetNode;

/// Pairs of nodes by index, the smaller first.
pub(crate) type Pairs = BTreeSet<(usize, usize)>;

/// The pairs under the default policy. Fakes have Kubo's default marks, and with them the capacity
/// that is assumed of nodes that do not tell.
pub(crate) fn pairs(nodes: &[FleetNode]) -> Pairs {
    let keys: Vec<Vec<u8>> = nodes.iter().map(|node| node.peer_id.to_bytes()).collect();
    let places: Vec<Place<'_>> = nodes
        .iter()
        .zip(&keys)
        .map(|(node, key)| Place {
            key,
            zone: &node.zone,
            capacity: Capacity::ASSUMED_LINKS,
        })
        .collect();
    let pairs = topology::desired(&places, &TopologyPolicy::default(), &MeshId::file().uid);
    pairs
        .into_iter()
        .map(|(a, b)| (a as usize, b as usize))
        .collect()
}

/// Links of the node that has most.
pub(crate) fn most(pairs: &Pairs, nodes: usize) -> usize {
    let mut degrees = vec![0; nodes];
    for &(a, b) in pairs {
        degrees[a] += 1;
        degrees[b] += 1;
    }
    degrees.into_iter().max().unwrap_or(0)
}
