//! The fence: whether this process may write at this moment.

/// Answers, at the moment of sending, whether this process may change anything. Every mutating
/// call to a node and every object write asks it (ARCHITECTURE.md, invariant 7).
pub trait Fence: Send + Sync {
    /// `true` while this process holds the lease, or needs none.
    fn may_write(&self) -> bool;
}

/// A fence that is always open: a members file has one process, held by the state directory's lock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

impl Fence for Open {
    fn may_write(&self) -> bool {
        true
    }
}
