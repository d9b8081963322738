//! Pods that are no members yet because of the record of their name: one that cannot be read, or that
//! another mesh still needs. To overwrite it would lose what only it knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{MemberName, Membership, Waiting};
use kubomesh_discovery::Fleet;
use kubomesh_reporter::NotOurs;

#[cfg(test)]
mod tests;

/// The membership of a mesh without the pods that wait for a record. The same value comes out while
/// the same goes in.
#[derive(Default)]
pub(crate) struct Withheld {
    last: Option<Last>,
}

struct Last {
    found: Arc<Membership>,
    held: BTreeMap<MemberName, Waiting>,
    left: Arc<Membership>,
}

/// Members whose record could not be stored: they stay members, and say why nothing is done for them.
#[derive(Default)]
pub(crate) struct Unstored {
    members: BTreeMap<MemberName, Waiting>,
    /// The last membership that was shown, and what it was made of.
    last: Option<(Arc<Membership>, Arc<Membership>)>,
}

// === impl Unstored ===

impl Unstored {
    /// Whose record the last attempt could not store.
    pub(crate) fn take(&mut self, members: BTreeMap<MemberName, Waiting>) {
        if self.members != members {
            self.members = members;
            self.last = None;
        }
    }

    /// The membership in which they say so. The same value comes out while the same goes in.
    pub(crate) fn shown(&mut self, found: Arc<Membership>) -> Arc<Membership> {
        if self.members.is_empty() {
            return found;
        }
        if let Some((before, shown)) = &self.last
            && Arc::ptr_eq(before, &found)
        {
            return Arc::clone(shown);
        }
        let mut shown = Membership::clone(&found);
        for (name, waiting) in &self.members {
            if shown.members.contains_key(name) {
                shown.waiting.insert(name.clone(), waiting.clone());
            }
        }
        let shown = Arc::new(shown);
        self.last = Some((found, Arc::clone(&shown)));
        shown
    }
}

// === impl Withheld ===

impl Withheld {
    /// What is left of the membership that discovery found. `not_ours`: records of the mesh's
    /// namespace that are not its own.
    pub(crate) fn left<'a>(
        &mut self,
        fleet: &Fleet,
        found: &Arc<Membership>,
        not_ours: impl Iterator<Item = NotOurs<'a>>,
    ) -> Arc<Membership> {
        let held: BTreeMap<_, _> = not_ours
            .filter_map(|record| held(fleet, found, &record))
            .collect();
        if held.is_empty() {
            self.last = None;
            return Arc::clone(found);
        }
        if let Some(last) = &self.last
            && Arc::ptr_eq(&last.found, found)
            && last.held == held
        {
            return Arc::clone(&last.left);
        }
        let mut left = Membership::clone(found);
        left.members.retain(|name, _| !held.contains_key(name));
        left.waiting.extend(held.clone());
        let left = Arc::new(left);
        self.last = Some(Last {
            found: Arc::clone(found),
            held,
            left: Arc::clone(&left),
        });
        left
    }

    /// Whether anything waits.
    pub(crate) fn any(&self) -> bool {
        self.last.is_some()
    }
}

/// The member that a record holds up, if it does.
fn held(fleet: &Fleet, found: &Membership, record: &NotOurs<'_>) -> Option<(MemberName, Waiting)> {
    match record {
        NotOurs::Unreadable { record, why } => {
            let name = MemberName::from(*record);
            let waiting = Waiting::RecordUnreadable {
                why: why.to_string(),
            };
            found.members.contains_key(&name).then_some((name, waiting))
        }
        NotOurs::OfMesh { member, mesh } => {
            if !found.members.contains_key(*member) {
                return None;
            }
            let mut others = fleet.meshes.values();
            let other = others
                .find(|view| view.id.namespace == found.mesh.namespace && *view.id.name == **mesh);
            // It selects the pod too and lost it to this older mesh: it will never give the record
            // up by itself, and conflicts remove nothing (rules.md, Removal).
            let lost = other.is_some_and(|view| {
                let waiting = view.membership.waiting.get(*member);
                matches!(waiting, Some(Waiting::Claimed { .. }))
            });
            let by = match &*found.mesh.namespace {
                "" => mesh.to_string(),
                namespace => format!("{namespace}/{mesh}"),
            };
            (!lost).then(|| ((*member).clone(), Waiting::RecordHeld { by }))
        }
    }
}
