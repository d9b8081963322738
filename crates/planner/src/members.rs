//! The report of each member: its state and its conditions.

use std::collections::BTreeMap;

use kubomesh_core::{
    Condition, ConditionKind, Contact, FailureKind, LinkCounts, MemberName, MemberReport,
    MemberState, Reason, ReasonCode, Role, Status, Waiting,
};

use crate::crowd;
use crate::identity::Verdict;
use crate::mesh::Linked;
use crate::on_network;
use crate::pass::Pass;
use crate::places;
use crate::remedy::remedy;
use crate::steer;
use crate::topology::Shape;
use crate::words;
use crate::world::{Node, Standing};

/// Links of a node that Kubo's default low mark keeps free for others (kubo.md 2.2).
const LOW_WATER: u32 = 32;

/// Reports by name.
type Reports = BTreeMap<MemberName, MemberReport>;

/// Every member, live or away; and who is none now, although the selector or the members file names it.
pub(crate) fn members(pass: &Pass<'_>, linked: &Linked) -> (Reports, Reports) {
    let mut counts = vec![LinkCounts::default(); pass.world.nodes.len()];
    for (ends, report) in linked.ends.iter().zip(&linked.reports) {
        counts[ends.0].add(report.state);
        counts[ends.1].add(report.state);
    }
    let full_mesh = places::shape(&pass.world) == Shape::FullMesh;
    let (mut members, mut others) = (Reports::new(), Reports::new());
    let waiting = &pass.world.input.membership.waiting;
    for (index, node) in pass.world.nodes.iter().enumerate() {
        let reports = match node.member {
            None if !node.is_away() && !waiting.contains_key(node.name) => continue,
            None if !node.is_away() => &mut others,
            _ => &mut members,
        };
        let links = counts[index];
        let report = MemberReport {
            path: node
                .observation
                .and_then(|observation| observation.path.clone()),
            role: Role::Kubo,
            state: state(node),
            peer_id: node.record.and_then(|record| record.peer_id),
            agent_version: node
                .observation
                .and_then(|observation| observation.sighting.as_ref())
                .map(|sighting| sighting.agent_version.to_string())
                .unwrap_or_default(),
            steering: steer::state(pass, index),
            capacity: node.place.map(|_| places::capacity(&pass.world, index)),
            links,
            conditions: conditions(pass, index, links, full_mesh),
        };
        reports.insert(node.name.clone(), report);
    }
    for (name, waiting) in waiting {
        if !members.contains_key(name) {
            others
                .entry(name.clone())
                .or_insert_with(|| unborn(waiting));
        }
    }
    (members, others)
}

/// How a member is.
pub(crate) fn state(node: &Node<'_>) -> MemberState {
    let conflict = matches!(node.member, Some(member) if matches!(member.contact, Contact::AddressConflict { .. }));
    match (node.standing, node.verdict) {
        (Standing::Gone, _) => MemberState::Away,
        (Standing::Claimed | Standing::NotReady, _) => MemberState::Waiting,
        _ if conflict => MemberState::Waiting,
        (_, Verdict::Wrong { .. } | Verdict::Duplicate) => MemberState::Quarantined,
        (_, Verdict::Suspect) => MemberState::Waiting,
        (Standing::Recorded, _) if node.is_reachable() => MemberState::Reachable,
        _ if node.observation.is_some_and(|seen| seen.failure.is_some()) => {
            MemberState::Unreachable
        }
        (Standing::Recorded | Standing::New, _) if no_secret(node).is_some() => {
            MemberState::Unreachable
        }
        (Standing::New | Standing::Recorded, _) => MemberState::Waiting,
    }
}

/// The reason of a pod that waits.
fn why_it_waits(waiting: &Waiting) -> ReasonCode {
    match waiting {
        Waiting::Claimed { .. } => ReasonCode::PodClaimed,
        Waiting::NoRpcPort => ReasonCode::NoRpcPort,
        Waiting::RecordUnreadable { .. } => ReasonCode::RecordUnreadable,
        Waiting::RecordHeld { .. } => ReasonCode::RecordHeld,
        Waiting::RecordNotStored { .. } => ReasonCode::RecordNotStored,
        _ => ReasonCode::NotAsked,
    }
}

/// A pod that never was a member here.
fn unborn(waiting: &Waiting) -> MemberReport {
    let reachable = Condition::new(
        ConditionKind::Reachable,
        Status::Unknown,
        why_it_waits(waiting),
        waiting.to_string(),
    );
    MemberReport {
        path: None,
        role: Role::Kubo,
        state: MemberState::Waiting,
        peer_id: None,
        agent_version: String::new(),
        steering: None,
        capacity: None,
        links: LinkCounts::default(),
        conditions: vec![reachable],
    }
}

fn no_secret<'a>(node: &Node<'a>) -> Option<&'a str> {
    match &node.member?.contact {
        Contact::NoSecret { why } => Some(why),
        _ => None,
    }
}

