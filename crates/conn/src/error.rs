//! Why a connection could not be made or an exchange not be finished.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use kubomesh_core::{Endpoint, Failure, FailureKind};

/// A connection that could not be made, or an exchange that gave no whole answer. The connection is
/// closed in every case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing listens at the address.
    #[error("{endpoint} refused the connection")]
    Refused {
        /// Who was called.
        endpoint: Endpoint,
    },
    /// No way there: no route, or the name does not resolve.
    #[error("{endpoint} cannot be reached: {why}")]
    Unreachable {
        /// Who was called.
        endpoint: Endpoint,
        /// What the system says.
        why: String,
    },
    /// The deadline passed.
    #[error("{doing} took longer than {after:?}")]
    TimedOut {
        /// What was going on.
        doing: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The connection broke off before the answer was complete, or was closed before the request.
    #[error("the connection broke off: {why}")]
    Disconnected {
        /// What the system or the protocol says.
        why: String,
    },
    /// TLS could not be set up.
    #[error("TLS with {endpoint} failed: {why}")]
    Tls {
        /// Who was called.
        endpoint: Endpoint,
        /// What the TLS library says.
        why: String,
    },
    /// What answers does not speak HTTP/1, or its header is beyond all measure.
    #[error("the answer is not HTTP: {why}")]
    NotHttp {
        /// What the parser says.
        why: String,
    },
    /// The body is larger than the limit.
    #[error("the answer is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit, bytes.
        limit: usize,
    },
    /// The request cannot be written as HTTP; nothing was sent.
    #[error("the request cannot be sent: {why}")]
    BadRequest {
        /// Which part and what is wrong with it.
        why: String,
    },
}

impl Error {
    /// The class of the failure.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::Refused { .. } => FailureKind::Refused,
            Self::Unreachable { .. } => FailureKind::Unreachable,
            Self::TimedOut { .. } => FailureKind::TimedOut,
            Self::Disconnected { .. } => FailureKind::Disconnected,
            Self::Tls { .. } => FailureKind::Tls,
            Self::NotHttp { .. } => FailureKind::NotKubo,
            Self::BodyTooLarge { .. } => FailureKind::BodyTooLarge,
            Self::BadRequest { .. } => FailureKind::BadRequest,
        }
    }

    /// The connection was already closed when the exchange began.
    pub(crate) fn closed() -> Self {
        Self::Disconnected {
            why: "it is already closed".into(),
        }
    }

    pub(crate) fn connecting(endpoint: &Endpoint, error: &io::Error) -> Self {
        let endpoint = endpoint.clone();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { endpoint },
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Self::Disconnected {
                why: error.to_string(),
            },
            // The operating system's own connection timeout: our deadlines are far below it.
            io::ErrorKind::TimedOut => Self::Unreachable {
                endpoint,
                why: "the system gave up waiting".into(),
            },
            _ => Self::Unreachable {
                endpoint,
                why: error.to_string(),
            },
        }
    }

    /// Sorts what hyper reports while a request is sent and its answer read.
    pub(crate) fn exchanging(error: &hyper::Error, endpoint: &Endpoint) -> Self {
        let io = source::<io::Error>(error);
        if let Some(tls) = io
            .and_then(io::Error::get_ref)
            .and_then(|e| source::<rustls::Error>(e))
        {
            return Self::Tls {
                endpoint: endpoint.clone(),
                why: tls.to_string(),
            };
        }
        // hyper reports a malformed chunk as invalid input or data.
        let malformed = io.is_some_and(|e| {
            matches!(
                e.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
            )
        });
        let why = io.map_or_else(|| error.to_string(), ToString::to_string);
        if malformed || error.is_parse() {
            Self::NotHttp { why }
        } else {
            Self::Disconnected { why }
        }
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

/// The first error of type `E` in the chain that starts with `error` itself.
fn source<'a, E: StdError + 'static>(mut error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    loop {
        match error.downcast_ref() {
            Some(found) => return Some(found),
            None => error = error.source()?,
        }
    }
}
