//! Which addresses of a far end are hidden while it is dialled.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::filters;
use crate::network::{self, On};
use crate::world::World;

/// How many members have an IP, whatever the network.
pub(crate) struct Owners(BTreeMap<IpAddr, u32>);

// === impl Owners ===

impl Owners {
    /// Counts the IPs of every live member, each once a member.
    pub(crate) fn of(world: &World<'_>) -> Self {
        let mut owners = BTreeMap::new();
        for node in &world.nodes {
            let own = node.member.map(|member| own(member, node.state));
            for ip in own.into_iter().flatten() {
                *owners.entry(ip).or_default() += 1;
            }
        }
        Self(owners)
    }

    /// The filters that hide a node's addresses off a network, sorted; none of one that another member
    /// has too: that one would be hidden with it.
    pub(crate) fn hiding(&self, world: &World<'_>, node: usize, on: On) -> Vec<Arc<str>> {
        let node = &world.nodes[node];
        let Some(member) = node.member else {
            return Vec::new();
        };
        let wanted = network::wanted(&world.input.policy.network);
        let off = own(member, node.state).into_iter();
        let off = off.filter(|ip| !network::is_on(member, on, *ip));
        let theirs = |ip: &IpAddr| wanted == On::Storage || network::is_on(member, On::Former, *ip);
        let alone = off.filter(theirs).filter(|ip| self.0.get(ip) == Some(&1));
        alone.map(|ip| filters::text(IpNet::from(ip))).collect()
    }
}

fn own(member: &kubomesh_core::Member, state: Option<&kubomesh_core::NodeState>) -> Vec<IpAddr> {
    let mut own: Vec<IpAddr> = network::elsewhere(member, state).collect();
    own.sort_unstable();
    own.dedup();
    own
}
