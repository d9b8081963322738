//! A typed client of the Kubo RPC verbs that the product uses.
//!
//! [`introduce`] asks a connection's far end who it is; [`Introduction::accept`] turns the answer
//! into a [`Node`] if it is the expected peer; a [`Node`] has the verbs. What a verb answers is
//! told in the words of `kubomesh-core`; why it did not, by [`Error::kind`], which for
//! `swarm/connect` is taken from the line of the address that was asked.
//!
//! Nodes are not trusted: bodies are parsed in place, lists are bounded, an entry that makes no
//! sense is left out and told of in [`Listing::warning`], and no message is longer than 512
//! characters.
//!
//! Without a node there is no verb:
//!
//! ```compile_fail,E0599
//! # use std::time::Duration;
//! # async fn wrong(mut introduction: kubomesh_kubo::Introduction) {
//! introduction.peers(Duration::from_secs(5)).await;
//! # }
//! ```
//!
//! with one there is:
//!
//! ```
//! # use std::time::Duration;
//! # async fn right(mut node: kubomesh_kubo::Node) {
//! node.peers(Duration::from_secs(5)).await;
//! # }
//! ```

mod auth;
mod body;
mod connect;
mod digest;
mod error;
mod introduction;
mod limits;
mod node;
mod query;
mod status;

#[cfg(test)]
mod tests;

pub use auth::{AuthError, authorization};
pub use digest::Digest;
pub use error::{Error, WrongIdentity};
pub use introduction::{Introduction, introduce};
pub use kubomesh_core::Listing;
pub use node::{ANSWER_GRACE, Node};
