//! Which requests a fake got.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kubomesh_core::Timestamp;
use serde::Serialize;

/// A request, as it arrived: refused ones too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// When, by the fleet's clock.
    pub at: Timestamp,
    /// `POST`.
    pub method: String,
    /// The path behind `/api/v0/`, or the whole path if it is another one.
    pub verb: String,
    /// The query, undecoded.
    pub query: String,
    /// Who asked.
    pub remote: SocketAddr,
}

/// How many requests a fake got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// All.
    pub calls: u64,
    /// Those that change something: connect, disconnect, peering and filters `add` and `rm`, `config`
    /// with a value.
    pub mutating: u64,
    /// All, by verb.
    pub by_verb: BTreeMap<String, u64>,
}

/// The log of one fake.
pub(crate) struct RequestLog {
    limit: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    requests: VecDeque<Logged>,
    counts: Counts,
}

impl RequestLog {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: Mutex::default(),
        }
    }

    pub(crate) fn note(&self, request: Logged) {
        let mut entries = self.lock();
        entries.counts.calls += 1;
        entries.counts.mutating += u64::from(is_mutating(&request.verb, &request.query));
        // Paths are the caller's: only so many are told apart.
        let by_verb = &mut entries.counts.by_verb;
        if let Some(count) = by_verb.get_mut(&request.verb) {
            *count += 1;
        } else if by_verb.len() < 64 {
            by_verb.insert(request.verb.clone(), 1);
        }
        if self.limit == 0 {
            return;
        }
        if entries.requests.len() >= self.limit {
            entries.requests.pop_front();
        }
        entries.requests.push_back(request);
    }

    pub(crate) fn requests(&self) -> Vec<Logged> {
        self.lock().requests.iter().cloned().collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call changes something in a node.
fn is_mutating(verb: &str, query: &str) -> bool {
    match verb {
        "swarm/connect" | "swarm/disconnect" | "swarm/peering/add" | "swarm/peering/rm"
        | "swarm/filters/add" | "swarm/filters/rm" | "bootstrap/add" | "bootstrap/rm"
        | "shutdown" => true,
        "config" => query.matches("arg=").count() > 1,
        _ => false,
    }
}
