//! Whether an answer is the same as before, without keeping it.

use std::hash::Hasher as _;

use kubomesh_core::PeerId;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// Stands for the body of an answer of one node. A node that finds two bodies with one digest
/// deceives about itself alone, and needs no digest for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    /// Of a body and of the node that gave it, since how it is read depends on both.
    pub(crate) fn of(own: PeerId, body: &[u8]) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(&own.to_bytes());
        hasher.write(body);
        Self(hasher.finish128().as_u128())
    }
}
