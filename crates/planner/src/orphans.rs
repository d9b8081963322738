//! Records whose mesh object is gone (rules.md, Records): our filters are lifted, links and entries
//! stay, the record is deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{
    Access, Action, Call, FailureKind, LostFilters, MemberName, Outcome, Record, RecordWrite,
    Sequence, Timestamp, Timings,
};

use crate::pass::CALL_DEADLINE;
use crate::retry::doubled;

/// What became of the attempts to lift the filters of records without a mesh. Lost with the process,
/// which then begins anew: to take away what is not there does no harm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Liftings(BTreeMap<MemberName, Lifting>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Lifting {
    attempts: u32,
    tried: Option<Timestamp>,
    /// How the last attempt failed.
    failed: Option<FailureKind>,
    done: bool,
}

/// What is done about the records of one mesh that is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Records that go: nothing of ours is left on their nodes, or it is given up.
    pub writes: Vec<RecordWrite>,
    /// Filters to be lifted first.
    pub sequences: Vec<Sequence>,
    /// By record's name: what goes with it and was not given back, a Warning each.
    pub lost: BTreeMap<String, String>,
}

/// Deletes the records of a mesh that is gone, those that own filters on a node when these are lifted:
/// with the address, the identity and the pod UID that the record itself holds. What cannot be lifted is
/// tried again, ever later, and given up after `retired_for` from `since`, when the mesh was first
/// seen gone; at once where the node wants a token, whose secret only the mesh named.
///
/// That the mesh is gone, and not missing from a list by mistake, is for the caller to know.
#[must_use]
pub fn orphans(
    records: &BTreeMap<String, Record>,
    liftings: &Liftings,
    since: Timestamp,
    (now, timings): (Timestamp, &Timings),
) -> Orphans {
    let mut orphans = Orphans::default();
    for (name, record) in records {
        let lifting = liftings.0.get(&record.member);
        let is_free = record.owned_filters.is_empty() || lifting.is_some_and(|one| one.done);
        let given_up = given_up(lifting, now.since(since) >= timings.retired_for);
        let call = (!is_free && given_up.is_none()).then(|| lift(record));
        match call {
            Some(Some(sequence)) => {
                let due = lifting.is_none_or(|one| one.is_due(now, timings));
                orphans.sequences.extend(due.then_some(sequence));
                continue;
            }
            // Without an address or an identity nothing can be told to anybody.
            Some(None) | None => orphans.writes.push(RecordWrite::Delete(record.name())),
        }
        let lost = LostFilters::of(record).map(|lost| LostFilters {
            owned: if is_free { Vec::new() } else { lost.owned },
            ..lost
        });
        let lost = lost.filter(|lost| !lost.filters.is_empty() || !lost.owned.is_empty());
        if let Some(lost) = lost {
            let why = given_up.filter(|_| !is_free).unwrap_or_default();
            orphans.lost.insert(name.clone(), format!("{lost}{why}"));
        }
    }
    orphans
}

/// Why the filters of a record are not tried any more.
fn given_up(lifting: Option<&Lifting>, too_long: bool) -> Option<&'static str> {
    match lifting.and_then(|one| one.failed) {
        Some(FailureKind::Unauthorised | FailureKind::Forbidden) => {
            Some(" (its RPC wants a token, and the record does not name the secret that has it)")
        }
        _ if too_long => Some(" (it was tried until its time was over)"),
        _ => None,
    }
}

/// The call that takes away every filter of ours, whether it is there or not.
fn lift(record: &Record) -> Option<Sequence> {
    let entries = record.owned_filters.iter();
    let call = Call::FiltersRemove {
        entries: entries.map(|one| Arc::clone(&one.cidr)).collect(),
    };
    Some(Sequence {
        member: record.member.clone(),
        uid: record.uid.clone(),
        access: Access::Direct {
            endpoint: record.rpc.parse().ok()?,
            auth: None,
            ca_file: None,
        },
        expect: record.filters_owner()?,
        actions: vec![Action {
            call,
            deadline: CALL_DEADLINE,
            on_failure: Vec::new(),
            link: None,
        }],
    })
}

// === impl Liftings ===

impl Liftings {
    /// Takes in what was answered.
    pub fn absorb(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let lifting = self.0.entry(outcome.member.clone()).or_default();
            lifting.tried = Some(outcome.at);
            lifting.attempts = lifting.attempts.saturating_add(1);
            lifting.failed = outcome.result.as_ref().err().map(|failure| failure.kind);
            lifting.done |= lifting.failed.is_none();
        }
    }
}

// === impl Lifting ===

impl Lifting {
    fn is_due(&self, now: Timestamp, timings: &Timings) -> bool {
        let wait = doubled(self.attempts, timings.retry_base, timings.retry_max);
        self.tried.is_none_or(|tried| now.since(tried) >= wait)
    }
}
