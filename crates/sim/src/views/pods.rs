//! The pods as a controller hears of them: late, not at all, or only some.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Doubt, DoubtMachine, DoubtTimings, MemberName, Membership, MeshId, NetworkPolicy, Timestamp,
};
use kubomesh_model::Rng;

use super::members::membership;
use crate::audit::doubt::Shown;
use crate::rules::{Rule, Rules};
use crate::story::agents::AgentsMode;
use crate::truth::cluster::{Change, Cluster, PodObject};

/// A list that shows only some of the pods.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short {
    /// How many of a hundred.
    pub(crate) percent: u8,
    pub(crate) until: Timestamp,
}

/// What a controller knows of the pods.
#[derive(Debug, Clone)]
pub(crate) struct PodView {
    mesh: MeshId,
    one_contact: bool,
    pods: BTreeMap<MemberName, Arc<PodObject>>,
    /// How much of the log was heard.
    read: usize,
    pub(crate) lag: Duration,
    pub(crate) frozen: bool,
    pub(crate) short: Option<Short>,
    doubts: DoubtMachine,
    /// What was shown here, for the audit to take.
    pub(crate) shown: Vec<Shown>,
    next_list: Timestamp,
    stale: bool,
    /// What the policy says, as it was last looked at.
    network: NetworkPolicy,
    agents: AgentsMode,
    membership: Arc<Membership>,
}

// === impl PodView ===

impl PodView {
    /// Knows nothing.
    pub(crate) fn new(mesh: MeshId, one_contact: bool) -> Self {
        Self {
            membership: Arc::new(Membership::empty(mesh.clone())),
            mesh,
            one_contact,
            pods: BTreeMap::new(),
            read: 0,
            lag: Duration::ZERO,
            frozen: false,
            short: None,
            doubts: DoubtMachine::new(DoubtTimings::default(), Timestamp(0)),
            shown: Vec::new(),
            next_list: Timestamp(0),
            stale: true,
            network: NetworkPolicy::default(),
            agents: AgentsMode::Off,
        }
    }

    /// When the next change is heard, or a list is due.
    pub(crate) fn next(&self, cluster: &Cluster) -> Timestamp {
        let heard = cluster
            .log
            .get(self.read)
            .map(|change| change.at + self.lag);
        match heard {
            Some(at) if !self.frozen => at.min(self.next_list),
            _ if self.frozen => Timestamp(u64::MAX),
            _ => self.next_list,
        }
    }

    /// Hears what is to be heard by now.
    pub(crate) fn hear(
        &mut self,
        cluster: &Cluster,
        recorded: Option<&BTreeSet<MemberName>>,
        now: Timestamp,
    ) {
        if self.frozen {
            return;
        }
        if now >= self.next_list {
            return self.list(cluster, recorded, now);
        }
        self.doubts.heard(now);
        while let Some(change) = cluster
            .log
            .get(self.read)
            .filter(|c| c.at + self.lag <= now)
        {
            self.read += 1;
            self.take(change);
        }
    }

    /// The records became known: a list that waited for them is compared.
    pub(crate) fn recorded(&mut self, recorded: Option<&BTreeSet<MemberName>>, now: Timestamp) {
        if let Some(recorded) = recorded {
            self.doubts.recorded(recorded, now);
        }
    }

    /// Lists the pods as they are; `recorded`: the members with a recorded identity, `None` while
    /// the records are not known.
    pub(crate) fn list(
        &mut self,
        cluster: &Cluster,
        recorded: Option<&BTreeSet<MemberName>>,
        now: Timestamp,
    ) {
        self.short = self.short.filter(|short| now < short.until);
        let shown = |object: &&Arc<PodObject>| {
            self.short.is_none_or(|short| {
                let number = object.name.as_str().bytes().map(u64::from).sum();
                Rng::new(number).below(100) < u64::from(short.percent)
            })
        };
        let objects = cluster
            .places
            .values()
            .filter_map(|place| place.object.as_ref());
        self.pods = objects
            .filter(shown)
            .map(|object| (object.name.clone(), Arc::clone(object)))
            .collect();
        self.read = cluster.log.len();
        let names: BTreeSet<MemberName> = self.pods.keys().cloned().collect();
        self.shown.push(Shown::List(names.clone()));
        self.doubts.listed(names, recorded, now);
        self.next_list = now + self.doubts.list_interval();
        if let Some(short) = self.short {
            self.next_list = self.next_list.min(short.until);
        }
        self.stale = true;
    }

    /// The store was restored: everything is read anew and removals are held for a while.
    pub(crate) fn restored(&mut self, now: Timestamp) {
        self.doubts.restored(now);
        self.next_list = now;
    }

    /// The members as they are known now; doubts are dropped whose rule is off.
    pub(crate) fn membership(
        &mut self,
        (network, agents): (&NetworkPolicy, AgentsMode),
        now: Timestamp,
        rules: Rules,
    ) -> &Arc<Membership> {
        if self.network != *network || self.agents != agents {
            self.network.clone_from(network);
            self.agents = agents;
            self.stale = true;
        }
        if !self.frozen && self.membership.doubt.is_none() {
            self.doubts.heard(now);
        }
        let doubt = self.doubts.doubt(now).filter(|one| heeds(rules, one));
        if self.stale {
            self.stale = false;
            let mut next = membership(
                &self.mesh,
                (&self.network, self.agents),
                self.pods.values(),
                self.one_contact,
            );
            next.doubt = doubt;
            if next != *self.membership {
                self.membership = Arc::new(next);
            }
        } else if doubt != self.membership.doubt {
            let mut next = Membership::clone(&self.membership);
            next.doubt = doubt;
            self.membership = Arc::new(next);
        }
        &self.membership
    }

    fn take(&mut self, change: &Change) {
        self.stale = true;
        match &change.object {
            Some(object) => {
                self.shown.push(Shown::Pod(change.name.clone()));
                self.doubts.seen(&change.name);
                self.pods.insert(change.name.clone(), Arc::clone(object));
            }
            None => {
                self.pods.remove(&change.name);
                self.shown.push(Shown::Deletion(change.name.clone()));
                self.doubts.deleted(&change.name);
            }
        }
    }
}

/// Whether the rule of a doubt is on.
fn heeds(rules: Rules, doubt: &Doubt) -> bool {
    match doubt {
        Doubt::WatchStale { .. } => !rules.lacks(Rule::DoubtWatchStale),
        Doubt::StoreRestored { .. } => !rules.lacks(Rule::DoubtStoreRestored),
        Doubt::ManyMissing { .. } => !rules.lacks(Rule::DoubtManyMissing),
        _ => true,
    }
}
