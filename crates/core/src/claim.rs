//! Which of several members that claim one IP and port is contacted (rules.md, Identity: address
//! before identity).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Member, MemberName, MemberUid, Timestamp};

/// A member and what it is found under, such as its mesh.
pub type Named<'a, K> = (&'a K, &'a MemberName);

/// One live member at an address, in the order of who is contacted: a Ready one before one that is
/// not, then the one created last; the UID decides between two of one moment.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claimant<'a, K> {
    ready: bool,
    created: Timestamp,
    uid: &'a MemberUid,
    mesh: &'a K,
    name: &'a MemberName,
}

/// Finds the addresses that several live members claim; each member is given with its mesh.
///
/// Returns those that are not to be contacted, each with the one that it yields to. Only the Ready
/// one created last is contacted; none, while none is Ready.
#[must_use]
pub fn address_conflicts<'a, K: Ord>(
    members: impl Iterator<Item = (&'a K, &'a Member)>,
) -> BTreeMap<Named<'a, K>, Named<'a, K>> {
    let mut lives = BTreeSet::new();
    let mut claimed: BTreeMap<(&Arc<str>, u16), Vec<Claimant<'a, K>>> = BTreeMap::new();
    for (mesh, member) in members {
        // A pod that moves from mesh to mesh is seen in both for a moment.
        if !lives.insert(&member.uid) {
            continue;
        }
        let endpoint = member.access.endpoint();
        let claimants = claimed.entry((&endpoint.host, endpoint.port)).or_default();
        claimants.push(Claimant {
            ready: member.ready,
            created: member.created,
            uid: &member.uid,
            mesh,
            name: &member.name,
        });
    }
    let mut conflicts = BTreeMap::new();
    for mut claimants in claimed.into_values() {
        claimants.sort_unstable();
        claimants.reverse();
        let [first, second, ..] = claimants.as_slice() else {
            continue;
        };
        for loser in &claimants[1..] {
            conflicts.insert(loser.named(), first.named());
        }
        if !first.ready {
            conflicts.insert(first.named(), second.named());
        }
    }
    conflicts
}

// === impl Claimant ===

impl<'a, K> Claimant<'a, K> {
    fn named(&self) -> Named<'a, K> {
        (self.mesh, self.name)
    }
}
