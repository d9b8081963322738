//! The conditions of a mesh: Accepted, NetworkApplied, Connected, Degraded, Ready.

use std::collections::BTreeMap;

use kubomesh_core::{
    Condition, ConditionKind, Contact, Doubt, LinkState, MemberName, MemberReport, MemberState,
    Mode, ReasonCode, Source, Status, Waiting,
};

use crate::crowd;
use crate::groups::Groups;
use crate::members::sentence;
use crate::mesh::Linked;
use crate::on_network;
use crate::pass::Pass;
use crate::releasing::releasing;
use crate::words;

/// What the conditions are made from.
pub(crate) struct Findings<'a, 'b> {
    pub pass: &'b Pass<'a>,
    pub linked: &'b Linked,
    pub members: &'b BTreeMap<MemberName, MemberReport>,
    /// What would go were it not for doubt.
    pub removals_held: u64,
    /// Retired identities dropped after their time.
    pub expired: usize,
}

/// A status with its reason and sentence.
pub(crate) type Said = (Status, ReasonCode, String);

// === impl Findings ===

impl Findings<'_, '_> {
    /// The five conditions in their order.
    pub(crate) fn conditions(&self) -> Vec<Condition> {
        let accepted = self.accepted();
        let applied = on_network::applied(self.pass);
        let connected = self.connected();
        let degraded = self.degraded();
        let ready = self.ready(&accepted, &applied);
        let kinds = [
            (ConditionKind::Accepted, accepted),
            (ConditionKind::NetworkApplied, applied),
            (ConditionKind::Connected, connected),
            (ConditionKind::Degraded, degraded),
            (ConditionKind::Ready, ready),
        ];
        let said = kinds.into_iter();
        said.map(|(kind, (status, reason, text))| Condition::new(kind, status, reason, text))
            .collect()
    }

    fn accepted(&self) -> Said {
        let input = &self.pass.world.input;
        let claimed: Vec<String> = input
            .membership
            .waiting
            .iter()
            .filter_map(|(name, waiting)| match waiting {
                Waiting::Claimed { by } => Some(format!("{name} ({by})")),
                _ => None,
            })
            .collect();
        if !claimed.is_empty() {
            let names = sentence(claimed.into_iter());
            let message = format!("an older mesh selects these pods too and keeps them: {names}");
            return (Status::False, ReasonCode::PodClaimed, message);
        }
        let mut members = input.membership.members.values();
        let unreadable = members.find_map(|member| match &member.contact {
            Contact::NoSecret { why } => Some(why.clone()),
            _ => None,
        });
        match unreadable {
            // Of a members file each line has its own: it holds up its member alone.
            Some(why) if self.pass.world.source() == Source::Pod => {
                (Status::False, ReasonCode::SecretUnreadable, why)
            }
            _ => (Status::True, ReasonCode::AsWanted, String::new()),
        }
    }

    fn connected(&self) -> Said {
        let nodes = &self.pass.world.nodes;
        let reachable: Vec<usize> = (0..nodes.len())
            .filter(|node| self.reachable(*node))
            .collect();
        let Some(first) = reachable.first().copied() else {
            return (
                Status::Unknown,
                ReasonCode::NoMembers,
                "no member can be reached".into(),
            );
        };
        let mut groups = Groups::new(nodes.len());
        for (ends, report) in self.linked.ends.iter().zip(&self.linked.reports) {
            if report.state == LinkState::Healthy {
                groups.join(ends.0, ends.1);
            }
        }
        let root = groups.find(first);
        let apart: Vec<usize> = reachable
            .into_iter()
            .filter(|node| groups.find(*node) != root)
            .collect();
        if apart.is_empty() {
            return (Status::True, ReasonCode::AsWanted, String::new());
        }
        let names = sentence(apart.into_iter().map(|node| nodes[node].name.to_string()));
        let message = format!(
            "no healthy links lead from {} to {names}",
            nodes[first].name
        );
        (Status::False, ReasonCode::Partitioned, message)
    }

    fn degraded(&self) -> Said {
        if let Some(doubt) = &self.pass.world.input.membership.doubt {
            let message = match self.removals_held {
                0 => format!("removals are held: {doubt}"),
                held => format!("{held} removals are held: {doubt}"),
            };
            return (Status::True, ReasonCode::RemovalsHeld, message);
        }
        let cause = self.records_cause().or_else(|| self.members_cause());
        let cause = cause.or_else(|| self.network_cause());
        if let Some(cause) = cause.or_else(|| self.links_cause()) {
            return cause;
        }
        if self.expired > 0 {
            let message = format!(
                "{} retired identities were dropped although unreachable nodes may hold an entry",
                self.expired
            );
            return (Status::True, ReasonCode::RetiredExpired, message);
        }
        (Status::False, ReasonCode::AsWanted, String::new())
    }

