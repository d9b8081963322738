//! The world's only source of chance: a seeded generator, so that a seed is a history.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014): eight bytes of state, good enough to shuffle a test world
/// and the same on every platform and in every version of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng(u64);

impl Rng {
    /// A generator; equal seeds give equal sequences.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: it never ends"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// True with this probability, in parts per thousand.
    pub fn per_mille(&mut self, parts: u16) -> bool {
        self.below(1000) < u64::from(parts)
    }

    /// A span of whole milliseconds in `least..most`; `least` if there is none.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let width = most.saturating_sub(least).as_millis();
        least + Duration::from_millis(self.below(u64::try_from(width).unwrap_or(u64::MAX)))
    }
}

/// SplitMix64's finaliser: a bijection on 64 bits that looks random.
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut z = seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
