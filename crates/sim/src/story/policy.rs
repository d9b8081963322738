//! A story's policy and time constants, as far as they are not the defaults.

use std::fmt;

use kubomesh_core::{Degree, Policy, Timings};

use super::Story;
use super::agents::AgentsMode;
use super::event::seconds;

/// Writes what is special about a story's beginning.
pub(super) fn describe(story: &Story, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (policy, default) = (&story.policy, Policy::default());
    write!(
        f,
        "policy: mode {:?}, filters {:?}",
        policy.mode, policy.filters
    )?;
    write!(f, ", full mesh up to {}", policy.topology.full_mesh_up_to)?;
    if let Degree::Fixed(degree) = policy.topology.degree {
        write!(f, ", degree {degree}")?;
    }
    if !policy.links.protect {
        f.write_str(", links not protected")?;
    }
    write!(f, ", forget after {}", seconds(policy.links.forget_after))?;
    let network = &policy.network;
    if *network != default.network {
        let wanted = network.attachment.as_ref().map(ToString::to_string);
        write!(
            f,
            ", network {:?}, {:?}, {:?}, fallback {:?}",
            wanted.unwrap_or_default(),
            network.rollout,
            network.steering,
            network.fallback
        )?;
    }
    if network.steering_on_affected_versions {
        f.write_str(", steering on affected versions")?;
    }
    if story.agents != AgentsMode::Off {
        write!(f, ", agents {:?}", story.agents)?;
    }
    if story.routed {
        f.write_str(", addresses known from a DHT")?;
    }
    if policy.resync != default.resync {
        write!(f, ", resync every {}", seconds(policy.resync.0))?;
    }
    if story.timings != Timings::default() {
        f.write_str(", short time constants")?;
    }
    if story.certain {
        f.write_str(", nodes without odds")?;
    }
    writeln!(f)
}
