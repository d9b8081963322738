//! What is wrong with each member, in the log: where there is no Kubernetes, no conditions and no
//! events tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use kubomesh_core::{
    Condition, ConditionKind, Link, LinkState, MemberName, MemberState, MeshId, ReasonCode, Report,
    Status, Timestamp,
};

#[cfg(test)]
mod tests;

/// Time between two lines about one condition of one member, at least; and how long links must be
/// other than wanted before it is said: while a mesh forms they all are.
const QUIET: Duration = Duration::from_secs(5);

/// Most lines in a second. What finds no room is said later if it is still so.
const MOST: u32 = 20;

/// In the order in which they are said when there is no room for all.
const KINDS: [ConditionKind; 7] = [
    ConditionKind::WrongIdentity,
    ConditionKind::DuplicateIdentity,
    ConditionKind::AddressConflict,
    ConditionKind::Reachable,
    ConditionKind::FilterConflict,
    ConditionKind::OnNetwork,
    ConditionKind::Linked,
];

/// What was said of the members of one mesh. No clock: reports carry the time.
#[derive(Debug, Default)]
pub(crate) struct MemberLog {
    said: BTreeMap<(ConditionKind, MemberName), Said>,
    second: Timestamp,
    lines: u32,
}

/// What was said of one condition of one member.
#[derive(Debug)]
struct Said {
    /// The trouble that the log tells last; `None`: none, or that it is over.
    trouble: Option<State>,
    /// What it is, and since when.
    now: State,
    since: Timestamp,
    /// Time of the last line.
    at: Option<Timestamp>,
}

type State = (Status, ReasonCode);

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) member: MemberName,
    pub(crate) condition: ConditionKind,
    pub(crate) status: Status,
    pub(crate) reason: ReasonCode,
    /// The sentence; `None`: the trouble is over.
    pub(crate) trouble: Option<String>,
}

// === impl MemberLog ===

impl MemberLog {
    /// Takes a report; what is worth a line now.
    pub(crate) fn take(&mut self, report: &Report) -> Vec<Line> {
        if report.at.since(self.second) >= Duration::from_secs(1) {
            self.second = report.at;
            self.lines = 0;
        }
        self.said
            .retain(|(_, member), _| report.find(member).is_some());
        let mut lines = Vec::new();
        for kind in KINDS {
            for (member, found) in report.named() {
                let condition = found.conditions.iter().find(|found| found.kind == kind);
                if let Some(condition) = condition
                    && let Some(trouble) = trouble(condition)
                    && is_its_own(report, member, condition, trouble)
                    && self.is_due((kind, member.clone()), condition, trouble, report.at)
                {
                    lines.push(line(report, member, condition, trouble));
                }
            }
        }
        lines
    }

    /// Whether this is news, and there is room to say it; it then counts as said.
    fn is_due(
        &mut self,
        key: (ConditionKind, MemberName),
        condition: &Condition,
        trouble: bool,
        at: Timestamp,
    ) -> bool {
        let now = (condition.status, condition.reason);
        let patient = key.0 == ConditionKind::Linked;
        let said = self.said.entry(key).or_insert(Said {
            trouble: None,
            now,
            since: at,
            at: None,
        });
        if said.now != now {
            (said.now, said.since) = (now, at);
        }
        let wanted = trouble.then_some(now);
        let quiet = said.at.is_none_or(|last| at.since(last) >= QUIET);
        let settled = !patient || at.since(said.since) >= QUIET;
        if said.trouble == wanted || !quiet || !settled || self.lines >= MOST {
            return false;
        }
        (said.trouble, said.at) = (wanted, Some(at));
        self.lines += 1;
        true
    }
}

// === impl Line ===

impl Line {
    /// Writes it to the log.
    pub(crate) fn log(&self, mesh: &MeshId) {
        let Self {
            member,
            condition,
            status,
            reason,
            trouble,
        } = self;
        match trouble {
            Some(trouble) => {
                tracing::warn!(%mesh, %member, %condition, %status, %reason, "{trouble}");
            }
            None => {
                tracing::info!(%mesh, %member, %condition, %status, %reason, "as wanted again");
            }
        }
    }
}

/// Whether a condition tells of trouble; `None`: it tells nothing yet.
fn trouble(condition: &Condition) -> Option<bool> {
    let bad = match condition.kind {
        ConditionKind::Reachable | ConditionKind::OnNetwork | ConditionKind::Linked => {
            Status::False
        }
        _ => Status::True,
    };
    match condition.status {
        // A member that waits for something else than its turn.
        Status::Unknown => (condition.kind == ConditionKind::Reachable
            && condition.reason != ReasonCode::NotAsked)
            .then_some(true),
        status => Some(status == bad),
    }
}

fn line(report: &Report, member: &MemberName, condition: &Condition, trouble: bool) -> Line {
    let Condition {
        kind,
        status,
        reason,
        message,
    } = condition;
    let mut message = message.clone();
    if *kind == ConditionKind::Linked
        && let Some(first) = first_link(report, member)
    {
        message = format!("{message}; {first}");
    }
    Line {
        member: member.clone(),
        condition: *kind,
        status: *status,
        reason: *reason,
        trouble: trouble.then_some(message),
    }
}

/// Whether a trouble is of this member: that links to one that cannot be reached are away is told of
/// that one alone.
fn is_its_own(report: &Report, member: &MemberName, condition: &Condition, trouble: bool) -> bool {
    !trouble || condition.kind != ConditionKind::Linked || first_link(report, member).is_some()
}

/// The first link of a member that is not healthy although both ends can be reached, and why.
fn first_link(report: &Report, member: &MemberName) -> Option<String> {
    let reachable = |name: &MemberName| {
        let found = report.members.get(name);
        found.is_some_and(|found| found.state == MemberState::Reachable)
    };
    let is_of = |link: &Link| {
        (link.a == *member || link.b == *member) && reachable(&link.a) && reachable(&link.b)
    };
    let mut links = report.links.iter();
    let first = links.find(|link| link.state != LinkState::Healthy && is_of(&link.link))?;
    let reason = first.reason.as_ref()?;
    Some(format!("{}: {reason}", first.link))
}
