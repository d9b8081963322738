//! Plans: every call that is to be made, and what became of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Access, Address, Failure, Link, MemberName, MemberUid, PeerId, Record, Timestamp};

/// One mutating call to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(tag = "type")]
pub enum Call {
    /// `swarm/connect` with one address, which ends in `/p2p/<peer>`.
    Connect {
        /// The address, with its peer.
        address: Address,
    },
    /// `swarm/disconnect` of one connection by its exact address.
    Disconnect {
        /// The address, with its peer.
        address: Address,
    },
    /// `swarm/peering/add` with one address a peer; replaces what the node has for that peer.
    PeeringAdd {
        /// The addresses, each with its peer.
        addresses: Vec<Address>,
    },
    /// `swarm/peering/rm`.
    PeeringRemove {
        /// Whom to forget.
        peers: Vec<PeerId>,
    },
    /// `swarm/filters/add`.
    FiltersAdd {
        /// The entries' exact texts.
        entries: Vec<Arc<str>>,
    },
    /// `swarm/filters/rm`.
    FiltersRemove {
        /// The entries' exact texts.
        entries: Vec<Arc<str>>,
    },
}

/// One call with its deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// What is sent.
    pub call: Call,
    /// How long the answer may take.
    #[serde(with = "crate::span")]
    pub deadline: Duration,
    /// What is sent if it fails, in order and each whatever became of the one before, until the
    /// sequence stops: gives back what the sequence took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_failure: Vec<Call>,
    /// The link that it is for, where it is for one.
    pub link: Option<Link>,
}

/// Actions on one node that depend on each other: sent in order, stopped at the first failure.
/// Sequences of one node do not depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// The node.
    pub member: MemberName,
    /// The life of it that is meant.
    pub uid: MemberUid,
    /// How it is reached.
    pub access: Access,
    /// Who must answer.
    pub expect: PeerId,
    /// What is sent, in order.
    pub actions: Vec<Action>,
}

/// One write to the records, made before any call that it covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordWrite {
    /// Create or replace.
    Put(Box<Record>),
    /// Delete, by the record's name.
    Delete(String),
}

/// What a write finds under its record's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// What it wants: there is nothing to write.
    AsWanted,
    /// What its plan used: it is to be written.
    AsUsed,
    /// Something else: somebody changed it since, and it is planned anew.
    Changed,
}

/// All that is to be done in this pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Stored first. No call of the same plan relies on one of them: what a call relies on was
    /// stored when the plan was made.
    pub records: Vec<RecordWrite>,
    /// Then sent, in any order among each other, the first ones first.
    pub sequences: Vec<Sequence>,
}

/// What became of one action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The node that was asked.
    pub member: MemberName,
    /// What was asked.
    pub call: Call,
    /// The link that it was for.
    pub link: Option<Link>,
    /// When the answer was there.
    pub at: Timestamp,
    /// Done as far as the node says (which proves nothing: it is read back), or why not.
    #[serde(rename = "failure", with = "crate::reading::done")]
    pub result: Result<(), Failure>,
}

impl Plan {
    /// Nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.sequences.is_empty()
    }

    /// How many calls.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.sequences
            .iter()
            .map(|sequence| sequence.actions.len())
            .sum()
    }

    /// The members that its calls touch: those that are called, and those they are to reach.
    #[must_use]
    pub fn touches(&self) -> BTreeSet<MemberName> {
        let touched = self.sequences.iter().flat_map(|sequence| {
            let links = sequence.actions.iter().filter_map(|a| a.link.as_ref());
            let ends = links.flat_map(|link| [&link.a, &link.b]);
            ends.chain([&sequence.member])
        });
        touched.cloned().collect()
    }
}

impl RecordWrite {
    /// Name of the record that it is about.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Put(record) => record.name(),
            Self::Delete(name) => name.clone(),
        }
    }

    /// What it finds where a record stands like this that its plan `used` like that. Records are
    /// compared, not versions: those change with each status, too.
    #[must_use]
    pub fn finds(&self, stands: Option<&Record>, used: Option<&Record>) -> Found {
        let wanted = match self {
            Self::Put(record) => Some(&**record),
            Self::Delete(_) => None,
        };
        if stands == wanted {
            Found::AsWanted
        } else if stands == used {
            Found::AsUsed
        } else {
            Found::Changed
        }
    }
}

impl Outcome {
    /// The members that the call touched: the one that was called, and whom it was to reach.
    pub fn touches(&self) -> impl Iterator<Item = MemberName> + '_ {
        let ends = self.link.iter().flat_map(|link| [&link.a, &link.b]);
        ends.chain([&self.member]).cloned()
    }
}

impl Call {
    /// Every metric label of [`Call::label`].
    pub const LABELS: [&'static str; 6] = [
        "connect",
        "disconnect",
        "peering_add",
        "peering_remove",
        "filters_add",
        "filters_remove",
    ];

    /// The metric label of the action.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Disconnect { .. } => "disconnect",
            Self::PeeringAdd { .. } => "peering_add",
            Self::PeeringRemove { .. } => "peering_remove",
            Self::FiltersAdd { .. } => "filters_add",
            Self::FiltersRemove { .. } => "filters_remove",
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, verb: &str, items: &[T]) -> fmt::Result {
    f.write_str(verb)?;
    items.iter().try_for_each(|item| write!(f, " {item}"))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { address } => write!(f, "connect {address}"),
            Self::Disconnect { address } => write!(f, "disconnect {address}"),
            Self::PeeringAdd { addresses } => list(f, "peering add", addresses),
            Self::PeeringRemove { peers } => list(f, "peering rm", peers),
            Self::FiltersAdd { entries } => list(f, "filters add", entries),
            Self::FiltersRemove { entries } => list(f, "filters rm", entries),
        }
    }
}

/// A plan as prose: one line a record, one a call, nodes in plan order.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing to do\n");
        }
        for write in &self.records {
            match write {
                RecordWrite::Delete(name) => writeln!(f, "record {name}: delete")?,
                RecordWrite::Put(record) => writeln!(f, "record {record}")?,
            }
        }
        for sequence in &self.sequences {
            for (at, action) in sequence.actions.iter().enumerate() {
                let then = if at == 0 { "" } else { "then " };
                writeln!(f, "{}: {then}{}", sequence.member, action.call)?;
                for call in &action.on_failure {
                    writeln!(f, "{}: if that fails {call}", sequence.member)?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: uid {}", self.name(), self.uid)?;
        if let Some(peer_id) = self.peer_id {
            write!(f, ", peer {peer_id}")?;
        }
        if !self.addresses.is_empty() {
            list(f, ", at", &self.addresses)?;
        }
        for retired in &self.retired {
            write!(f, ", retired {}", retired.peer_id)?;
        }
        for filter in &self.owned_filters {
            write!(f, ", our filter {} ({})", filter.cidr, filter.step)?;
        }
        for filter in &self.removed_filters {
            write!(f, ", removed filter {}", filter.cidr)?;
        }
        Ok(())
    }
}
