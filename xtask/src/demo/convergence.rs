//! When a mesh counts as converged: every link is there, and the controller has nothing left to do.

use std::collections::BTreeSet;
use std::time::Duration;

use super::pages::Plan;

/// Passes without an action that must follow.
const QUIET_PASSES: usize = 2;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Convergence {
    /// Since when every link is there, and the pass that was the last one then.
    there: Option<(Duration, u64)>,
    /// Later passes without an action.
    quiet: BTreeSet<u64>,
}

// === impl Convergence ===

impl Convergence {
    /// Takes one look: whether every link is on both ends, and the last pass. Hands back when the
    /// last link came, once enough quiet passes followed. A link that goes, or an action, begins
    /// it anew.
    pub(super) fn look(
        &mut self,
        now: Duration,
        every_link: bool,
        plan: Option<&Plan>,
    ) -> Option<Duration> {
        let Some(plan) = plan.filter(|_| every_link) else {
            *self = Self::default();
            return None;
        };
        let (at, pass) = *self.there.get_or_insert((now, plan.pass));
        if plan.pass > pass {
            if plan.actions.is_empty() {
                self.quiet.insert(plan.pass);
            } else {
                self.quiet.clear();
            }
        }
        (self.quiet.len() >= QUIET_PASSES).then_some(at)
    }
}

#[cfg(test)]
mod tests;
