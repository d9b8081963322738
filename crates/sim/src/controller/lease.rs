//! Lives and leases of the controllers: who runs, who may write, and what ends either.

use std::fmt;
use std::time::Duration;

use super::{Doom, Who};
use crate::queue::Job;
use crate::rules::Rule;
use crate::sim::Sim;
use crate::story::event::Replica;

/// How long a lease lasts that is not given back.
pub(crate) const LEASE: Duration = Duration::from_secs(6);

impl Sim {
    /// Counts a step of a controller; whether it just ended.
    pub(super) fn doomed(&mut self, who: Who) -> bool {
        let Some(controller) = self.living(who) else {
            return true;
        };
        let Some((steps, doom)) = controller.doom else {
            return false;
        };
        if steps > 0 {
            controller.doom = Some((steps - 1, doom));
            return false;
        }
        controller.doom = None;
        match doom {
            Doom::Kill { arrives, down } => {
                self.kill(who, arrives, down);
                true
            }
            Doom::Lease { gap } => {
                controller.fence = false;
                let other = who.replica.other();
                let heir = if self.controller(other).alive {
                    other
                } else {
                    who.replica
                };
                self.queue.push(self.world.now() + gap, Job::Lease(heir));
                false
            }
        }
    }

    /// Ends a controller; the other one takes the lease when it has run out.
    pub(crate) fn kill(&mut self, who: Who, arrives: bool, down: Duration) {
        let (now, probe_max) = (self.now(), self.timings.probe_max);
        let Some(controller) = self.living(who) else {
            return;
        };
        controller.alive = false;
        let held = std::mem::replace(&mut controller.fence, false);
        controller.executor = super::Executor::new(probe_max);
        if arrives {
            self.ghosts.insert(who);
        }
        self.hang_up(who);
        self.queue.push(now + down, Job::Start(who.replica));
        if held {
            let gap = LEASE.max(Duration::from_secs(1));
            self.queue.push(now + gap, Job::Lease(who.replica.other()));
            self.queue
                .push(now + gap.max(down), Job::Lease(who.replica));
        }
    }

    /// Starts a controller that does not run.
    pub(crate) fn start_controller(&mut self, replica: Replica) {
        let one_contact = !self.rules.lacks(Rule::AddressBeforeIdentity);
        let (mesh, probe_max) = (self.mesh.clone(), self.timings.probe_max);
        let controller = self.controller_mut(replica);
        if !controller.alive {
            controller.start(&mesh, one_contact, probe_max);
        }
    }

    /// A lease that nobody holds is taken.
    pub(crate) fn lease_due(&mut self, replica: Replica) {
        let free = Replica::BOTH
            .iter()
            .all(|other| !self.controller(*other).fence);
        if free && self.controller(replica).alive {
            self.take_lease(replica);
        }
    }

    /// A controller has the lease from now on.
    pub(crate) fn take_lease(&mut self, replica: Replica) {
        let controller = self.controller_mut(replica);
        controller.fence = true;
        let who = Who {
            replica,
            life: controller.life,
        };
        self.queue.push(self.world.now(), Job::Wake(who));
    }

    /// A controller that shared the lease loses it.
    pub(crate) fn end_split(&mut self, who: Who) {
        let other = self.controller(who.replica.other()).fence;
        if let Some(controller) = self.living(who)
            && other
        {
            controller.fence = false;
            self.go_on(who);
        }
    }

    /// The controller that holds the lease, the first of two.
    pub(crate) fn holder(&self) -> Option<Replica> {
        Replica::BOTH.into_iter().find(|replica| {
            let controller = self.controller(*replica);
            controller.alive && controller.fence
        })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.replica)?;
        if self.life > 1 {
            write!(f, " (life {})", self.life)?;
        }
        Ok(())
    }
}
