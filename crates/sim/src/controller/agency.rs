//! The way to a node: by its agent, or round it.

use std::collections::BTreeMap;
use std::time::Duration;

use kubomesh_core::{
    Access, Failure, FailureKind, MemberName, MemberUid, Path, PathTaken, Reading, Timestamp,
};
use kubomesh_model::NodeIndex;

use super::Controller;
use super::task::Wire;
use crate::audit::Property;
use crate::queue::{Request, To};
use crate::rules::Rule;
use crate::sim::Sim;
use crate::truth::rpc::Answer;

/// How long the way round an agent is taken before the agent is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// The ways that were taken last, by life.
#[derive(Debug, Clone, Default)]
pub(super) struct Agencies {
    taken: BTreeMap<MemberUid, PathTaken>,
    /// Until when an agent is not tried again.
    round: BTreeMap<MemberUid, Timestamp>,
    /// Whether the rule is off that nobody goes round a required one.
    lawless: bool,
}

// === impl Agencies ===

impl Agencies {
    /// Where a new connection is opened.
    pub(super) fn to(&self, uid: &MemberUid, access: &Access, now: Timestamp) -> Option<To> {
        let ip = access.endpoint().ip()?;
        Some(match access {
            Access::Agent { .. } if !self.goes_round(uid, access, now) => To::Agent(ip),
            _ => To::Ip(ip),
        })
    }

    /// Whether a kept connection leads by the way that is to be taken now.
    pub(super) fn suits(
        &self,
        wire: &Wire,
        (uid, access): (&MemberUid, &Access),
        now: Timestamp,
    ) -> bool {
        match access {
            Access::Agent { .. } => wire.agent.is_some() || self.goes_round(uid, access, now),
            _ => wire.agent.is_none(),
        }
    }

    /// The way that was taken last, where there is a choice.
    pub(super) fn path(&self, uid: &MemberUid, access: &Access) -> Option<PathTaken> {
        let taken = self.taken.get(uid).cloned();
        taken.filter(|_| matches!(access, Access::Agent { .. }))
    }

    /// An agent passed on what was asked.
    pub(super) fn answered(&mut self, uid: &MemberUid) {
        self.takes(uid, Path::Agent, "", None);
    }

    /// Whether the way round an agent is to be taken now.
    fn goes_round(&self, uid: &MemberUid, access: &Access, now: Timestamp) -> bool {
        let way = self.lawless
            || matches!(
                access,
                Access::Agent {
                    fallback: Some(_),
                    ..
                }
            );
        way && self.round.get(uid).is_some_and(|until| now < *until)
    }

    fn takes(&mut self, uid: &MemberUid, path: Path, why: &str, round: Option<Timestamp>) {
        let why = why.to_owned();
        self.taken.insert(uid.clone(), PathTaken { path, why });
        self.round.remove(uid);
        self.round.extend(round.map(|until| (uid.clone(), until)));
    }
}

impl Sim {
    /// A connection was asked for by way of an agent. `Ok(None)`: the other way is taken.
    pub(super) fn reached_agent(
        &mut self,
        request: &Request,
        (uid, access): (&MemberUid, &Access),
        (result, wire): (Reading<Answer>, Option<Wire>),
    ) -> Option<(Reading<Answer>, Option<Wire>)> {
        let To::Agent(_) = request.to else {
            return Some((result, wire));
        };
        let now = self.now();
        let of_pod = wire.is_none_or(|wire| self.cluster.owners.get(uid) == Some(&wire.node));
        let lawless = self.rules.lacks(Rule::AgentsRequired);
        let fallback = matches!(
            access,
            Access::Agent {
                fallback: Some(_),
                ..
            }
        );
        let way_round = lawless || fallback;
        let agencies = &mut self.living(request.who)?.executor.agencies;
        agencies.lawless = lawless;
        let round = |failure: &Failure| {
            matches!(
                failure.kind,
                FailureKind::Refused | FailureKind::UnknownCommand | FailureKind::TimedOut
            )
        };
        match result {
            Ok(_) if !of_pod => {
                let other = Failure::new(FailureKind::WrongIdentity, "the agent of another pod");
                Some((Err(other), None))
            }
            Ok(answer) => {
                agencies.takes(uid, Path::Agent, "", None);
                Some((Ok(answer), wire))
            }
            Err(failure) if way_round && round(&failure) => {
                let until = now + TRY_AGAIN;
                agencies.takes(uid, Path::Direct, &failure.message, Some(until));
                None
            }
            Err(failure) => Some((Err(failure), None)),
        }
    }

    /// Nobody goes round an agent that is required.
    pub(super) fn judge_way(&mut self, to: To, access: &Access, member: &MemberName) {
        let required = matches!(access, Access::Agent { fallback: None, .. });
        let direct = matches!(to, To::Ip(_) | To::Wire(Wire { agent: None, .. }));
        if required && direct {
            let detail = format!("{member} is asked round its agent, which is required");
            self.audit.broke(Property::Agents, detail);
        }
    }
}

// === impl Controller ===

impl Controller {
    /// Whether it has a channel to a node's agent.
    pub(crate) fn follows(&self, node: NodeIndex) -> bool {
        let mut lines = self.executor.lines.values();
        lines.any(|wire| wire.node == node && wire.agent.is_some())
    }

    /// A member is to be looked at.
    pub(crate) fn wakes(&mut self, member: MemberName) {
        self.executor.woken.insert(member);
    }
}
