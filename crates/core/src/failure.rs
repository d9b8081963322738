//! Why a call did not do what was asked: a closed set that conditions, metrics and retries share.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::one_line;

/// The class of a failed call. Closed: it is a metric label and the planner decides by it.
/// For `swarm/connect` it is taken from the line of the address that was asked
/// (measured-on-kubo, row 35).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// The TCP connection was refused: nothing listens.
    Refused,
    /// No answer within the deadline, ours or the daemon's.
    TimedOut,
    /// The connection broke off: reset, closed early, truncated.
    Disconnected,
    /// No route, network unreachable, or the host name does not resolve.
    Unreachable,
    /// 403 `Kubo RPC Access Denied`: no token, a wrong one, or a path that it does not allow.
    Unauthorised,
    /// 403 by another hand: a `User-Agent` or origin check, a proxy.
    Forbidden,
    /// What answers is not Kubo's RPC.
    NotKubo,
    /// The daemon runs with `--offline`.
    Offline,
    /// 404 for the command: this version does not have it.
    UnknownCommand,
    /// 400: the daemon does not accept the request's shape.
    BadRequest,
    /// `gater disallows connection to peer`: the dialling node's own filters.
    FilteredHere,
    /// Another identity answered than the one expected.
    WrongIdentity,
    /// The node was told to dial itself.
    DialToSelf,
    /// `rate limit exceeded` or `connections per ip limit exceeded`.
    RateLimited,
    /// The dialling node's connection limits are used up.
    ResourceLimit,
    /// Nothing that can be dialled: no address, no transport for it.
    NoAddress,
    /// `failed to negotiate security protocol`: a filter on the far side or another swarm key;
    /// the planner tells which from both ends (measured-on-kubo, row 7).
    SecurityNegotiation,
    /// The answer's body is not what this call answers with.
    BadBody,
    /// The answer is larger than the limit.
    BodyTooLarge,
    /// TLS could not be set up.
    Tls,
    /// The daemon refused for a reason that has no class of its own.
    Refusal,
    /// Not sent: this process may not write (lost lease, stopping).
    Fenced,
    /// Not sent: an earlier action of the same sequence failed.
    Skipped,
    /// The call succeeded by its status and its text says that it did nothing
    /// (measured-on-kubo, row 12).
    NoEffect,
}

/// A failed call: its class and one line for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class.
    pub kind: FailureKind,
    /// What the node or the network said, one line, at most 512 characters.
    pub message: String,
}

impl FailureKind {
    /// Every kind, in declaration order: metric series are created from it before the first use.
    pub const ALL: [Self; 24] = [
        Self::Refused,
        Self::TimedOut,
        Self::Disconnected,
        Self::Unreachable,
        Self::Unauthorised,
        Self::Forbidden,
        Self::NotKubo,
        Self::Offline,
        Self::UnknownCommand,
        Self::BadRequest,
        Self::FilteredHere,
        Self::WrongIdentity,
        Self::DialToSelf,
        Self::RateLimited,
        Self::ResourceLimit,
        Self::NoAddress,
        Self::SecurityNegotiation,
        Self::BadBody,
        Self::BodyTooLarge,
        Self::Tls,
        Self::Refusal,
        Self::Fenced,
        Self::Skipped,
        Self::NoEffect,
    ];

    /// The metric label: the variant in snake case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Disconnected => "disconnected",
            Self::Unreachable => "unreachable",
            Self::Unauthorised => "unauthorised",
            Self::Forbidden => "forbidden",
            Self::NotKubo => "not_kubo",
            Self::Offline => "offline",
            Self::UnknownCommand => "unknown_command",
            Self::BadRequest => "bad_request",
            Self::FilteredHere => "filtered_here",
            Self::WrongIdentity => "wrong_identity",
            Self::DialToSelf => "dial_to_self",
            Self::RateLimited => "rate_limited",
            Self::ResourceLimit => "resource_limit",
            Self::NoAddress => "no_address",
            Self::SecurityNegotiation => "security_negotiation",
            Self::BadBody => "bad_body",
            Self::BodyTooLarge => "body_too_large",
            Self::Tls => "tls",
            Self::Refusal => "refusal",
            Self::Fenced => "fenced",
            Self::Skipped => "skipped",
            Self::NoEffect => "no_effect",
        }
    }

    /// The kind with this label.
    #[must_use]
    pub fn labelled(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// Whether the node itself gave no (usable) answer, so that nothing is known of it now.
    #[must_use]
    pub const fn is_silence(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::TimedOut | Self::Disconnected | Self::Unreachable | Self::Tls
        )
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl Failure {
    /// Longest message that is kept, in characters.
    pub const MAX_MESSAGE: usize = 512;

    /// A failure with its message as [`one_line`] of at most 512 characters: it goes to logs and
    /// conditions, and a node may say anything.
    #[must_use]
    pub fn new(kind: FailureKind, message: &str) -> Self {
        Self {
            kind,
            message: one_line(message, Self::MAX_MESSAGE),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}
