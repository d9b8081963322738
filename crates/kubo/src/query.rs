//! Paths with their query: a verb and its arguments.

use std::fmt::Display;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a query: the unreserved characters of RFC 3986 and the two that every
/// multiaddr is full of.
const ARGUMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':');

/// Longest path of a batch, bytes. A longer argument list is sent in several calls: the HTTP library
/// takes 64 KiB, and Go's server 1 MiB for the whole header.
const BATCH: usize = 32 * 1024;

/// A path under construction.
#[derive(Debug, Clone)]
pub(crate) struct Query(String);

impl Query {
    /// `/api/v0/<verb>`.
    pub(crate) fn new(verb: &str) -> Self {
        Self(format!("/api/v0/{verb}"))
    }

    /// Adds an option or, as `arg`, an argument.
    pub(crate) fn with(mut self, name: &str, value: &impl Display) -> Self {
        self.push(name, &value.to_string());
        self
    }

    /// Adds the daemon's own deadline, as a Go duration.
    pub(crate) fn timeout(self, deadline: Duration) -> Self {
        match (deadline.as_secs(), deadline.subsec_millis()) {
            (seconds, 0) => self.with("timeout", &format_args!("{seconds}s")),
            _ => self.with("timeout", &format_args!("{}ms", deadline.as_millis())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn push(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, ARGUMENT));
    }
}

/// The paths that together give a verb all the arguments, each with the number of its arguments; no
/// path at all for no arguments.
pub(crate) fn batches<T: Display>(verb: &str, arguments: &[T]) -> Vec<(Query, usize)> {
    let mut batches: Vec<(Query, usize)> = Vec::new();
    for argument in arguments {
        let argument = argument.to_string();
        // An encoded byte takes at most three.
        let room = |(query, _): &&mut (Query, usize)| query.0.len() + 3 * argument.len() < BATCH;
        match batches.last_mut().filter(room) {
            Some((query, count)) => {
                query.push("arg", &argument);
                *count += 1;
            }
            None => batches.push((Query::new(verb).with("arg", &argument), 1)),
        }
    }
    batches
}
