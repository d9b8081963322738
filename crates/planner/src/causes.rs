//! Why a mesh is degraded: what is wrong with records, members, pods and links, the worst first; and
//! why it has no members.

use std::collections::BTreeMap;

use kubomesh_core::{
    ConditionKind, Contact, LinkState, MemberName, MemberReport, MemberState, Reason, ReasonCode,
    Source, Status, Waiting,
};

use crate::conditions::{Findings, Said};
use crate::members::{about, elsewhere, sentence};
use crate::steer;
use crate::words;

impl Findings<'_, '_> {
    /// Pods that cannot become members because of the record of their name: the first one's sentence.
    pub(crate) fn records_cause(&self) -> Option<Said> {
        let waiting = self.pass.world.input.membership.waiting.iter();
        let mut held = waiting
            .filter_map(|(name, waiting)| match waiting {
                Waiting::RecordUnreadable { .. } => {
                    Some((ReasonCode::RecordUnreadable, name, waiting))
                }
                Waiting::RecordHeld { .. } => Some((ReasonCode::RecordHeld, name, waiting)),
                Waiting::RecordNotStored { .. } => {
                    Some((ReasonCode::RecordNotStored, name, waiting))
                }
                _ => None,
            })
            .peekable();
        let (reason, _, first) = held.peek().copied()?;
        let names = sentence(held.map(|(_, name, _)| name.to_string()));
        let what = match reason {
            ReasonCode::RecordNotStored => "held up by its record",
            _ => "no member yet",
        };
        Some((Status::True, reason, format!("{what}: {names}: {first}")))
    }

    /// Members that are not as they should be, and pods that somebody must change before they are
    /// members: the first kind of trouble names all that have it.
    pub(crate) fn members_cause(&self) -> Option<Said> {
        let renamed = |name: &MemberName| {
            let node = self.pass.world.find(name);
            node.is_some_and(|node| elsewhere(self.pass, &self.pass.world.nodes[node]).is_some())
        };
        let named = self.members.iter().filter(|(name, _)| !renamed(name));
        let troubled = named.filter(|(_, member)| {
            !matches!(member.state, MemberState::Reachable | MemberState::Waiting)
                || member.conditions.iter().any(|condition| {
                    condition.status == Status::True
                        && matches!(
                            condition.kind,
                            ConditionKind::AddressConflict | ConditionKind::FilterConflict
                        )
                })
        });
        let mut causes: BTreeMap<(u8, ReasonCode), Vec<String>> = BTreeMap::new();
        for (name, member) in troubled {
            let reason = trouble(member);
            let named = match self.unusable_file(name) {
                Some(why) if reason == ReasonCode::SecretUnreadable => format!("{name} ({why})"),
                _ => name.to_string(),
            };
            let names = causes.entry((urgency(reason), reason)).or_default();
            names.push(named);
        }
        let portless = self.pass.world.input.membership.waiting.iter();
        for (name, _) in portless.filter(|(_, waiting)| **waiting == Waiting::NoRpcPort) {
            let reason = ReasonCode::NoRpcPort;
            let names = causes.entry((urgency(reason), reason)).or_default();
            names.push(name.to_string());
        }
        let ((_, reason), names) = causes.into_iter().next()?;
        let what = words::trouble(reason, self.pass.world.source());
        Some((
            Status::True,
            reason,
            format!("{what}: {}", sentence(names.into_iter())),
        ))
    }

    /// What is wrong with the files that a member's line names.
    fn unusable_file(&self, name: &MemberName) -> Option<&str> {
        let world = &self.pass.world;
        let member = world.input.membership.members.get(name)?;
        match &member.contact {
            Contact::NoSecret { why } if world.source() == Source::File => Some(why),
            _ => None,
        }
    }

