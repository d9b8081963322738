//! One mesh in the index.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{
    Condition, ConditionKind, Contact, Doubt, DoubtMachine, DoubtTimings, Member, MemberName,
    Membership, ReasonCode, Status, Timestamp, Waiting,
};

use super::MeshFacts;
use crate::{MeshView, PodFacts, project};

/// One mesh.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) facts: MeshFacts,
    pub(super) pods: BTreeMap<MemberName, PodFacts>,
    pub(super) doubt: DoubtMachine,
    /// Why its secret cannot be used; `Some` until it was read.
    pub(super) no_secret: Option<String>,
    /// Every selected pod as of the last answer.
    pub(super) projected: BTreeMap<MemberName, Result<Member, Waiting>>,
    /// Whether `projected` is out of date.
    pub(super) stale: bool,
    pub(super) membership: Arc<Membership>,
}

// === impl Entry ===

impl Entry {
    pub(super) fn new(
        facts: MeshFacts,
        timings: DoubtTimings,
        restored: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let mut doubt = DoubtMachine::new(timings, now);
        if let Some(at) = restored {
            doubt.restored(at);
        }
        Self {
            membership: Arc::new(Membership::empty(facts.id.clone())),
            no_secret: unread_secret(&facts),
            facts,
            pods: BTreeMap::new(),
            doubt,
            projected: BTreeMap::new(),
            stale: true,
        }
    }

    /// The object changed.
    pub(super) fn replace(&mut self, facts: MeshFacts, now: Timestamp) {
        let selector = |facts: &MeshFacts| facts.peers.as_ref().map(|p| p.selector.clone());
        if selector(&facts) != selector(&self.facts) {
            // Its pods stay until the new list is complete; removals are held until then.
            self.doubt.unsync();
            self.doubt.heard(now);
        }
        if facts.auth_name() != self.facts.auth_name() {
            self.no_secret = unread_secret(&facts);
        }
        self.facts = facts;
        self.stale = true;
    }

    /// Orders meshes by age: creation, then UID.
    pub(super) fn age(&self) -> (Timestamp, Arc<str>) {
        (self.facts.created, self.facts.id.uid.clone())
    }

    /// Whether a member may have moved to another mesh, whose watch has shown a later state of it:
    /// then this mesh's own is about to say that it is gone, and nobody claims it.
    pub(super) fn may_have_left(&self, name: &MemberName, elsewhere: &PodFacts) -> bool {
        let is_member = matches!(self.projected.get(name), Some(Ok(_)));
        let own = self.pods.get(name);
        is_member && own.is_some_and(|own| own.version < elsewhere.version)
    }

    pub(super) fn project(
        &self,
        zones: &BTreeMap<Arc<str>, Arc<str>>,
        claimed: impl Fn(&MemberName) -> Option<String>,
    ) -> BTreeMap<MemberName, Result<Member, Waiting>> {
        let Some(peers) = &self.facts.peers else {
            return BTreeMap::new();
        };
        let auth = self.facts.auth_name();
        let member = |pod: &PodFacts| {
            let zone = zones.get(&pod.node).cloned().unwrap_or_else(|| "".into());
            let mut member = project(pod, peers, auth.clone(), zone)?;
            if let Some(why) = &self.no_secret {
                member.contact = Contact::NoSecret { why: why.clone() };
            }
            Ok(member)
        };
        let each = |(name, pod): (&MemberName, &PodFacts)| {
            let waiting = claimed(name).map(|by| Waiting::Claimed { by });
            (name.clone(), waiting.map_or_else(|| member(pod), Err))
        };
        self.pods.iter().map(each).collect()
    }

    pub(super) fn view(
        &mut self,
        conflicts: Option<&BTreeMap<MemberName, String>>,
        now: Timestamp,
    ) -> MeshView {
        self.refresh(conflicts, self.doubt.doubt(now));
        let policy = match (&self.facts.policy, &self.no_secret) {
            (Ok(_), Some(why)) => Err(Condition::new(
                ConditionKind::Accepted,
                Status::False,
                ReasonCode::SecretUnreadable,
                why.as_str(),
            )),
            (policy, _) => policy.clone(),
        };
        MeshView {
            id: self.facts.id.clone(),
            generation: self.facts.generation,
            policy,
            membership: Arc::clone(&self.membership),
        }
    }

    /// Replaces the membership if it would differ.
    fn refresh(&mut self, conflicts: Option<&BTreeMap<MemberName, String>>, doubt: Option<Doubt>) {
        let mut next = Membership {
            doubt,
            ..Membership::empty(self.facts.id.clone())
        };
        for (name, projected) in &self.projected {
            match projected {
                Ok(member) => {
                    let mut member = member.clone();
                    if let Some(with) = conflicts.and_then(|conflicts| conflicts.get(name)) {
                        member.contact = Contact::AddressConflict { with: with.clone() };
                    }
                    next.members.insert(name.clone(), member);
                }
                Err(waiting) => {
                    next.waiting.insert(name.clone(), waiting.clone());
                }
            }
        }
        if next != *self.membership {
            self.membership = Arc::new(next);
        }
    }
}

/// What is said of a secret before it was read.
fn unread_secret(facts: &MeshFacts) -> Option<String> {
    let name = facts.auth_name()?;
    Some(format!(
        "spec.peers.rpc.authSecretRef: the secret {name} is not read yet"
    ))
}
