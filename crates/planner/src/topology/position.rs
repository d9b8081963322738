//! Positions on the rings: a keyed hash that never changes between versions.
//!
//! SipHash-2-4 with a 128-bit key that is the SipHash-2-4-128 (key 0) of the mesh's UID. Whoever
//! may choose a peer ID does not know the positions it will get, unless the UID is known.
//!
//! * A member's base is the hash of its peer ID's bytes.
//! * Its position on the ring of seed s is number s of the SplitMix64 sequence that begins at its
//!   base (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). The base is
//!   the secret; from it on nothing but an even spread is asked for, ring by ring, and a second
//!   keyed hash would cost as much as the sort of the ring.

use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24Wide};
use std::hash::Hasher;

/// The hash function of one mesh.
#[derive(Debug, Clone, Copy)]
pub struct Positions {
    hasher: SipHasher24,
}

// === impl Positions ===

impl Positions {
    /// The function for a salt.
    #[must_use]
    pub fn new(salt: &str) -> Self {
        let mut wide = SipHasher24Wide::new();
        wide.write(salt.as_bytes());
        let key = wide.finish128();
        Self {
            hasher: SipHasher24::new_with_keys(key.h1, key.h2),
        }
    }

    /// A member's base.
    #[must_use]
    pub fn base(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// A member's position on the ring of a seed.
    #[must_use]
    pub fn on_ring(&self, seed: u64, base: u64) -> u64 {
        let mut mixed = base.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The seed of the bridges between two zones, given in order of their names.
    #[must_use]
    pub fn bridge_seed(&self, zone: &str, other: &str) -> u64 {
        let mut text = Vec::with_capacity(zone.len() + other.len() + 1);
        text.extend_from_slice(zone.as_bytes());
        text.push(0);
        text.extend_from_slice(other.as_bytes());
        self.hasher.hash(&text)
    }
}
