//! Why a call by way of the agent did not do what was asked: the classes of the direct way, carried by
//! gRPC codes and three metadata keys.

use std::error::Error as _;

use kubomesh_core::{Failure, FailureKind, PeerId};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

pub use kubomesh_core::{VerbError as Error, WrongIdentity};

/// Metadata key of a failure's class.
pub const KIND: &str = "kubomesh-kind";

/// Metadata key that says whether Kubo itself gave a whole answer.
pub const ANSWERED: &str = "kubomesh-answered";

/// Metadata key of the peer that answered where a `Connect` led.
pub const FOUND: &str = "kubomesh-found";

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

/// What the agent sent makes no sense, or is too much.
pub(crate) fn answered(verb: &'static str, kind: FailureKind, message: &str) -> Error {
    Error::answer(verb, Failure::new(kind, message))
}

/// What the agent says of a call.
pub(crate) fn read(verb: &'static str, status: &Status) -> Error {
    let metadata = status.metadata();
    let text = |key| metadata.get(key).and_then(|value| value.to_str().ok());
    let told = text(KIND).and_then(FailureKind::labelled);
    let kind = told.unwrap_or_else(|| kind_of(status.code()));
    let failure = Failure::new(kind, status.message());
    // Without a word of the agent nothing is known of Kubo.
    let error = match text(ANSWERED) == Some("true") {
        true => Error::answer(verb, failure),
        false => Error::lost(verb, failure),
    };
    error.with_found(text(FOUND).and_then(|peer| peer.parse().ok()))
}

/// Whether a status was made here, of a channel that broke, and not sent by the far end.
pub(crate) fn is_of_channel(status: &Status) -> bool {
    status.source().is_some() && !is_told(status)
}

/// Whether the agent itself says of what class a failure is.
pub(crate) fn is_told(status: &Status) -> bool {
    status.metadata().get(KIND).is_some()
}
