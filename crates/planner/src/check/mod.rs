//! The plan check: what no plan may ever do, written without the planner's own reasoning.
//!
//! It reads the input and the plan and nothing that the planner made on its way, so that a slip of
//! one is caught by the other. The controller refuses a plan with a violation; tests and the
//! simulation call it after every plan.

mod calls;
mod graph;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kubomesh_core::{Address, Member, MemberName, PeerId, Record, Role};

use crate::{PlanInput, Planned};

pub use self::graph::{Flaw, apart, flaws};

/// A rule of rules.md that a plan can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// A call goes only to a live member that just showed the identity it is recorded with.
    VerifiedNodesOnly,
    /// No node is told to connect or peer with itself.
    NoSelfLinks,
    /// A peer is given to a node only with its stored identity and its stored present address.
    StoredPeersOnly,
    /// Nothing is added for a member with a wrong, doubled or contested identity or address.
    NoQuarantinedPeers,
    /// Nothing is removed or retired in doubt.
    NoRemovalInDoubt,
    /// An entry or filter that is not ours stays as it is.
    NothingForeign,
    /// Only a connection that the node lists, to a member, is closed.
    ListedConnectionsOnly,
    /// Removals are of retired identities, of surplus links, or of a mesh that is released.
    NoLostLinks,
    /// One `peering/add`, one `peering/rm` and one filters call a node and pass at most; a pair is
    /// dialled from one end.
    OneCallAtATime,
    /// `Observe` calls nothing; `Release` only gives back.
    ModeKept,
    /// What a record still has to remember is not dropped.
    RecordsKept,
    /// Surplus links go within the minute's budget.
    WithinBudget,
    /// The desired links hang together and no degree is above its bound.
    SoundTopology,
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

/// What the check looks things up in.
struct Facts<'a> {
    input: &'a PlanInput<'a>,
    planned: &'a Planned,
    /// Stored records of Kubo nodes by the identity they have.
    by_peer: BTreeMap<PeerId, Vec<&'a Record>>,
    /// Every address that a record has or had, by identity.
    written: BTreeMap<PeerId, BTreeSet<&'a Address>>,
    /// What was found.
    found: Vec<Violation>,
}

/// Everything that a plan does against the rules; empty for every plan of this planner.
#[must_use]
pub fn check(input: &PlanInput<'_>, planned: &Planned) -> Vec<Violation> {
    let mut facts = Facts::new(input, planned);
    calls::check(&mut facts);
    records::check(&mut facts);
    graph::check(&mut facts);
    facts.found
}

// === impl Facts ===

impl<'a> Facts<'a> {
    fn new(input: &'a PlanInput<'a>, planned: &'a Planned) -> Self {
        let mut by_peer: BTreeMap<PeerId, Vec<&Record>> = BTreeMap::new();
        let mut written: BTreeMap<PeerId, BTreeSet<&Address>> = BTreeMap::new();
        // A plan that does nothing asks for nothing, and it is the plan of most passes.
        let asked = input.records.values();
        let asked = asked.filter(|record| record.role == Role::Kubo && !planned.plan.is_empty());
        for record in asked {
            if let Some(peer) = record.peer_id {
                by_peer.entry(peer).or_default().push(record);
                written.entry(peer).or_default().extend(&record.addresses);
            }
            for retired in &record.retired {
                written
                    .entry(retired.peer_id)
                    .or_default()
                    .extend(&retired.addresses);
            }
        }
        Self {
            input,
            planned,
            by_peer,
            written,
            found: Vec::new(),
        }
    }

    fn member(&self, name: &MemberName) -> Option<&'a Member> {
        self.input.membership.members.get(name)
    }

    /// The stored record of a member's present life.
    fn record(&self, member: &Member) -> Option<&'a Record> {
        let name = format!("{}{}", member.name, member.role.record_suffix());
        self.input
            .records
            .get(&name)
            .filter(|record| record.uid == member.uid)
    }

    fn found(&mut self, rule: Rule, member: Option<&MemberName>, detail: String) {
        self.found.push(Violation {
            rule,
            member: member.cloned(),
            detail,
        });
    }
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
