//! What the loop of the mesh carries from pass to pass: as the controller keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Doubt, MemberName, MemberUid, Membership, MeshId, Observation, Outcome, Plan, Timestamp,
};
use kubomesh_planner::Memory;

/// Passes that may follow each other at once.
const AT_ONCE: u32 = 6;

/// First wait after that; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What the loop carries from pass to pass.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) memory: Memory,
    pub(crate) known: BTreeMap<MemberName, Arc<Observation>>,
    pub(crate) membership: Arc<Membership>,
    pub(crate) pass: u64,
    /// When the last pass began: whoever was due then had their turn.
    pub(crate) looked: Timestamp,
    acting: u32,
    pub(crate) sweep: Timestamp,
    pub(crate) due: Option<Timestamp>,
    pub(crate) read_back: Option<(Timestamp, BTreeSet<MemberName>)>,
}

// === impl State ===

impl State {
    /// Knows nobody.
    pub(crate) fn new(mesh: &MeshId) -> Self {
        let mut nobody = Membership::empty(mesh.clone());
        nobody.doubt = Some(Doubt::NotSynced);
        Self {
            memory: Memory::default(),
            known: BTreeMap::new(),
            membership: Arc::new(nobody),
            pass: 0,
            acting: 0,
            looked: Timestamp(0),
            sweep: Timestamp(0),
            due: None,
            read_back: None,
        }
    }

    /// Takes the membership as it is now; whom that touches, and whose back-off ends.
    pub(crate) fn meet(
        &mut self,
        membership: &Arc<Membership>,
        touched: Option<BTreeSet<MemberName>>,
    ) -> (Option<BTreeSet<MemberName>>, Vec<MemberUid>) {
        let before = std::mem::replace(&mut self.membership, Arc::clone(membership));
        let (mut changed, mut renewed) = (BTreeSet::new(), Vec::new());
        if !Arc::ptr_eq(&before, membership) {
            for (name, member) in &membership.members {
                let was = before.members.get(name);
                if was == Some(member) {
                    continue;
                }
                changed.insert(name.clone());
                let anew = was.is_none_or(|was| {
                    was.uid != member.uid
                        || was.container != member.container
                        || was.access != member.access
                        || (member.ready && !was.ready)
                });
                if anew {
                    renewed.push(member.uid.clone());
                }
            }
            self.known
                .retain(|name, _| membership.members.contains_key(name));
        }
        let read_back = self.read_back.take().map(|(_, members)| members);
        let touched = touched.map(|mut touched| {
            touched.extend(read_back.into_iter().flatten());
            touched.extend(changed);
            touched
        });
        (touched, renewed)
    }

    /// Takes outcomes in; what they touch is read back.
    pub(crate) fn absorb(&mut self, outcomes: &[Outcome]) {
        self.memory.absorb(outcomes);
        if outcomes.is_empty() {
            return;
        }
        let touched = outcomes.iter().flat_map(|outcome| {
            let link = outcome.link.iter();
            let ends = link.flat_map(|link| [link.a.clone(), link.b.clone()]);
            ends.chain([outcome.member.clone()])
        });
        self.read_back.get_or_insert_default().1.extend(touched);
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
        let earlier = self
            .read_back
            .take()
            .map(|(_, members)| members)
            .unwrap_or_default();
        let wait = self.pace(!plan.is_empty());
        self.read_back = wait.map(|wait| (now + wait, touched_by(plan).chain(earlier).collect()));
    }

    fn pace(&mut self, acted: bool) -> Option<Duration> {
        if !acted {
            self.acting = 0;
            return None;
        }
        self.acting = self.acting.saturating_add(1);
        let over = self.acting.saturating_sub(AT_ONCE);
        Some(match over {
            0 => Duration::ZERO,
            _ => FIRST_WAIT
                .saturating_mul(1 << (over - 1).min(10))
                .min(LONGEST_WAIT),
        })
    }
}

/// The members that a plan's calls touch.
fn touched_by(plan: &Plan) -> impl Iterator<Item = MemberName> + '_ {
    plan.sequences.iter().flat_map(|sequence| {
        let links = sequence
            .actions
            .iter()
            .filter_map(|action| action.link.as_ref());
        let ends = links.flat_map(|link| [link.a.clone(), link.b.clone()]);
        std::iter::once(sequence.member.clone()).chain(ends)
    })
}