fn conditions(pass: &Pass<'_>, index: usize, links: LinkCounts, full_mesh: bool) -> Vec<Condition> {
    let node = &pass.world.nodes[index];
    vec![
        reachable(pass, node),
        linked(pass, index, links, full_mesh),
        on_network::condition(pass, node),
        filter_conflict(pass, index),
        address_conflict(node),
        wrong_identity(node),
        duplicate_identity(pass, index),
    ]
}

fn reachable(pass: &Pass<'_>, node: &Node<'_>) -> Condition {
    let (status, reason, message) = match state(node) {
        MemberState::Reachable => (Status::True, ReasonCode::AsWanted, String::new()),
        MemberState::Away => (Status::False, ReasonCode::Away, away_message(pass, node)),
        MemberState::Waiting => waiting(pass, node),
        MemberState::Quarantined => quarantined(node),
        MemberState::Unreachable => unreachable(node),
    };
    Condition::new(ConditionKind::Reachable, status, reason, message)
}

fn away_message(pass: &Pass<'_>, node: &Node<'_>) -> String {
    let gone = words::gone(pass.world.source());
    if let Some(now) = elsewhere(pass, node) {
        return format!("{gone}; its identity is {now}'s now");
    }
    let until = pass
        .memory
        .away
        .get(node.name)
        .copied()
        .map(|since| since + pass.world.input.policy.links.forget_after);
    until.map_or_else(
        || gone.into(),
        |until| format!("{gone}; its place is kept until {until}"),
    )
}

/// Who lives with the identity of one that does not: it is away no more, whatever its name.
pub(crate) fn elsewhere<'a>(pass: &Pass<'a>, node: &Node<'_>) -> Option<&'a MemberName> {
    let peer = node.record?.peer_id.filter(|_| node.is_away())?;
    let holder = &pass.world.nodes[pass.world.holder(&peer)?];
    (holder.is_recorded() && holder.name != node.name).then_some(holder.name)
}

fn waiting(pass: &Pass<'_>, node: &Node<'_>) -> (Status, ReasonCode, String) {
    if let Some(waiting) = pass.world.input.membership.waiting.get(node.name) {
        return (Status::Unknown, why_it_waits(waiting), waiting.to_string());
    }
    if let Some(Contact::AddressConflict { with }) = node.member.map(|member| &member.contact) {
        let message = format!("{with} claims the same address and is the one that is contacted");
        return (Status::False, ReasonCode::AddressConflict, message);
    }
    let message = match node.standing {
        Standing::NotReady => "its pod was not Ready yet",
        _ => "it was not asked yet",
    };
    (Status::Unknown, ReasonCode::NotAsked, message.into())
}

fn quarantined(node: &Node<'_>) -> (Status, ReasonCode, String) {
    match node.verdict {
        Verdict::Wrong { shown } => (Status::False, ReasonCode::WrongIdentity, wrong(node, shown)),
        _ => {
            let message = "its identity answers at another member's address too".into();
            (Status::False, ReasonCode::DuplicateIdentity, message)
        }
    }
}

fn unreachable(node: &Node<'_>) -> (Status, ReasonCode, String) {
    if let Some(why) = no_secret(node) {
        return (Status::False, ReasonCode::SecretUnreadable, why.into());
    }
    let failure = node.observation.and_then(|seen| seen.failure.as_ref());
    let reason = failure.map_or(ReasonCode::Unreachable, |failure| code(failure.kind));
    let mut message = failure.map(ToString::to_string).unwrap_or_default();
    let path = node.observation.and_then(|seen| seen.path.as_ref());
    let path = path.map(|taken| taken.path);
    let failed = failure.zip(node.member);
    if let Some(remedy) = failed.and_then(|(failed, member)| remedy(failed.kind, member, path)) {
        message = format!("{message}; {remedy}");
    }
    (Status::False, reason, message)
}

/// The reason that a failed inquiry gives.
pub(crate) fn code(kind: FailureKind) -> ReasonCode {
    match kind {
        FailureKind::Unauthorised | FailureKind::Forbidden => ReasonCode::Unauthorised,
        FailureKind::NotKubo | FailureKind::BadBody | FailureKind::UnknownCommand => {
            ReasonCode::NotKubo
        }
        FailureKind::Offline => ReasonCode::Offline,
        FailureKind::WrongIdentity => ReasonCode::WrongIdentity,
        _ => ReasonCode::Unreachable,
    }
}

