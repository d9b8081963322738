//! What the loop of a mesh carries from pass to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Doubt, MemberName, Membership, MeshId, Outcome, Plan, Policy, Record, Timestamp, Timings,
};
use kubomesh_executor::{Executor, Observations, touched_by};
use kubomesh_planner::{Memory, PlanInput};

use crate::pace::Pace;

/// What the loop carries from pass to pass.
pub(crate) struct State {
    pub(crate) memory: Memory,
    pub(crate) known: Observations,
    pub(crate) membership: Arc<Membership>,
    pub(crate) pass: u64,
    pace: Pace,
    /// When the last pass began: whoever was due then had their turn.
    pub(crate) looked: Timestamp,
    /// Since when a first list is waited for.
    waiting_since: Option<Timestamp>,
    /// When everybody is asked again.
    pub(crate) sweep: Timestamp,
    /// When the last plan has something due.
    pub(crate) due: Option<Timestamp>,
    /// When what the last pass did is read back, and at whom.
    pub(crate) read_back: Option<(Timestamp, BTreeSet<MemberName>)>,
}

/// How long the first lists are waited for before it is said that they are missing.
const FIRST_LISTS: Duration = Duration::from_secs(5);

// === impl State ===

impl State {
    pub(crate) fn new(mesh: &MeshId) -> Self {
        let mut nobody = Membership::empty(mesh.clone());
        nobody.doubt = Some(Doubt::NotSynced);
        Self {
            memory: Memory::default(),
            known: Observations::new(),
            membership: Arc::new(nobody),
            pass: 0,
            pace: Pace::default(),
            looked: Timestamp(0),
            waiting_since: None,
            sweep: Timestamp(0),
            due: None,
            read_back: None,
        }
    }

    /// Whether it is too early to conclude anything: before the first lists are complete a fleet
    /// looks empty, and to say so would change the status of every mesh at every start. Lists that
    /// do not come are told after a while.
    pub(crate) fn is_early(&mut self, membership: &Membership, now: Timestamp) -> bool {
        if self.pass > 0 || membership.doubt != Some(Doubt::NotSynced) {
            return false;
        }
        let since = *self.waiting_since.get_or_insert(now);
        self.sweep = since + FIRST_LISTS;
        self.sweep > now
    }

    /// Takes the membership as it is now, and adds to whom was touched those who changed. Who came,
    /// became ready or was started anew is asked at once whatever its back-off.
    pub(crate) fn meet(
        &mut self,
        membership: &Arc<Membership>,
        touched: Option<BTreeSet<MemberName>>,
        executor: &Executor,
    ) -> Option<BTreeSet<MemberName>> {
        let before = std::mem::replace(&mut self.membership, Arc::clone(membership));
        let mut changed = BTreeSet::new();
        if !Arc::ptr_eq(&before, membership) {
            for (name, member) in &membership.members {
                let was = before.members.get(name);
                if was == Some(member) {
                    continue;
                }
                changed.insert(name.clone());
                let renewed = was.is_none_or(|was| {
                    was.uid != member.uid
                        || was.container != member.container
                        || was.access != member.access
                        || (member.ready && !was.ready)
                });
                if renewed {
                    executor.renew(&member.uid);
                }
            }
            self.known
                .retain(|name, _| membership.members.contains_key(name));
            executor.retain(&membership.members.values().map(|m| m.uid.clone()).collect());
        }
        let read_back = self.read_back.take().map(|(_, members)| members);
        let mut touched = touched?;
        touched.extend(read_back.into_iter().flatten());
        touched.extend(changed);
        Some(touched)
    }

    pub(crate) fn absorb(&mut self, outcomes: &[Outcome]) {
        self.memory.absorb(outcomes);
        if outcomes.is_empty() {
            return;
        }
        self.read_back
            .get_or_insert_default()
            .1
            .extend(outcomes.iter().flat_map(|outcome| {
                let ends = outcome
                    .link
                    .iter()
                    .flat_map(|link| [link.a.clone(), link.b.clone()]);
                ends.chain([outcome.member.clone()])
            }));
    }

    pub(crate) fn input<'a>(
        &'a self,
        now: Timestamp,
        policy: &'a Policy,
        timings: &'a Timings,
        records: &'a BTreeMap<String, Record>,
    ) -> PlanInput<'a> {
        PlanInput {
            now,
            policy,
            timings,
            membership: &self.membership,
            observations: &self.known,
            records,
            memory: &self.memory,
        }
    }

    /// Says when to look next. `swept`: everybody was asked, and is again after this time.
    pub(crate) fn schedule(
        &mut self,
        now: Timestamp,
        swept: Option<Duration>,
        plan: &Plan,
        next_due: Option<Duration>,
    ) {
        self.pass += 1;
        if let Some(resync) = swept {
            self.sweep = now + resync;
        }
        self.due = next_due.map(|wait| now + wait);
        let touched: BTreeSet<_> = touched_by(&plan.sequences).into_iter().collect();
        let earlier = self
            .read_back
            .take()
            .map(|(_, members)| members)
            .unwrap_or_default();
        self.read_back = self
            .pace
            .after(!plan.is_empty())
            .map(|wait| (now + wait, touched.into_iter().chain(earlier).collect()));
    }
}
