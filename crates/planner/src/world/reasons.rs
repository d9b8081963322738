//! Why a node's links wait, are not changed, or are not known.

use kubomesh_core::{Contact, FailureKind, Observation, Reason};

use super::{Node, Standing};
use crate::identity::Verdict;

impl Node<'_> {
    /// Why its links wait for its recorded life, which is over. Once a new one may be asked, it is only
    /// not known yet who that is.
    pub(crate) fn absence(&self) -> Option<Reason> {
        let member = self.name.clone();
        self.is_away().then_some(match self.standing {
            Standing::New => Reason::NotRecorded { member },
            _ => Reason::Away { member },
        })
    }

    /// Why no link of it is added or changed now.
    pub(crate) fn quarantine(&self) -> Option<Reason> {
        let member = self.name.clone();
        if let Some(absence) = self.absence() {
            return Some(absence);
        }
        match (self.verdict, &self.member?.contact) {
            (_, Contact::AddressConflict { .. }) => Some(Reason::AddressConflict { member }),
            (Verdict::Wrong { .. }, _) => Some(Reason::WrongIdentity { member }),
            (Verdict::Duplicate, _) => Some(Reason::DuplicateIdentity { member }),
            (Verdict::Adopt(_) | Verdict::Suspect, _) => Some(Reason::NotRecorded { member }),
            _ if !self.is_recorded() => Some(Reason::NotRecorded { member }),
            _ => None,
        }
    }

    /// Why it cannot be told what it lists.
    pub(crate) fn silence(&self) -> Option<Reason> {
        if let Some(reason) = self.quarantine()
            && self.state.is_none()
        {
            return Some(reason);
        }
        let member = self.name.clone();
        let unreachable = |kind| {
            Some(Reason::Unreachable {
                member: member.clone(),
                kind,
            })
        };
        if let Some(Contact::NoSecret { .. }) = self.member.map(|member| &member.contact) {
            return unreachable(FailureKind::Unauthorised);
        }
        match (self.state.map(|state| &state.peers), self.observation) {
            (Some(Ok(_)), _) => None,
            (Some(Err(failure)), _) if failure.kind == FailureKind::Skipped => {
                Some(Reason::NotRecorded { member })
            }
            (Some(Err(failure)), _) => unreachable(failure.kind),
            (
                None,
                Some(Observation {
                    failure: Some(failure),
                    ..
                }),
            ) => unreachable(failure.kind),
            (None, _) => Some(Reason::NotRecorded { member }),
        }
    }
}
