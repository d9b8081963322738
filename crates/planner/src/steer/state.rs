//! How each member's connections are kept on the storage network.

use kubomesh_core::{Steering, SteeringState};

use super::choice::is_affected;
use super::standing;
use crate::network::{self, On};
use crate::pass::Pass;

/// How a node's connections are kept on the storage network; `None` where none is asked for, or the
/// node has no address there or did not answer.
pub(crate) fn state(pass: &Pass<'_>, index: usize) -> Option<SteeringState> {
    let node = &pass.world.nodes[index];
    let policy = &pass.world.input.policy.network;
    let wanted = network::wanted(policy);
    let member = node
        .member
        .filter(|member| network::has(member, On::Storage))?;
    let state = node.state.filter(|_| wanted == On::Storage)?;
    if standing::stands(pass, index) {
        return Some(SteeringState::Strict);
    }
    let sighting = node.observation?.sighting.as_ref()?;
    let mut elsewhere = sighting.announced.iter().filter(|ip| !ip.is_loopback());
    let on = |ip| network::is_on(member, On::Storage, ip);
    let prevented = elsewhere.clone().next().is_some() && elsewhere.all(|ip| on(*ip));
    Some(match policy.steering {
        _ if prevented => SteeringState::Prevented,
        Steering::Off | Steering::Strict => SteeringState::Unsteered,
        Steering::Steer if state.filters.is_err() => SteeringState::Unsteered,
        Steering::Steer if is_affected(pass, node) => SteeringState::Unsteered,
        Steering::Steer => SteeringState::Steered,
    })
}