    fn ready(&self, accepted: &Said, applied: &Said) -> Said {
        let not = |said: &Said| (Status::False, said.1, said.2.clone());
        match self.pass.world.input.policy.mode {
            Mode::Release => {
                return (Status::False, ReasonCode::Releasing, releasing(self.pass));
            }
            _ if accepted.0 != Status::True => return not(accepted),
            _ if applied.0 != Status::True => return not(applied),
            _ => {}
        }
        let reachable = (0..self.pass.world.nodes.len()).any(|node| self.reachable(node));
        if self
            .pass
            .world
            .nodes
            .iter()
            .all(|node| node.member.is_none())
        {
            if let Some(doubt @ Doubt::NotSynced) = &self.pass.world.input.membership.doubt {
                return (Status::Unknown, ReasonCode::NotAsked, doubt.to_string());
            }
            return (Status::False, ReasonCode::NoMembers, self.no_members());
        }
        if !reachable {
            return (
                Status::False,
                ReasonCode::Unreachable,
                "no member can be reached".into(),
            );
        }
        if let Some(why) = self.doubled().or_else(|| self.unasked()) {
            return why;
        }
        let open = self
            .linked
            .ends
            .iter()
            .zip(&self.linked.reports)
            .filter(|(ends, report)| {
                report.state != LinkState::Healthy
                    && self.reachable(ends.0)
                    && self.reachable(ends.1)
            });
        let open: Vec<String> = open.map(|(_, report)| report.link.to_string()).collect();
        if !open.is_empty() {
            let reason = match self.pass.world.input.policy.mode {
                Mode::Observe => ReasonCode::Observing,
                _ => ReasonCode::LinkMissing,
            };
            let message = format!("not healthy: {}", sentence(open.into_iter()));
            return (Status::False, reason, message);
        }
        if let Some(crowd) = &self.pass.world.crowd {
            return (Status::True, ReasonCode::IPv6Limited, crowd::remedy(crowd));
        }
        let crowded = self.members.iter().filter(|(_, member)| {
            member
                .conditions
                .iter()
                .any(|one| one.reason == ReasonCode::WouldChurnOthers)
        });
        let crowded: Vec<String> = crowded.map(|(name, _)| name.to_string()).collect();
        if crowded.is_empty() {
            return (Status::True, ReasonCode::AsWanted, String::new());
        }
        let message = format!(
            "our links hold; other connections churn on {}: raise Swarm.ConnMgr.HighWater",
            sentence(crowded.into_iter())
        );
        (Status::True, ReasonCode::WouldChurnOthers, message)
    }

    /// Members that answer and share an identity: their pairs are among those of reachable members,
    /// and of none can it be told which node it leads to. Who shows a wrong identity, or is not
    /// contacted, is not reachable: nothing is heard there from the recorded one.
    fn doubled(&self) -> Option<Said> {
        let doubled = self.members.iter().filter(|(_, member)| {
            let is = |one: &Condition| {
                one.kind == ConditionKind::DuplicateIdentity && one.status == Status::True
            };
            member.conditions.iter().any(is)
        });
        let doubled: Vec<String> = doubled.map(|(name, _)| name.to_string()).collect();
        if doubled.is_empty() {
            return None;
        }
        let reason = ReasonCode::DuplicateIdentity;
        let what = words::trouble(reason, self.pass.world.source());
        let message = format!("{what}: {}", sentence(doubled.into_iter()));
        Some((Status::False, reason, message))
    }

    /// Members that live, may be contacted, and were not asked or not recorded yet.
    fn unasked(&self) -> Option<Said> {
        let unasked = self.members.iter().filter(|(name, member)| {
            let live = self.pass.world.input.membership.members.get(*name);
            member.state == MemberState::Waiting
                && live.is_some_and(|live| live.ready && live.contact == Contact::Allowed)
        });
        let unasked: Vec<String> = unasked.map(|(name, _)| name.to_string()).collect();
        if unasked.is_empty() {
            return None;
        }
        let names = sentence(unasked.into_iter());
        let message = format!("not asked or not recorded yet: {names}");
        Some((Status::False, ReasonCode::NotAsked, message))
    }

    fn reachable(&self, node: usize) -> bool {
        let node = &self.pass.world.nodes[node];
        node.place.is_some() && node.is_reachable()
    }
}
