//! The states of a connection, as types.

use std::fmt;
use std::time::Duration;

use kubomesh_core::Endpoint;

use crate::wire::Wire;
use crate::{Bounds, Error, Request, Response, Tls};

/// An open connection to nobody knows whom. One request can be sent, by
/// [`Unverified::introduce`].
#[must_use]
pub struct Unverified {
    wire: Wire,
}

/// A connection whose far end said who it is. Nothing can be sent until that is accepted.
#[must_use]
pub struct Introduced<I> {
    wire: Option<Wire>,
    identity: I,
}

/// A connection whose far end is the expected one.
pub struct Verified<I> {
    wire: Option<Wire>,
    identity: I,
}

/// The identity could not be read: no answer, or one that the reader refuses with `E`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntroduceError<E> {
    /// There was no whole answer.
    #[error(transparent)]
    Exchange(Error),
    /// The answer gives no identity.
    #[error(transparent)]
    Answer(E),
}

/// Opens one TCP connection, with TLS for an `https` endpoint, within `deadline`. For a host name
/// each of its addresses is tried in turn.
///
/// # Errors
/// `Refused`, `Unreachable`, `TimedOut`, `Disconnected` or `Tls`, the last also for an `https`
/// endpoint without `tls`.
pub async fn open(
    endpoint: &Endpoint,
    tls: Option<&Tls>,
    deadline: Duration,
) -> Result<Unverified, Error> {
    Ok(Unverified {
        wire: Wire::open(endpoint, tls, deadline).await?,
    })
}

// === impl Unverified ===

impl Unverified {
    /// Sends the one request that asks who is there, and reads the identity from its answer.
    ///
    /// # Errors
    /// When there is no whole answer within `bounds`, or `read` finds no identity in it. The
    /// connection is closed.
    pub async fn introduce<I, E>(
        self,
        request: Request,
        bounds: Bounds,
        read: impl FnOnce(&Response) -> Result<I, E>,
    ) -> Result<Introduced<I>, IntroduceError<E>> {
        let answer = self.wire.exchange(request, bounds).await;
        let (response, wire) = answer.map_err(IntroduceError::Exchange)?;
        let identity = read(&response).map_err(IntroduceError::Answer)?;
        Ok(Introduced { wire, identity })
    }
}

// === impl Introduced ===

impl<I> Introduced<I> {
    /// Who answered.
    pub const fn identity(&self) -> &I {
        &self.identity
    }

    /// Accepts the identity if `check` does; otherwise the connection is closed.
    ///
    /// # Errors
    /// What `check` says.
    pub fn accept<E>(self, check: impl FnOnce(&I) -> Result<(), E>) -> Result<Verified<I>, E> {
        check(&self.identity)?;
        Ok(Verified {
            wire: self.wire,
            identity: self.identity,
        })
    }
}

// === impl Verified ===

impl<I> Verified<I> {
    /// Who answers here.
    #[must_use]
    pub const fn identity(&self) -> &I {
        &self.identity
    }

    /// Sends one request and reads the whole answer, trailers included.
    ///
    /// Not retried, not moved to another connection. After an error, or when the future is dropped
    /// before its end, the connection is closed and every further exchange is
    /// [`Error::Disconnected`].
    ///
    /// # Errors
    /// When there is no whole answer within `bounds`.
    pub async fn exchange(&mut self, request: Request, bounds: Bounds) -> Result<Response, Error> {
        // Taken, so that whatever happens before the end drops the socket.
        let wire = self.wire.take().ok_or_else(Error::closed)?;
        let (response, wire) = wire.exchange(request, bounds).await?;
        self.wire = wire;
        Ok(response)
    }

    /// Whether another exchange may be tried. `false` is certain; `true` is as of the end of
    /// the last exchange.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.wire.is_some()
    }

    /// Waits until the far end closes the idle connection; not at all if it is closed. May be dropped
    /// and called again.
    pub async fn closed(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.closed().await;
            self.wire = None;
        }
    }
}

// === impl Debug ===

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").finish_non_exhaustive()
    }
}

impl<I: fmt::Debug> fmt::Debug for Introduced<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introduced")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl<I: fmt::Debug> fmt::Debug for Verified<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
