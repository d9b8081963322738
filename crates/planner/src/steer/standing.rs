//! `steering: Strict`: filters for whole pod networks that stay.

use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{Address, FilterStep, Steering};

use crate::filters;
use crate::network::{self, On};
use crate::pass::Pass;
use crate::world::Node;

/// Whether filters are to stand.
pub(crate) fn is_strict(pass: &Pass<'_>) -> bool {
    let policy = &pass.world.input.policy.network;
    pass.enforces() && policy.steering == Steering::Strict && network::wanted(policy) == On::Storage
}

/// The entries that are to stand on every node: none that covers an address by which a member is given
/// to others, whatever the policy says.
pub(crate) fn entries(pass: &Pass<'_>) -> Vec<Arc<str>> {
    if !is_strict(pass) {
        return Vec::new();
    }
    let nodes = pass.world.nodes.iter().flat_map(Node::addresses);
    let given: Vec<IpAddr> = nodes.filter_map(Address::ip).collect();
    let ranges = &pass.world.input.policy.network.pod_cidrs;
    let free = ranges.iter().map(ipnet::IpNet::trunc);
    let free = free.filter(|range| !given.iter().any(|ip| range.contains(ip)));
    free.map(filters::text).collect()
}

/// Whether every filter that is to stand on a node is recorded and seen there.
pub(crate) fn stands(pass: &Pass<'_>, node: usize) -> bool {
    let at = &pass.world.nodes[node];
    let standing = at.record.map_or(&[][..], |record| &record.owned_filters);
    let mut standing = standing
        .iter()
        .filter(|one| one.step == FilterStep::Standing)
        .peekable();
    standing.peek().is_some() && standing.all(|one| at.shows(&one.cidr))
}
