//! What Kubo's error texts mean, above all those of `swarm/connect`.
//!
//! A failed `swarm/connect` is one text with a line for each address that was tried, whether we
//! asked for it or not:
//!
//! ```text
//! connect 12D3… failure: failed to dial: failed to dial 12D3…: all dials failed
//!   * [/ip4/10.77.1.3/tcp/4001] gater disallows connection to peer
//!   * [/ip4/192.168.77.3/tcp/4001] rate limit exceeded
//! ```
//!
//! Only the line of the address that was asked counts (measured-on-kubo, row 35).

use kubomesh_core::{Address, FailureKind, PeerId};

use crate::error::{Error, answered};

/// Kubo's and go-libp2p's phrases and what they mean, the telling ones before the general ones: a
/// peer ID mismatch is also a failed security negotiation, and one of those may end in a time-out
/// (kubo.md 1.3; the recordings).
const PHRASES: &[(&str, FailureKind)] = &[
    ("online mode", FailureKind::Offline),
    (MISMATCH, FailureKind::WrongIdentity),
    ("dial to self attempted", FailureKind::DialToSelf),
    ("gater disallows connection", FailureKind::FilteredHere),
    ("rate limit exceeded", FailureKind::RateLimited),
    (
        "connections per ip limit exceeded",
        FailureKind::RateLimited,
    ),
    ("resource limit exceeded", FailureKind::ResourceLimit),
    ("cannot reserve", FailureKind::ResourceLimit),
    (
        "failed to negotiate security protocol",
        FailureKind::SecurityNegotiation,
    ),
    ("no transport for protocol", FailureKind::NoAddress),
    ("no good addresses", FailureKind::NoAddress),
    ("no addresses", FailureKind::NoAddress),
    ("failed to parse multiaddr", FailureKind::BadRequest),
    ("invalid p2p multiaddr", FailureKind::BadRequest),
    ("found no ipfs peers", FailureKind::BadRequest),
    ("invalid peer ID", FailureKind::BadRequest),
    ("connection refused", FailureKind::Refused),
    ("no route to host", FailureKind::Unreachable),
    ("network is unreachable", FailureKind::Unreachable),
    ("no such host", FailureKind::Unreachable),
    ("i/o timeout", FailureKind::TimedOut),
    ("deadline exceeded", FailureKind::TimedOut),
    ("connection timed out", FailureKind::TimedOut),
    ("connection reset", FailureKind::Disconnected),
    ("broken pipe", FailureKind::Disconnected),
    ("EOF", FailureKind::Disconnected),
];

/// `peer id mismatch: expected X, but remote key matches Y`.
const MISMATCH: &str = "peer id mismatch";

/// What stands before the identity that was found.
const FOUND: &str = "remote key matches ";

/// The class of a text that has one reason in it.
pub(crate) fn class(reason: &str) -> FailureKind {
    let known = PHRASES.iter().find(|(phrase, _)| reason.contains(phrase));
    known.map_or(FailureKind::Refusal, |(_, kind)| *kind)
}

/// A refusal in Kubo's words; `asked` is the address that a `swarm/connect` asked for.
pub(crate) fn refusal(verb: &'static str, message: &str, asked: Option<&Address>) -> Error {
    let (head, lines) = message.split_once("\n  * ").unwrap_or((message, ""));
    let lines: Vec<&str> = lines
        .split("\n  * ")
        .filter(|line| !line.is_empty())
        .collect();
    let asked = asked.map(dialled).and_then(|address| {
        lines
            .iter()
            .find(|line| tried(line) == Some(address))
            .copied()
    });
    let told = match (asked, lines.as_slice()) {
        (Some(line), _) => line,
        // A name is tried as the address that it resolves to.
        (None, [line]) => line,
        (None, _) => message,
    };
    let kind = if told == message {
        class(head)
    } else {
        class(told)
    };
    let found = told
        .split_once(FOUND)
        .and_then(|(_, rest)| leading_peer(rest));
    answered(verb, kind, told).with_found(found)
}

/// The address without the peer at its end, as the daemon prints what it tried.
fn dialled(address: &Address) -> &str {
    let text = address.as_str();
    let end = if address.peer().is_some() {
        text.rfind("/p2p/")
    } else {
        None
    };
    &text[..end.unwrap_or(text.len())]
}

/// The address of a line `[<address>] <reason>`.
fn tried(line: &str) -> Option<&str> {
    Some(line.strip_prefix('[')?.split_once(']')?.0)
}

fn leading_peer(text: &str) -> Option<PeerId> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}
