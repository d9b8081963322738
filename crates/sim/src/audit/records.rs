//! Every write of a record at the moment when it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{Address, MemberName, MemberUid, PeerId, Record};

use super::{Property, pairs};
use crate::controller::{Phase, Who};
use crate::sim::Sim;
use crate::truth::store::Stored;

impl Sim {
    /// A controller has written a record.
    pub(crate) fn record_written(&mut self, who: Who, name: &str, before: Option<&Record>) {
        self.audit.acts += 1;
        let stored = self.store.records.get(name).cloned();
        let after = stored.as_ref().map(|stored| &*stored.record);
        self.remember(stored.as_ref());
        if let Some(after) = after {
            self.judge_owned(who, before, after);
        }
        let Some(before) = before else { return };
        let context = self
            .living(who)
            .and_then(|controller| match &controller.phase {
                Phase::Storing(carried, _) => {
                    Some((carried.context.ground, carried.policy.clone()))
                }
                _ => None,
            });
        let retired = before
            .peer_id
            .filter(|peer| after.and_then(|a| a.peer_id) != Some(*peer));
        self.judge_forgotten(who, before, after);
        self.audit.forgive(&before.member, after);
        let now = self.now();
        for filter in &before.removed_filters {
            let mut kept = after.iter().flat_map(|after| &after.removed_filters);
            if !kept.any(|one| one.cidr == filter.cidr) {
                let key = (before.member.clone(), Arc::clone(&filter.cidr));
                self.audit.unrecorded.insert(key, now);
            }
        }
        let adopted = after.is_some_and(|after| after.peer_id.is_some());
        let dropped = dropped(before, after);
        if let (Some(peer), true) = (retired, adopted) {
            self.judge_adoption(name, before, after, peer);
        }
        if let Some((ground, policy)) = context {
            if let Some(ground) = ground
                && (!dropped.is_empty() || (retired.is_some() && !adopted))
            {
                let detail = format!("{who} drops what record {name} says although {ground}");
                self.audit.broke(Property::Doubt, detail);
            }
            if retired.is_some() && !adopted {
                self.judge_away(who, before, policy.links.forget_after);
            }
        }
        self.judge_dropped(who, name, &dropped);
    }

    fn remember(&mut self, stored: Option<&Stored>) {
        if let Some(record) = stored.map(|stored| &stored.record)
            && let Some(peer) = record.peer_id
        {
            let lives = self
                .audit
                .recorded
                .entry(record.member.clone())
                .or_default();
            lives.insert((record.uid.clone(), peer));
        }
    }

    /// The same life has another identity only after its container started anew.
    fn judge_adoption(
        &mut self,
        name: &str,
        before: &Record,
        after: Option<&Record>,
        peer: PeerId,
    ) {
        let same_life = after.is_some_and(|after| after.uid == before.uid);
        let start = self.cluster.starts.get(&before.uid);
        if same_life && before.container.is_some() && start == before.container.as_ref() {
            let detail = format!("{name} gets another identity than {peer} without a restart");
            self.audit.broke(Property::Adoption, detail);
        }
    }

    /// What was taken from one who is gone is remembered for a day, unless another identity has its
    /// name, or its own another name.
    fn judge_forgotten(&mut self, who: Who, before: &Record, after: Option<&Record>) {
        let owed = before.peer_id.is_none() && !before.removed_filters.is_empty();
        let kept = after.is_some_and(|after| {
            after.peer_id.is_some()
                || (!after.removed_filters.is_empty()
                    && after.filters_owner() == before.filters_owner())
        });
        let young = before.retired.last().is_some_and(|retired| {
            self.now().since(retired.since) < kubomesh_core::Timings::default().retired_for
        });
        // Filters follow their identity: the record of its present name names them.
        let heirs = self.store.records.values().map(|stored| &stored.record);
        let heirs = heirs.filter(|heir| heir.peer_id == before.filters_owner());
        let named: BTreeSet<&str> = heirs
            .flat_map(|heir| &heir.removed_filters)
            .map(|one| &*one.cidr)
            .collect();
        let handed_on = before
            .removed_filters
            .iter()
            .all(|one| named.contains(&*one.cidr));
        if owed && !kept && young && !handed_on {
            let detail = format!("{who} forgets the filters of {}", before.member);
            self.audit.broke(Property::Filters, detail);
        }
    }

