//! What is under way: what was sent and not yet answered is not sent again.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Link, MemberName, Sequence};

/// The calls that have not been answered yet, whatever became of the pass that sent them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Busy {
    /// Links with a call that was not answered yet.
    pub links: BTreeSet<Link>,
    /// Members with calls for no single link (peering, filters) that were not answered yet, and with
    /// how many.
    pub members: BTreeMap<MemberName, usize>,
}

// === impl Busy ===

impl Busy {
    /// A sequence is under way.
    pub fn began(&mut self, sequence: &Sequence) {
        for action in &sequence.actions {
            match &action.link {
                Some(link) => drop(self.links.insert(link.clone())),
                None => *self.members.entry(sequence.member.clone()).or_default() += 1,
            }
        }
    }

    /// It has ended; others to the same member may still be under way.
    pub fn ended(&mut self, sequence: &Sequence) {
        for action in &sequence.actions {
            match &action.link {
                Some(link) => drop(self.links.remove(link)),
                None => self.one_less(&sequence.member),
            }
        }
    }

    /// Whether nothing that a sequence is about is under way.
    #[must_use]
    pub fn is_free(&self, sequence: &Sequence) -> bool {
        sequence.actions.iter().all(|action| match &action.link {
            Some(link) => !self.links.contains(link),
            None => !self.members.contains_key(&sequence.member),
        })
    }

    fn one_less(&mut self, member: &MemberName) {
        if let Some(calls) = self.members.get_mut(member) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.members.remove(member);
            }
        }
    }
}
