//! One mesh in the index.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{
    Condition, ConditionKind, Contact, Doubt, DoubtMachine, DoubtTimings, Member, MemberName,
    Membership, Network, ReasonCode, Status, Timestamp, Waiting, settle_storage,
};
use kubomesh_multus::Networks;

use super::MeshFacts;
use super::attachments::{Applied, Attachments};
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
    applied: Applied,
    /// What one of its pods asks for: most of the others ask for the same and share it.
    requested: Option<Arc<Networks>>,
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
        let mut applied = Applied::default();
        applied.read(facts.network.attachment.as_ref(), facts.applied.as_ref());
        Self {
            applied,
            requested: None,
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
        if facts.auth_name() != self.facts.auth_name() || facts.tls_name() != self.facts.tls_name()
        {
            self.no_secret = unread_secret(&facts);
        }
        let wanted = facts.network.attachment.as_ref();
        self.applied.read(wanted, facts.applied.as_ref());
        self.facts = facts;
        self.stale = true;
    }

    /// A pod as it is kept: what it asks for is shared with others that ask for the same.
    pub(super) fn kept(&mut self, mut pod: PodFacts) -> PodFacts {
        let networks = pod.networks.as_deref_mut();
        if let Some(Ok(requested)) = networks.map(|networks| &mut networks.requested) {
            match &self.requested {
                Some(known) if known == requested => *requested = Arc::clone(known),
                _ => self.requested = Some(Arc::clone(requested)),
            }
        }
        pod
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
            let mut member = project(pod, peers, &self.facts.network, auth.clone(), zone)?;
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
        attachments: &Attachments,
        now: Timestamp,
    ) -> MeshView {
        self.refresh(conflicts, attachments, self.doubt.doubt(now));
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
    fn refresh(
        &mut self,
        conflicts: Option<&BTreeMap<MemberName, String>>,
        attachments: &Attachments,
        doubt: Option<Doubt>,
    ) {
        let wanted = self.facts.network.attachment.as_ref();
        let oldest = self.doubt.is_synced().then(|| self.oldest_attached());
        let (attachment, ranges) = self.applied.state(wanted, attachments, oldest);
        let mut next = Membership {
            doubt,
            attachment,
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
        settle_storage(&mut next.members, &self.facts.network, &ranges);
        if next != *self.membership {
            self.membership = Arc::new(next);
        }
    }

    /// When the oldest of the members that are on the storage network was created.
    fn oldest_attached(&self) -> Option<Timestamp> {
        let members = self.projected.values().flatten();
        let attached = members.filter(|member| !member.ips(Network::Storage).is_empty());
        attached.map(|member| member.created).min()
    }
}

/// What is said of a secret before it was read.
fn unread_secret(facts: &MeshFacts) -> Option<String> {
    let (field, name) = match (facts.auth_name(), facts.tls_name()) {
        (Some(name), _) => ("spec.peers.rpc.authSecretRef", name),
        (None, name) => ("spec.agents.tlsSecretRef", name?),
    };
    Some(format!("{field}: the secret {name} is not read yet"))
}
