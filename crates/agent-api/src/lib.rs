//! The gRPC agent beside a Kubo, as seen from the controller, and what both ends share: wire types,
//! the version gate, mutual TLS.
//!
//! An agent is one more thing that listens at a pod's address: nothing on a channel may be believed
//! before it has shown, in this order, that it speaks an API that we speak, that it is in the pod that
//! was meant, and that the expected Kubo is behind it. So the way to a verb is a way through types, as
//! with `kubomesh-conn` and `kubomesh-kubo`:
//!
//! | state | what it may ask | becomes |
//! |---|---|---|
//! | [`Unverified`] | `ServerVersionGet` | [`Gated`], when the versions have one in common |
//! | [`Gated`] | `Identity` | [`Introduction`], when the pod UID is the expected one |
//! | [`Introduction`] | nothing | [`AgentNode`], when the peer ID is the expected one |
//! | [`AgentNode`] | every verb | – |
//!
//! A channel is one TCP connection. One that is lost stays lost: nothing here opens a second one, since
//! another pod may have the address by then.
//!
//! ```compile_fail,E0599
//! # use std::time::Duration;
//! # async fn wrong(introduction: kubomesh_agent_api::Introduction) {
//! introduction.peers(Duration::from_secs(5)).await;
//! # }
//! ```
//!
//! ```
//! # use std::time::Duration;
//! # async fn right(mut node: kubomesh_agent_api::AgentNode) {
//! node.peers(Duration::from_secs(5)).await;
//! # }
//! ```

mod body;
mod channel;
mod error;
mod event;
mod introduction;
mod node;
mod read;
mod tls;
mod version;

#[cfg(test)]
mod tests;

pub use channel::{Channels, Dialler, Unverified};
pub use error::{ANSWERED, Error, FOUND, KIND, WrongIdentity, status};
pub use event::{Delta, Event, Seen, Watch, Whole};
pub use introduction::{Gated, Introduction, Kept};
pub use node::AgentNode;
pub use tls::{CONTROLLER_NAME, ClientTls, Pem, Pems, ServerTls, TlsError, agent_name};
pub use version::{API_MIN_VERSION, API_VERSION, ApiVersions, Unusable};

/// Port on which agents listen.
pub const PORT: u16 = 8501;

/// Largest message in either direction, bytes: as much as Kubo's own answers may have.
pub const MAX_MESSAGE: usize = kubomesh_conn::Bounds::BODY;

/// The wire types and the generated client and server of `kubomesh.agent.v1`. What each field means
/// stands in `proto/kubomesh/agent/v1/agent.proto`.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::pedantic,
    clippy::style,
    reason = "generated from the proto file, which documents each of them"
)]
pub mod wire {
    tonic::include_proto!("kubomesh.agent.v1");

    /// The compiled proto file, for `grpc.reflection`.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agent.bin"));
}