    /// Links that are kept on another network than theirs.
    pub(crate) fn network_cause(&self) -> Option<Said> {
        if steer::is_down(self.pass) {
            let attachment = &self.pass.world.input.policy.network.attachment;
            let network = attachment.as_ref().map_or_else(
                || "the pod network".to_owned(),
                |attachment| format!("the storage network {attachment}"),
            );
            let message = format!(
                "{network} carried none of the last {} links that were moved to it: links stay where \
                 they are, and one is tried again from time to time",
                self.pass.memory.moves_failed
            );
            return Some((Status::True, ReasonCode::StorageNetworkDown, message));
        }
        let unmoved = self.linked.reports.iter().filter_map(|report| {
            let reason = &report.held.as_ref()?.reason;
            let kept = matches!(
                reason,
                Reason::SteeringOff
                    | Reason::AffectedVersion { .. }
                    | Reason::NothingToFilter { .. }
            );
            kept.then(|| (reason, report.link.to_string()))
        });
        let unmoved: Vec<(&Reason, String)> = unmoved.collect();
        let (first, _) = unmoved.first()?;
        let why = first.to_string();
        let names = sentence(unmoved.into_iter().map(|(_, link)| link));
        let message = format!("on another network than theirs: {names}: {why}");
        Some((Status::True, ReasonCode::NotSteered, message))
    }

    pub(crate) fn links_cause(&self) -> Option<Said> {
        for (state, reason) in [
            (LinkState::Missing, ReasonCode::LinkMissing),
            (LinkState::Degraded, ReasonCode::LinkDegraded),
            (LinkState::Unknown, ReasonCode::LinkUnknown),
        ] {
            let mut bad = self
                .linked
                .reports
                .iter()
                .filter(|report| report.state == state)
                .peekable();
            if let Some(first) = bad.peek().copied() {
                let why = first
                    .reason
                    .as_ref()
                    .map(|why| format!(" ({why})"))
                    .unwrap_or_default();
                let names = sentence(bad.map(|report| report.link.to_string()));
                let reason = match &first.reason {
                    Some(cause) if state == LinkState::Missing => about(cause),
                    _ => reason,
                };
                let message = format!("links {}{why}: {names}", state.label());
                return Some((Status::True, reason, message));
            }
        }
        None
    }

    /// Why nobody is a member: each reason for which pods or lines wait, and how many do.
    pub(crate) fn no_members(&self) -> String {
        let mut whys: BTreeMap<String, usize> = BTreeMap::new();
        for waiting in self.pass.world.input.membership.waiting.values() {
            *whys.entry(waiting.to_string()).or_default() += 1;
        }
        let said = words::no_members(self.pass.world.source(), !whys.is_empty());
        if whys.is_empty() {
            return said.into();
        }
        let whys = sentence(
            whys.into_iter()
                .map(|(why, many)| format!("{why} ({many})")),
        );
        format!("{said}: {whys}")
    }
}

/// What is wrong with a member, by its conditions.
fn trouble(member: &MemberReport) -> ReasonCode {
    let bad = member.conditions.iter().find(|condition| {
        let wanted = match condition.kind {
            ConditionKind::Reachable | ConditionKind::OnNetwork => Status::True,
            ConditionKind::Linked => return false,
            _ => Status::False,
        };
        condition.status != wanted && condition.status != Status::Unknown
    });
    bad.map_or(ReasonCode::Unreachable, |condition| condition.reason)
}

/// Which trouble is named first: what endangers before what is only absent.
fn urgency(reason: ReasonCode) -> u8 {
    match reason {
        ReasonCode::WrongIdentity => 0,
        ReasonCode::DuplicateIdentity => 1,
        ReasonCode::AddressConflict => 2,
        ReasonCode::FilterConflict => 3,
        ReasonCode::Unauthorised | ReasonCode::SecretUnreadable => 4,
        ReasonCode::NotKubo | ReasonCode::Offline | ReasonCode::NoRpcPort => 5,
        ReasonCode::Away => 7,
        _ => 6,
    }
}
