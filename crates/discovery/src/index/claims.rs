//! What two meshes or two pods both claim: a pod, or an IP and port.

use std::collections::BTreeMap;

use kubomesh_core::{Member, MemberName, address_conflicts};

use super::MeshKey;

/// Members that are not to be contacted, by mesh, each with the one that is.
pub(super) type Conflicts = BTreeMap<MeshKey, BTreeMap<MemberName, String>>;

/// Finds the addresses that several live pods claim.
pub(super) fn conflicts<'a>(members: impl Iterator<Item = (&'a MeshKey, &'a Member)>) -> Conflicts {
    let mut conflicts = Conflicts::new();
    for ((mesh, name), (with, winner)) in address_conflicts(members) {
        let winner = if with.namespace == mesh.namespace {
            winner.to_string()
        } else {
            format!("{}/{winner}", with.namespace)
        };
        let of_mesh = conflicts.entry(mesh.clone()).or_default();
        of_mesh.insert(name.clone(), winner);
    }
    conflicts
}
