//! A story's policy and time constants.

use std::time::Duration;

use kubomesh_core::{Degree, FilterPolicy, Policy, Timings};

use super::Writer;
use crate::story::weights::one_of;

impl Writer {
    /// The policy at the beginning; `short`: with short spans.
    pub(super) fn policy(&mut self, short: bool) -> Policy {
        let mut policy = Policy::default();
        let rng = &mut self.rng;
        if self.rings {
            policy.topology.full_mesh_up_to = one_of(rng, &[0, 4, 8, 12]);
            policy.topology.degree = Degree::Fixed(one_of(rng, &[8, 10, 12]));
        }
        if rng.per_mille(300) {
            policy.filters = FilterPolicy::Repair;
        }
        policy.links.protect = !rng.per_mille(60);
        if short {
            policy.links.forget_after = Duration::from_secs(20);
            policy.resync.0 = Duration::from_secs(10);
        }
        if let Some(dual) = &mut self.dual {
            policy.network = dual.policy();
        }
        policy
    }
}

/// The defaults, or short ones.
pub(super) fn timings(short: bool) -> Timings {
    if !short {
        return Timings::default();
    }
    Timings {
        retry_base: Duration::from_secs(2),
        retry_max: Duration::from_secs(20),
        retry_rate_limited: Duration::from_secs(5),
        relayed_first: Duration::from_secs(5),
        relayed_base: Duration::from_secs(20),
        relayed_max: Duration::from_secs(60),
        steer_retry_base: Duration::from_secs(20),
        steer_retry_max: Duration::from_secs(120),
        probe_max: Duration::from_secs(30),
        ..Timings::default()
    }
}
