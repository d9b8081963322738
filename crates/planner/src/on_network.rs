//! Whether members are on the wanted network: the condition of each, and of the mesh.

use kubomesh_core::{
    Condition, ConditionKind, Fallback, Member, NetworkPolicy, NetworkReport, NetworkTrouble,
    ReasonCode, Rollout, Status, StorageGap,
};

use crate::conditions::Said;
use crate::members::sentence;
use crate::network::{self, On};
use crate::pass::Pass;
use crate::steer;
use crate::words;
use crate::world::Node;

/// `OnNetwork` of a member.
pub(crate) fn condition(pass: &Pass<'_>, node: &Node<'_>) -> Condition {
    let condition = |status, reason, message: &str| {
        Condition::new(ConditionKind::OnNetwork, status, reason, message)
    };
    let source = pass.world.source();
    let Some(member) = node.member else {
        return condition(Status::Unknown, ReasonCode::Away, words::gone(source));
    };
    let policy = &pass.world.input.policy.network;
    let Some(attachment) = &policy.attachment else {
        return match network::has(member, On::Pod) {
            true => condition(Status::True, ReasonCode::AsWanted, ""),
            false => {
                let message = words::no_address(source);
                condition(Status::False, ReasonCode::NoAddress, message)
            }
        };
    };
    if let Some(gap) = gap(member) {
        let message = format!("not on {attachment}: {gap}; {}", instead(policy));
        return condition(Status::False, code(gap), &message);
    }
    if !member.storage.outside.is_empty() {
        let ip = network::mesh_ip(member, On::Storage);
        let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
        let ranges = sentence(member.storage.outside.iter().map(ToString::to_string));
        let message = format!(
            "its address {ip} is in none of the ranges of {attachment} ({ranges}); links use it all \
             the same"
        );
        return condition(Status::False, ReasonCode::AddressOutsideRange, &message);
    }
    condition(Status::True, ReasonCode::AsWanted, "")
}

/// `NetworkApplied` of the mesh: every member is on the wanted network, and that is still what it was
/// when they were put on it.
pub(crate) fn applied(pass: &Pass<'_>) -> Said {
    let world = &pass.world;
    let policy = &world.input.policy.network;
    let wanted = network::wanted(policy);
    let state = &world.input.membership.attachment;
    let live = || world.nodes.iter().filter_map(|node| node.member);
    let off: Vec<&Member> = live().filter(|one| !network::has(one, wanted)).collect();
    let names = |members: &[&Member]| sentence(members.iter().map(|one| one.name.to_string()));
    let Some(attachment) = &policy.attachment else {
        if off.is_empty() {
            // No member was asked for this: it is what each address is that they are given to others
            // by.
            let message = words::own_network(world.source());
            return (Status::True, ReasonCode::NoStorageNetwork, message.into());
        }
        let message = format!("without an address on the network: {}", names(&off));
        return (Status::False, ReasonCode::NoAddress, message);
    };
    if let Some(problem) = &state.problem {
        return (
            Status::False,
            ReasonCode::AttachmentUnreadable,
            problem.to_string(),
        );
    }
    if !off.is_empty() && policy.rollout == Rollout::Rolling {
        let message = format!("still to be recreated to get {attachment}: {}", names(&off));
        return (Status::False, ReasonCode::RollingOut, message);
    }
    if let Some(first) = off.first() {
        let why = gap(first).map(ToString::to_string).unwrap_or_default();
        let reason = gap(first).map_or(ReasonCode::NoAddress, code);
        let message = format!(
            "not on {attachment}: {}; the first: {why}; {}",
            names(&off),
            instead(policy)
        );
        return (Status::False, reason, message);
    }
    let outside: Vec<&Member> = live()
        .filter(|one| !one.storage.outside.is_empty())
        .collect();
    if !outside.is_empty() {
        let message = format!(
            "with an address in none of the ranges of {attachment}: {}",
            names(&outside)
        );
        return (Status::False, ReasonCode::AddressOutsideRange, message);
    }
    if let Some(drift) = &state.drift {
        let message = format!(
            "{attachment} was edited after it was applied ({drift}); pods keep what they have: undo \
             the edit, or make another NetworkAttachmentDefinition and name that"
        );
        return (Status::False, ReasonCode::AttachmentDrift, message);
    }
    let message = format!("every member is on {attachment}");
    (Status::True, ReasonCode::AsWanted, message)
}

/// What is found of the network as a whole: what is wrong with it, and which filters of ours the
/// records held when the pass began.
pub(crate) fn report(pass: &Pass<'_>) -> NetworkReport {
    let world = &pass.world;
    let mut report = NetworkReport::default();
    let (status, reason, _) = applied(pass);
    let state = &world.input.membership.attachment;
    let asked = world.input.policy.network.attachment.is_some();
    // The condition names the first cause alone, and what is down may be behind other trouble.
    let told = match reason {
        _ if status == Status::True => None,
        ReasonCode::AttachmentUnreadable | ReasonCode::AttachmentDrift => None,
        ReasonCode::RollingOut => Some(NetworkTrouble::RollingOut),
        _ => Some(NetworkTrouble::NotApplied),
    };
    let seen = [
        (asked && state.problem.is_some()).then_some(NetworkTrouble::Unreadable),
        (asked && state.drift.is_some()).then_some(NetworkTrouble::Drift),
        steer::is_down(pass).then_some(NetworkTrouble::Down),
    ];
    report.troubles = seen.into_iter().flatten().chain(told).collect();
    for one in world.input.records.values().flat_map(|r| &r.owned_filters) {
        *report.owned_filters.entry(one.step).or_default() += 1;
    }
    let live = world.nodes.iter().filter(|node| node.member.is_some());
    let passing = live.filter_map(|node| node.record).flat_map(steer::passing);
    report.passing_since = passing.map(|one| one.since).min();
    report
}

/// Why a member has no address on the storage network, while one is wanted.
fn gap(member: &Member) -> Option<&StorageGap> {
    let gap = member.storage.gap.as_ref();
    match network::has(member, On::Storage) {
        true => None,
        // Whoever made the member without a reason does not attach anything.
        false => gap.or(Some(&StorageGap::NotRequested)),
    }
}

fn code(gap: &StorageGap) -> ReasonCode {
    match gap {
        StorageGap::NotRequested | StorageGap::NotAttached => ReasonCode::NotAttached,
        StorageGap::OptedOut => ReasonCode::OptedOut,
        StorageGap::NotReported => ReasonCode::NotReported,
        StorageGap::Unparsable { .. } => ReasonCode::NetworkStatusUnreadable,
        StorageGap::WrongInterface { .. } => ReasonCode::WrongInterface,
        StorageGap::WrongFamily { .. } => ReasonCode::WrongFamily,
        StorageGap::Shared { .. } => ReasonCode::AddressShared,
        _ => ReasonCode::NoAddress,
    }
}

/// What becomes of the links of a member that is not on the network.
fn instead(policy: &NetworkPolicy) -> &'static str {
    match (policy.rollout, policy.fallback) {
        (Rollout::Rolling, _) => "until then its links use another network (rollout: Rolling)",
        (_, Fallback::PodNetwork) => "its links use the pod network (fallback: PodNetwork)",
        (_, Fallback::Never) => "it is not linked (fallback: Never)",
    }
}
