//! What is under way: what was sent and not yet answered is not sent again.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Link, MemberName, Sequence};

/// The calls that have not been answered yet, whatever became of the pass that sent them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Busy {
    /// Links with a call that was not answered yet, and to which of their ends it was sent.
    pub links: BTreeMap<Link, BTreeSet<MemberName>>,
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
                Some(link) => {
                    let ends = self.links.entry(link.clone()).or_default();
                    ends.insert(sequence.member.clone());
                }
                None => *self.members.entry(sequence.member.clone()).or_default() += 1,
            }
        }
    }

    /// It has ended; others to the same member may still be under way.
    pub fn ended(&mut self, sequence: &Sequence) {
        for action in &sequence.actions {
            match &action.link {
                Some(link) => self.ended_for(link, &sequence.member),
                None => self.one_less(&sequence.member),
            }
        }
    }

    /// Whether nothing that a sequence is about is under way.
    #[must_use]
    pub fn is_free(&self, sequence: &Sequence) -> bool {
        sequence.actions.iter().all(|action| match &action.link {
            Some(link) => !self.calls(link, &sequence.member),
            None => !self.members.contains_key(&sequence.member),
        })
    }

    /// Whether a call for a link is under way, on whichever end.
    #[must_use]
    pub fn is_linking(&self, link: &Link) -> bool {
        self.links.contains_key(link)
    }

    /// Whether a call for a link is under way on this end.
    #[must_use]
    pub fn calls(&self, link: &Link, end: &MemberName) -> bool {
        self.links.get(link).is_some_and(|ends| ends.contains(end))
    }

    fn ended_for(&mut self, link: &Link, end: &MemberName) {
        if let Some(ends) = self.links.get_mut(link) {
            ends.remove(end);
            if ends.is_empty() {
                self.links.remove(link);
            }
        }
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