fn linked(pass: &Pass<'_>, index: usize, links: LinkCounts, full_mesh: bool) -> Condition {
    let node = &pass.world.nodes[index];
    let condition = |status, reason, message: String| {
        Condition::new(ConditionKind::Linked, status, reason, message)
    };
    let LinkCounts {
        desired,
        healthy,
        degraded,
        missing,
        unknown,
    } = links;
    if pass.world.input.policy.mode == kubomesh_core::Mode::Release {
        let message = "the mesh gives back what it put into the nodes";
        return condition(Status::Unknown, ReasonCode::Releasing, message.into());
    }
    if node.place.is_none() {
        let message = "it has no recorded identity yet";
        return condition(Status::Unknown, ReasonCode::NotAsked, message.into());
    }
    if healthy == desired {
        let room = places::capacity(&pass.world, index).links();
        let crowded = full_mesh && desired >= u64::from(room.saturating_add(room.div_ceil(3)));
        if crowded {
            let message = format!(
                "with {desired} links and {LOW_WATER} others it reaches its HighWater: the links \
                 hold, its other connections are trimmed again and again"
            );
            return condition(Status::True, ReasonCode::WouldChurnOthers, message);
        }
        return match &pass.world.crowd {
            Some(crowd) => condition(Status::True, ReasonCode::IPv6Limited, crowd::remedy(crowd)),
            None => condition(Status::True, ReasonCode::AsWanted, String::new()),
        };
    }
    let message = format!(
        "{healthy} of {desired} links healthy, {degraded} degraded, {missing} missing, \
         {unknown} unknown"
    );
    let reason = match (missing, degraded) {
        (1.., _) => ReasonCode::LinkMissing,
        (_, 1..) => ReasonCode::LinkDegraded,
        _ => ReasonCode::LinkUnknown,
    };
    condition(Status::False, reason, message)
}

fn filter_conflict(pass: &Pass<'_>, index: usize) -> Condition {
    let node = &pass.world.nodes[index];
    let condition = |status, reason, message: String| {
        Condition::new(ConditionKind::FilterConflict, status, reason, message)
    };
    if node.state.is_none_or(|state| state.filters.is_err()) {
        let message = "its dial filters could not be read";
        return condition(Status::Unknown, ReasonCode::NotAsked, message.into());
    }
    let conflicts = pass.filters.conflicts(index, node);
    if conflicts.is_empty() {
        return condition(Status::False, ReasonCode::AsWanted, String::new());
    }
    let names = sentence(conflicts.iter().map(ToString::to_string));
    let message = format!(
        "its dial filters {names} cover members of the mesh; remove them from Swarm.AddrFilters or \
         set {} to Repair",
        words::filters_field(pass.world.source())
    );
    condition(Status::True, ReasonCode::FilterConflict, message)
}

fn address_conflict(node: &Node<'_>) -> Condition {
    let kind = ConditionKind::AddressConflict;
    match node.member.map(|member| &member.contact) {
        Some(Contact::AddressConflict { with }) => {
            let message =
                format!("{with} claims the same address and is the one that is contacted");
            Condition::new(kind, Status::True, ReasonCode::AddressConflict, message)
        }
        _ => Condition::new(kind, Status::False, ReasonCode::AsWanted, ""),
    }
}

fn wrong_identity(node: &Node<'_>) -> Condition {
    let kind = ConditionKind::WrongIdentity;
    match node.verdict {
        Verdict::Wrong { shown } => Condition::new(
            kind,
            Status::True,
            ReasonCode::WrongIdentity,
            wrong(node, shown),
        ),
        _ => Condition::new(kind, Status::False, ReasonCode::AsWanted, ""),
    }
}

fn wrong(node: &Node<'_>, shown: kubomesh_core::PeerId) -> String {
    let stated = node.member.and_then(|member| member.stated_peer_id);
    let accept = words::accept_identity(stated.is_some());
    let expected = stated.or(node.record.and_then(|record| record.peer_id));
    let expected = expected.map_or_else(|| "another one".into(), |peer| peer.to_string());
    format!(
        "it shows {shown}, expected is {expected}; nothing but its identity is asked for; {accept}"
    )
}

fn duplicate_identity(pass: &Pass<'_>, index: usize) -> Condition {
    let kind = ConditionKind::DuplicateIdentity;
    let node = &pass.world.nodes[index];
    match (node.verdict, node.seen()) {
        (Verdict::Duplicate, Some((peer, _))) => {
            let others = pass.world.nodes.iter().filter(|other| {
                other.name != node.name && other.seen().is_some_and(|(shown, _)| shown == peer)
            });
            let others = sentence(others.map(|other| other.name.to_string()));
            let message = format!("{peer} answers at the address of {others} too");
            Condition::new(kind, Status::True, ReasonCode::DuplicateIdentity, message)
        }
        _ => Condition::new(kind, Status::False, ReasonCode::AsWanted, ""),
    }
}

/// At most ten of many names, and how many there are.
pub(crate) fn sentence(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let all = names.len();
    names.truncate(10);
    let listed = names.join(", ");
    if all > names.len() {
        format!("{listed} and {} more", all - names.len())
    } else {
        listed
    }
}

/// Names the members that a reason is about.
pub(crate) fn about(reason: &Reason) -> ReasonCode {
    match reason {
        Reason::Unreachable { kind, .. } => code(*kind),
        Reason::Away { .. } => ReasonCode::Away,
        Reason::WrongIdentity { .. } => ReasonCode::WrongIdentity,
        Reason::DuplicateIdentity { .. } => ReasonCode::DuplicateIdentity,
        Reason::AddressConflict { .. } => ReasonCode::AddressConflict,
        Reason::FilterConflict { .. } => ReasonCode::FilterConflict,
        Reason::NotRecorded { .. } => ReasonCode::NotAsked,
        Reason::NoAddress { .. } => ReasonCode::NoAddress,
        _ => ReasonCode::LinkMissing,
    }
}
