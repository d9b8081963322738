//! What two meshes or two pods both claim: a pod, or an IP and port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{Member, MemberName, MemberUid, Timestamp};

use super::MeshKey;

/// Members that are not to be contacted, by mesh, each with the one that is.
pub(super) type Conflicts = BTreeMap<MeshKey, BTreeMap<MemberName, String>>;

/// One live pod at an address, in the order of who is contacted: a Ready one before one that is
/// not, then the one created last; the UID decides between two of one second.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claimant<'a> {
    ready: bool,
    created: Timestamp,
    uid: &'a MemberUid,
    mesh: &'a MeshKey,
    name: &'a MemberName,
}

/// Finds the addresses that several live pods claim (rules.md, Identity: address before identity).
/// Only the Ready one created last is contacted; none, while none is Ready.
pub(super) fn conflicts<'a>(members: impl Iterator<Item = (&'a MeshKey, &'a Member)>) -> Conflicts {
    let mut pods = BTreeSet::new();
    let mut claimed: BTreeMap<(Arc<str>, u16), Vec<Claimant<'a>>> = BTreeMap::new();
    for (mesh, member) in members {
        let endpoint = member.access.endpoint();
        // A pod that moves from mesh to mesh is seen in both for a moment.
        if !pods.insert(&member.uid) {
            continue;
        }
        let claimant = Claimant {
            ready: member.ready,
            created: member.created,
            uid: &member.uid,
            mesh,
            name: &member.name,
        };
        claimed
            .entry((endpoint.host.clone(), endpoint.port))
            .or_default()
            .push(claimant);
    }
    let mut conflicts = Conflicts::new();
    for mut claimants in claimed
        .into_values()
        .filter(|claimants| claimants.len() > 1)
    {
        claimants.sort_unstable();
        claimants.reverse();
        let [first, second, ..] = claimants.as_slice() else {
            continue;
        };
        let mut lose = |loser: &Claimant<'_>, to: &Claimant<'_>| {
            let of_mesh = conflicts.entry(loser.mesh.clone()).or_default();
            of_mesh.insert(loser.name.clone(), to.seen_from(loser.mesh));
        };
        claimants[1..].iter().for_each(|loser| lose(loser, first));
        if !first.ready {
            lose(first, second);
        }
    }
    conflicts
}

// === impl Claimant ===

impl Claimant<'_> {
    fn seen_from(&self, mesh: &MeshKey) -> String {
        if self.mesh.namespace == mesh.namespace {
            self.name.to_string()
        } else {
            format!("{}/{}", self.mesh.namespace, self.name)
        }
    }
}
