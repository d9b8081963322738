//! The least time in which a mesh can be made, whoever makes it.

use std::time::Duration;

use kubomesh_core::Limits;

use super::sequential::Sequential;
use crate::cpu;

/// Dials that a Kubo makes at once (go-libp2p's dial limiter).
const DIALS_AT_ONCE: u32 = 160;

/// The three bounds; the largest holds.
#[derive(Debug)]
pub(super) struct Bound {
    /// How many links are made.
    pub(super) links: usize,
    in_flight: Duration,
    processors: Duration,
    node: Duration,
}

// === impl Bound ===

impl Bound {
    /// From what one call after the other showed. `most` is the number of links of the node that has
    /// most.
    pub(super) fn new(sequential: &Sequential, links: usize, most: usize) -> Self {
        let (in_flight, cores) = (Limits::default().in_flight, cpu::cores());
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let turns = links.div_ceil(in_flight as usize);
        Self {
            links,
            in_flight: (sequential.rtt + sequential.dial) * count(turns),
            processors: sequential.cpu_per_link() * count(links) / count(cores),
            node: sequential.dial * count(most) / DIALS_AT_ONCE,
        }
    }

    /// The bound.
    pub(super) fn time(&self) -> Duration {
        self.in_flight.max(self.processors).max(self.node)
    }

    /// Which of them it is.
    pub(super) fn cause(&self) -> &'static str {
        match self.time() {
            time if time == self.in_flight => "calls in flight",
            time if time == self.processors => "CPU",
            _ => "one node's dials",
        }
    }
}
