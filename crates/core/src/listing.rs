//! How much of what a node says is believed: bounded lists, bounded text; the same whichever way it
//! is asked.

use std::sync::Arc;

use crate::{is_invisible, one_line};

/// Most connections that are read. Kubo admits one inbound connection per MiB of half its host's
/// memory (kubo.md 2.3), so an honest node stays below.
pub const MAX_CONNECTIONS: usize = 65_536;

/// Most peering entries that are read: several times a node's links in any topology.
pub const MAX_PEERING: usize = 16_384;

/// Most addresses of one peering entry that are read. Ours have one.
pub const MAX_ADDRESSES: usize = 16;

/// Most addresses of all peering entries together: four an entry, if there are as many as may be. In
/// 1 MiB there is room for a quarter of a million empty ones.
pub const MAX_ADDRESSES_IN_ALL: usize = 65_536;

/// Most texts of a list (filters, listen addresses, results of a call) that are read.
pub const MAX_STRINGS: usize = 16_384;

/// Longest text of one entry that is kept, bytes: as long as an address may be.
pub const MAX_TEXT: usize = 1024;

/// Longest `AgentVersion` that is kept, characters.
const MAX_AGENT: usize = 128;

/// What a node lists, without what makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<L> {
    /// The entries that could be read.
    pub entries: L,
    /// One sentence when something was left out: how many, and the first of them.
    pub warning: Option<String>,
}

/// Collects a [`Listing`].
#[derive(Debug, Default)]
pub struct Sieve<T> {
    entries: Vec<T>,
    left_out: usize,
    first: String,
}

/// Whether a text shows all of itself: no control characters, none without a shape.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || is_invisible(c))
}

/// `AgentVersion`, bounded: one line of at most 128 characters.
#[must_use]
pub fn agent_version(text: &str) -> Arc<str> {
    one_line(text, MAX_AGENT).into()
}

// === impl Sieve ===

impl<T> Sieve<T> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            left_out: 0,
            first: String::new(),
        }
    }

    /// An entry that makes sense.
    pub fn keep(&mut self, entry: T) {
        self.entries.push(entry);
    }

    /// An entry that makes none, and why; of the first one the reason is told.
    pub fn leave_out(&mut self, why: impl FnOnce() -> String) {
        if self.left_out == 0 {
            self.first = one_line(&why(), 200);
        }
        self.left_out += 1;
    }

    /// The list, and the sentence about what was left out.
    #[must_use]
    pub fn finish(self, verb: &str) -> Listing<Vec<T>> {
        let warning = (self.left_out > 0).then(|| {
            let all = self.entries.len() + self.left_out;
            format!(
                "{verb}: {} of {all} entries left out, the first: {}",
                self.left_out, self.first
            )
        });
        Listing {
            // Kept until the node's next answer: in as much memory as it needs.
            entries: self.entries.into_boxed_slice().into_vec(),
            warning,
        }
    }
}
