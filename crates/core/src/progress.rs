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
    /// Whether that is what the action does on failure.
    gives_back: bool,
}

// === impl Progress ===

impl Progress {
    /// Nothing was sent yet.
    #[must_use]
    pub fn of(sequence: Sequence) -> Self {
        Self {
            sequence,
            at: 0,
            gives_back: false,
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
        let call = if self.gives_back {
            action.on_failure.as_ref()?
        } else {
            &action.call
        };
        Some((call, action.deadline))
    }

    /// Whether the call that is next or under way gives back what the sequence took.
    #[must_use]
    pub fn gives_back(&self) -> bool {
        self.gives_back
    }

    /// Takes the end of the call that was under way. Returns its outcome and, where the sequence
    /// stops, those of the actions that are not sent.
    pub fn took(&mut self, result: Reading<()>, now: Timestamp) -> Vec<Outcome> {
        let (Some(action), Some((call, _))) = (self.action(), self.call()) else {
            return Vec::new();
        };
        let (done, can_give_back) = (result.is_ok(), action.on_failure.is_some());
        let mut outcomes = vec![self.outcome(action, call.clone(), result, now)];
        match (done, self.gives_back) {
            (true, false) => self.at += 1,
            (false, false) if can_give_back => self.gives_back = true,
            _ => {
                let rest = self.sequence.actions.iter().skip(self.at + 1);
                outcomes.extend(rest.map(|action| {
                    let skipped = Failure::new(FailureKind::Skipped, "an earlier action failed");
                    self.outcome(action, action.call.clone(), Err(skipped), now)
                }));
                self.at = self.sequence.actions.len();
                self.gives_back = false;
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
