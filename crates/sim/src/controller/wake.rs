//! When a controller hears of something, when it is woken, and what its loop does then.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubomesh_core::{MemberName, Timestamp};

use super::{Phase, Who};
use crate::audit::Property;
use crate::queue::Job;
use crate::sim::Sim;
use crate::story::event::Replica;

/// More steps than a controller has reason to make at one moment.
const TOO_MANY_STEPS: usize = 4096;

/// Whom a pass looks at; `None`: everybody.
pub(super) type Touched = Option<BTreeSet<MemberName>>;

impl Sim {
    /// Sets when each controller next hears of pods or records.
    pub(crate) fn hearing(&mut self) {
        for replica in Replica::BOTH {
            let (now, controller) = (self.now(), self.controller(replica));
            if !controller.alive {
                continue;
            }
            let pods = controller.pods.next(&self.cluster);
            let next = pods.min(controller.ledger.next(&self.store)).max(now);
            if next == Timestamp(u64::MAX) || controller.hear_at.is_some_and(|at| at <= next) {
                continue;
            }
            let who = Who {
                replica,
                life: controller.life,
            };
            self.controller_mut(replica).hear_at = Some(next);
            self.queue.push(next, Job::Hear(who));
        }
    }

    /// A controller hears what there is to hear by now.
    pub(crate) fn hear(&mut self, who: Who) {
        let now = self.now();
        let controller = match who.replica {
            Replica::A => &mut self.a,
            Replica::B => &mut self.b,
        };
        if !controller.alive || controller.life != who.life {
            return;
        }
        controller.hear_at = None;
        controller.ledger.hear(&self.store, now);
        let recorded = controller.ledger.recorded();
        controller.pods.recorded(recorded.as_ref(), now);
        if controller.pods.next(&self.cluster) <= now {
            controller.pods.hear(&self.cluster, recorded.as_ref(), now);
        }
        let shown = std::mem::take(&mut controller.pods.shown);
        self.audit.shown(who, shown, recorded.as_ref(), now);
        self.go_on(who);
    }

    /// A controller's own timer.
    pub(crate) fn woken(&mut self, who: Who) {
        let now = self.now();
        if let Some(controller) = self.living(who) {
            if controller.wake_at.is_some_and(|at| at <= now) {
                controller.wake_at = None;
            }
            self.go_on(who);
        }
    }

    /// Goes on with a controller's loop as far as it can go now.
    pub(crate) fn go_on(&mut self, who: Who) {
        for _ in 0..TOO_MANY_STEPS {
            if self.audit.is_broken() || self.living(who).is_none() || !self.advance(who) {
                return;
            }
        }
        self.audit.broke(
            Property::Rest,
            format!("{who} goes on and on at one moment"),
        );
    }

    /// One step of the loop; whether there may be another one now.
    fn advance(&mut self, who: Who) -> bool {
        let Some(controller) = self.living(who) else {
            return false;
        };
        match &controller.phase {
            Phase::Waiting => self.look(who),
            Phase::Observing(observing) if observing.pending.is_empty() => {
                self.plan_pass(who);
                true
            }
            Phase::Storing(carried, _) if !carried.writing => {
                self.store_next(who);
                true
            }
            Phase::Applying(carried) if carried.pending.is_empty() => {
                self.finish_pass(who);
                true
            }
            _ => false,
        }
    }

    /// Looks whether there is something to look at, and begins a pass; else sets when to look next.
    fn look(&mut self, who: Who) -> bool {
        let (now, policy, rules) = (self.now(), Arc::clone(&self.policy), self.rules);
        let (mesh, agents) = (self.mesh.clone(), self.agents.mode);
        let Some(controller) = self.living(who) else {
            return false;
        };
        if !controller.fence {
            if controller.fence_seen {
                controller.fence_seen = false;
                controller.state = super::State::new(&mesh);
                controller.forget_nodes();
                self.audit.forget(who);
            }
            return false;
        }
        if !controller.fence_seen {
            controller.fence_seen = true;
            controller.forget_nodes();
            self.begin_pass(who, None);
            return true;
        }
        let membership = Arc::clone(controller.pods.membership(
            (&policy.network, agents),
            now,
            rules,
        ));
        let state = &controller.state;
        let fleet = controller
            .policy
            .as_ref()
            .is_none_or(|seen| !Arc::ptr_eq(seen, &policy))
            || controller
                .membership
                .as_ref()
                .is_none_or(|seen| !Arc::ptr_eq(seen, &membership));
        let probe = controller
            .executor
            .health
            .next_probe(state.schedule.looked());
        let timers = state.schedule.timers(controller.waits_since, probe);
        let has_come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let touched: Touched = if timers.sweep <= now {
            None
        } else if !controller.executor.woken.is_empty() {
            Some(std::mem::take(&mut controller.executor.woken))
        } else if fleet
            || controller.ledger.changed()
            || has_come(timers.read_back)
            || has_come(timers.due)
        {
            Some(BTreeSet::new())
        } else {
            let others = timers.read_back.into_iter().chain(timers.due);
            self.wake_later(who, others.fold(timers.sweep, Timestamp::min));
            return false;
        };
        self.begin_pass(who, touched);
        true
    }

    fn wake_later(&mut self, who: Who, next: Timestamp) {
        let Some(controller) = self.living(who) else {
            return;
        };
        if controller.wake_at.is_none_or(|at| next < at) {
            controller.wake_at = Some(next);
            self.queue.push(next, Job::Wake(who));
        }
    }
}
