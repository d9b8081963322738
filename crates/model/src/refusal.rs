//! Why a verb gave no answer.

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The node's process does not run: nothing listens on its RPC port.
    #[error("connection refused")]
    Down,
    /// The process ended while the call waited: the connection broke off.
    #[error("connection reset")]
    Gone,
    /// Kubo's own sentence: status 500 and `{"Message":"…","Code":0,"Type":"error"}`.
    #[error("{0}")]
    Message(String),
}

/// `Offline` in the commands that reach for the swarm's API (row 16).
pub(crate) const ACTION_OFFLINE: &str =
    "this action must be run in online mode, try running 'ipfs daemon' first";

/// `Offline` in the commands that reach for the node itself (row 16).
pub(crate) const COMMAND_OFFLINE: &str =
    "this command must be run in online mode. Try running 'ipfs daemon' first";

impl Refusal {
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }
}
