//! The controller's debug pages, as far as the demo reads them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// `/debug/report` of one mesh.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Report {
    /// By name.
    pub(super) members: BTreeMap<String, MemberReport>,
    /// Every desired link.
    pub(super) links: Vec<LinkReport>,
    /// Their sums.
    pub(super) counts: Counts,
}

/// One member.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MemberReport {
    /// `Reachable`, `Unreachable`, `Away`, `Waiting` or `Quarantined`.
    pub(super) state: String,
    /// Its desired links.
    pub(super) links: Counts,
}

/// One desired link.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LinkReport {
    /// The pair.
    pub(super) link: Pair,
}

/// Two members.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pair {
    /// One of them.
    pub(super) a: String,
    /// The other.
    pub(super) b: String,
}

/// How many desired links are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Counts {
    /// All.
    pub(super) desired: usize,
    /// Of these healthy.
    pub(super) healthy: usize,
}

/// `/debug/plan` of one mesh.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    /// Which pass it was, from 1.
    pub(super) pass: u64,
    /// What it did.
    pub(super) actions: Vec<Value>,
    /// Links for which it did nothing.
    #[serde(default)]
    held_back: Vec<Held>,
}

/// A link for which nothing is done now.
#[derive(Debug, Clone, Deserialize)]
struct Held {
    link: Pair,
    /// A sentence.
    why: String,
}

// === impl Report ===

impl Report {
    /// How many members answer.
    pub(super) fn reachable(&self) -> usize {
        self.members
            .values()
            .filter(|member| member.is_reachable())
            .count()
    }

    /// Whether so many members answer and are linked as they should be.
    pub(super) fn whole(&self, members: usize) -> bool {
        self.counts.desired > 0
            && self.counts.all_healthy()
            && self.reachable() == members
            && self.members.len() == members
    }
}

// === impl MemberReport ===

impl MemberReport {
    /// Whether it answers with its identity.
    pub(super) fn is_reachable(&self) -> bool {
        self.state == "Reachable"
    }
}

// === impl Plan ===

impl Plan {
    /// The first few links that wait, with the reason for each.
    pub(super) fn waiting(&self, number: usize) -> Vec<String> {
        self.held_back
            .iter()
            .take(number)
            .map(ToString::to_string)
            .collect()
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            link: Pair { a, b },
            why,
        } = self;
        write!(f, "{a} - {b}: {why}")
    }
}

// === impl Counts ===

impl Counts {
    /// Whether nothing is missing.
    pub(super) fn all_healthy(self) -> bool {
        self.healthy == self.desired
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.healthy, self.desired)
    }
}

#[cfg(test)]
mod tests;