    /// A controller retires only whom it has missed for long enough.
    fn judge_away(&mut self, who: Who, before: &Record, forget_after: std::time::Duration) {
        let now = self.now();
        let missed = self.audit.missed.get(&(who, before.member.clone()));
        let since = missed
            .filter(|(uid, _)| *uid == before.uid)
            .map(|(_, since)| *since);
        // Of two that acted, one may have put a former life back, which the other misses since.
        let two = now < self.audit.two_until + forget_after;
        if !two && since.is_none_or(|since| now.since(since) < forget_after) {
            let detail = format!("{who} retires {} before its time", before.member);
            self.audit.broke(Property::Away, detail);
        }
    }

    /// What a record explained no longer is on no member's node, as far as the controller sees
    /// members.
    fn judge_dropped(&mut self, who: Who, name: &str, dropped: &BTreeSet<(PeerId, Address)>) {
        let recorded = self.store.records.values().map(|stored| &stored.record);
        let recorded = recorded.filter(|record| record.peer_id.is_some());
        let recorded: BTreeSet<MemberName> = recorded.map(|one| one.member.clone()).collect();
        let seen: BTreeMap<_, _> = match self.living(who) {
            Some(controller) => {
                // A pod without a recorded identity that is not Ready is contacted by nobody.
                let members = controller.state.membership.members.values();
                let met = members.filter(|one| one.ready || recorded.contains(&one.name));
                let read = |uid: &MemberUid| controller.read_from.get(uid).copied();
                met.map(|member| (member.uid.clone(), read(&member.uid)))
                    .collect()
            }
            None => return,
        };
        for pair in dropped {
            if self.explains(pair) || self.audit.excused.contains(pair) {
                continue;
            }
            let now = self.now();
            self.audit.dropped.insert(pair.clone(), now);
            let holders: Vec<_> = self
                .audit
                .ours
                .iter()
                .filter(|(_, entries)| entries.get(&pair.0) == Some(&pair.1))
                .map(|(node, _)| *node)
                .collect();
            for node in holders {
                let uid = self
                    .cluster
                    .owners
                    .iter()
                    .find(|(_, owner)| **owner == node);
                // What was written after its node's last reading began, no answer could show.
                let since = self.audit.since.get(&(node, pair.0));
                let read = uid.and_then(|(uid, _)| seen.get(uid));
                let visible = read.is_some_and(|read| read.is_none() || *read > since.copied());
                let two = self.now() < self.audit.two_until;
                if visible && !two && !self.audit.is_liar(node) {
                    let at = &self.world.node(node).spec().name;
                    let detail = format!(
                        "{who} drops {} at {} from record {name}, and {at} has an entry of ours \
                         for it",
                        pair.0, pair.1
                    );
                    self.audit.broke(Property::Recorded, detail);
                } else {
                    self.audit.excused.insert(pair.clone());
                }
            }
        }
    }

    /// Whether a stored record explains an entry.
    pub(crate) fn explains(&self, pair: &(PeerId, Address)) -> bool {
        let has = |record: &Record| {
            (record.peer_id == Some(pair.0) && record.addresses.contains(&pair.1))
                || record
                    .retired
                    .iter()
                    .any(|retired| retired.peer_id == pair.0 && retired.addresses.contains(&pair.1))
        };
        self.store
            .records
            .values()
            .any(|stored| has(&stored.record))
    }
}

/// What a record explained before and does not any more.
fn dropped(before: &Record, after: Option<&Record>) -> BTreeSet<(PeerId, Address)> {
    let after: BTreeSet<_> = after.into_iter().flat_map(pairs).collect();
    pairs(before).filter(|pair| !after.contains(pair)).collect()
}
