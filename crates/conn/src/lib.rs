//! The verified connection: one value per TCP connection, identity first.
//!
//! A node's management API has no way to say for whom a command is meant: whatever listens at the
//! address obeys. So a connection is a value that owns its socket, and its type says what was proven
//! on it:
//!
//! | state | may send | becomes |
//! |---|---|---|
//! | [`Unverified`] | one request, the one that asks who is there | [`Introduced`] |
//! | [`Introduced`] | nothing | [`Verified`], when the identity is the expected one |
//! | [`Verified`] | any request | – |
//!
//! Nothing is pooled, nothing is retried, no request ever moves to another connection. A connection
//! has no task of its own: an exchange drives it while it waits for its answer, and
//! [`Verified::closed`] watches it while it is idle. An exchange that fails, or that is dropped
//! before its end, closes the socket.
//!
//! Without an identity there is no way to send a command:
//!
//! ```compile_fail,E0599
//! # async fn wrong(connection: kubomesh_conn::Unverified, request: kubomesh_conn::Request) {
//! # let limits = kubomesh_conn::Bounds::default();
//! connection.exchange(request, limits).await;
//! # }
//! ```
//!
//! nor with one that nobody has accepted:
//!
//! ```compile_fail,E0599
//! # async fn wrong(connection: kubomesh_conn::Introduced<u8>, request: kubomesh_conn::Request) {
//! # let limits = kubomesh_conn::Bounds::default();
//! connection.exchange(request, limits).await;
//! # }
//! ```
//!
//! while a verified one has it:
//!
//! ```
//! # async fn right(mut connection: kubomesh_conn::Verified<u8>, request: kubomesh_conn::Request) {
//! # let limits = kubomesh_conn::Bounds::default();
//! connection.exchange(request, limits).await;
//! # }
//! ```

mod budget;
mod error;
mod message;
mod state;
mod tls;
mod wire;

pub use budget::{LARGE_PLACES, MEDIUM_PLACES, Places};
pub use error::Error;
pub use message::{Bounds, Request, Response, USER_AGENT};
pub use state::{IntroduceError, Introduced, Unverified, Verified, open};
pub use tls::{Tls, TlsError};
