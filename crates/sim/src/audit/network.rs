//! Which network each pair uses, by rules.md alone and whatever the planner says.

use std::net::IpAddr;

use kubomesh_core::{Address, Call, Fallback, Member, Network, NetworkPolicy, Rollout};

use crate::story::network as story;

use super::passes::Passed;
use super::{Audit, Property};

/// The network of a pair of which both ends have the storage network, or not; `None`: it has none.
pub(super) fn uses(policy: &NetworkPolicy, both: bool) -> Option<Network> {
    let falls_back = policy.rollout == Rollout::Rolling || policy.fallback == Fallback::PodNetwork;
    match policy.attachment {
        None => Some(Network::Pod),
        Some(_) if both => Some(Network::Storage),
        // There is one attachment in a story: nobody has a former network while it is wanted.
        Some(_) => falls_back.then_some(Network::Pod),
    }
}

/// Every address that is known as a member's own.
pub(super) fn known(member: &Member) -> impl Iterator<Item = IpAddr> + '_ {
    let former = member.storage.former.iter().flat_map(|former| &former.ips);
    member.networks.values().flatten().chain(former).copied()
}

impl Audit {
    /// Nobody is told of an address off the network of the pair.
    pub(super) fn judge_network(&mut self, passed: &Passed<'_>) {
        let input = passed.input;
        if input.policy.network.pod_cidrs.is_empty() {
            return;
        }
        let member = |peer| {
            let mut records = input.records.values();
            let record = records.find(|record| record.peer_id == Some(peer))?;
            // Who is away is there under another name already.
            if records.any(|record| record.peer_id == Some(peer)) {
                return None;
            }
            let member = input.membership.members.get(&record.member)?;
            (member.uid == record.uid).then_some(member)
        };
        for sequence in &passed.planned.plan.sequences {
            let Some(near) = input.membership.members.get(&sequence.member) else {
                continue;
            };
            for action in &sequence.actions {
                let addresses: &[Address] = match &action.call {
                    Call::Connect { address } => std::slice::from_ref(address),
                    Call::PeeringAdd { addresses } => addresses,
                    _ => continue,
                };
                for address in addresses {
                    let Some(far) = address.peer().and_then(member) else {
                        continue;
                    };
                    let on = |one: &Member| !one.ips(Network::Storage).is_empty();
                    let uses = uses(&input.policy.network, on(near) && on(far));
                    // A record may still have the address that a pod had before.
                    let at = address.ip().map(story::network_of);
                    if at != uses {
                        let detail = format!(
                            "{} has {} on {}, off the network of the pair: `{}`",
                            passed.who, far.name, near.name, action.call
                        );
                        self.broke(Property::Network, detail);
                    }
                }
            }
        }
    }
}
