//! A sequence on its way: which call is next, and what became of those before.

use std::time::Duration;

use crate::{Action, Call, Failure, FailureKind, Outcome, Reading, Sequence, Timestamp};

/// How far a sequence is: its actions are sent in order, one at a time; at the first failure what the
/// action gives back is sent, and then no more (docs/decisions/0001).
#[derive(Debug, Clone)]
pub struct Progress {
    sequence: Sequence,
    /// The action that is next or under way.
    at: usize,
    /// Which of the calls it is that the action makes on failure.
    gives_back: Option<usize>,
}

// === impl Progress ===

impl Progress {
    /// Nothing was sent yet.
    #[must_use]
    pub fn of(sequence: Sequence) -> Self {
        Self {
            sequence,
            at: 0,
            gives_back: None,
        }
    }

    /// What is being sent.
    #[must_use]
    pub fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// The action that is next or under way; `None` at the end.
    #[must_use]
    pub fn action(&self) -> Option<&Action> {
        self.sequence.actions.get(self.at)
    }

    /// The call that is next or under way, and how long its answer may take; `None` at the end.
    #[must_use]
    pub fn call(&self) -> Option<(&Call, Duration)> {
        let action = self.action()?;
        let call = match self.gives_back {
            Some(at) => action.on_failure.get(at)?,
            None => &action.call,
        };
        Some((call, action.deadline))
    }

    /// Whether the call that is next or under way gives back what the sequence took.
    #[must_use]
    pub fn gives_back(&self) -> bool {
        self.gives_back.is_some()
    }

    /// Takes the end of the call that was under way. Returns its outcome and, where the sequence
    /// stops, those of the actions that are not sent.
    pub fn took(&mut self, result: Reading<()>, now: Timestamp) -> Vec<Outcome> {
        let (Some(action), Some((call, _))) = (self.action(), self.call()) else {
            return Vec::new();
        };
        let (done, back) = (result.is_ok(), self.gives_back.map_or(0, |at| at + 1));
        let gives_back = back < action.on_failure.len();
        let mut outcomes = vec![self.outcome(action, call.clone(), result, now)];
        match (done, self.gives_back) {
            (true, None) => self.at += 1,
            _ if gives_back => self.gives_back = Some(back),
            _ => {
                let rest = self.sequence.actions.iter().skip(self.at + 1);
                outcomes.extend(rest.map(|action| {
                    let skipped = Failure::new(FailureKind::Skipped, "an earlier action failed");
                    self.outcome(action, action.call.clone(), Err(skipped), now)
                }));
                self.at = self.sequence.actions.len();
                self.gives_back = None;
            }
        }
        outcomes
    }

    fn outcome(&self, action: &Action, call: Call, result: Reading<()>, now: Timestamp) -> Outcome {
        Outcome {
            member: self.sequence.member.clone(),
            call,
            link: action.link.clone(),
            at: now,
            result,
        }
    }
}
