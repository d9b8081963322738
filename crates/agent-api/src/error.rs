//! Why a call by way of the agent did not do what was asked: the classes of the direct way, carried by
//! gRPC codes and three metadata keys.

use std::error::Error as _;

use kubomesh_core::{Failure, FailureKind, PeerId};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// Metadata key of a failure's class.
pub const KIND: &str = "kubomesh-kind";

/// Metadata key that says whether Kubo itself gave a whole answer.
pub const ANSWERED: &str = "kubomesh-answered";

/// Metadata key of the peer that answered where a `Connect` led.
pub const FOUND: &str = "kubomesh-found";

/// A verb that failed, as `kubomesh_kubo::Error` tells it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{verb}: {}", .failure.message)]
pub struct Error {
    verb: &'static str,
    failure: Failure,
    answered: bool,
    found: Option<Box<PeerId>>,
}

/// Another Kubo is behind the agent than the one that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected peer {}, but the agent is beside peer {}", .0.0, .0.1)]
pub struct WrongIdentity(Box<(PeerId, PeerId)>);

/// A failure as the agent sends it. `answered`: Kubo itself gave a whole answer. `found`: who answered
/// where a `Connect` led.
#[must_use]
pub fn status(failure: &Failure, answered: bool, found: Option<PeerId>) -> Status {
    let mut metadata = MetadataMap::new();
    let mut put = |key: &'static str, value: &str| {
        if let Ok(value) = value.parse() {
            metadata.insert(key, value);
        }
    };
    put(KIND, failure.kind.label());
    put(ANSWERED, if answered { "true" } else { "false" });
    if let Some(found) = found {
        put(FOUND, &found.to_string());
    }
    Status::with_metadata(code(failure.kind), failure.message.clone(), metadata)
}

const fn code(kind: FailureKind) -> Code {
    use FailureKind as Kind;
    match kind {
        Kind::Refused | Kind::Disconnected | Kind::Unreachable | Kind::Tls => Code::Unavailable,
        Kind::TimedOut => Code::DeadlineExceeded,
        Kind::Unauthorised | Kind::Forbidden => Code::PermissionDenied,
        Kind::UnknownCommand => Code::Unimplemented,
        Kind::BadRequest => Code::InvalidArgument,
        Kind::RateLimited | Kind::ResourceLimit | Kind::BodyTooLarge => Code::ResourceExhausted,
        Kind::BadBody => Code::Internal,
        Kind::NoEffect => Code::NotFound,
        Kind::NotKubo
        | Kind::Offline
        | Kind::FilteredHere
        | Kind::WrongIdentity
        | Kind::DialToSelf
        | Kind::NoAddress
        | Kind::SecurityNegotiation
        | Kind::Refusal
        | Kind::Fenced
        | Kind::Skipped => Code::FailedPrecondition,
    }
}

/// The class of a status that does not name one: a gRPC server that is no agent, or a library.
const fn kind_of(code: Code) -> FailureKind {
    match code {
        Code::DeadlineExceeded | Code::Cancelled => FailureKind::TimedOut,
        Code::Unavailable => FailureKind::Disconnected,
        Code::Unimplemented => FailureKind::UnknownCommand,
        Code::PermissionDenied => FailureKind::Forbidden,
        Code::Unauthenticated => FailureKind::Unauthorised,
        // What the library answers to a message beyond its limit.
        Code::ResourceExhausted | Code::OutOfRange => FailureKind::BodyTooLarge,
        Code::InvalidArgument => FailureKind::BadRequest,
        Code::Internal | Code::DataLoss => FailureKind::BadBody,
        _ => FailureKind::Refusal,
    }
}

// === impl Error ===

impl Error {
    /// The channel gave no whole answer, or nothing could be sent.
    pub(crate) const fn lost(verb: &'static str, failure: Failure) -> Self {
        Self {
            verb,
            failure,
            answered: false,
            found: None,
        }
    }

    /// What the agent sent makes no sense, or is too much.
    pub(crate) fn answer(verb: &'static str, kind: FailureKind, message: &str) -> Self {
        Self {
            verb,
            failure: Failure::new(kind, message),
            answered: true,
            found: None,
        }
    }

    /// What the agent says of a call.
    pub(crate) fn status(verb: &'static str, status: &Status) -> Self {
        let metadata = status.metadata();
        let text = |key| metadata.get(key).and_then(|value| value.to_str().ok());
        let told = text(KIND).and_then(FailureKind::labelled);
        Self {
            verb,
            failure: Failure::new(
                told.unwrap_or_else(|| kind_of(status.code())),
                status.message(),
            ),
            // Without a word of the agent nothing is known of Kubo.
            answered: text(ANSWERED) == Some("true"),
            found: text(FOUND).and_then(|peer| peer.parse().ok()).map(Box::new),
        }
    }

    /// Whether a status was made here, of a channel that broke, and not sent by the far end.
    pub(crate) fn is_of_channel(status: &Status) -> bool {
        status.source().is_some() && !Self::is_told(status)
    }

    /// Whether the agent itself says of what class a failure is.
    pub(crate) fn is_told(status: &Status) -> bool {
        status.metadata().get(KIND).is_some()
    }

    /// The class. For `swarm/connect` it may speak of the far peer; [`Error::answered`] tells.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        self.failure.kind
    }

    /// The verb, as in Kubo's path.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        self.verb
    }

    /// Whether Kubo itself gave a whole answer. `false`: the agent or its Kubo did not.
    #[must_use]
    pub const fn answered(&self) -> bool {
        self.answered
    }

    /// With [`FailureKind::WrongIdentity`] from `swarm/connect`: who answers at the address.
    #[must_use]
    pub fn found(&self) -> Option<PeerId> {
        self.found.as_deref().copied()
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self::new(error.kind(), &error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

// === impl WrongIdentity ===

impl WrongIdentity {
    pub(crate) fn new(expected: PeerId, found: PeerId) -> Self {
        Self(Box::new((expected, found)))
    }

    /// Whom the member is recorded with.
    #[must_use]
    pub fn expected(&self) -> PeerId {
        self.0.0
    }

    /// Who is there.
    #[must_use]
    pub fn found(&self) -> PeerId {
        self.0.1
    }

    /// The class.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        FailureKind::WrongIdentity
    }
}

impl From<WrongIdentity> for Failure {
    fn from(error: WrongIdentity) -> Self {
        Self::new(error.kind(), &error.to_string())
    }
}
