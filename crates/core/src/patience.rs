//! How long a pass waits for its nodes: while any of them gets on, within reason.

use std::time::Duration;

/// Silent looks after which a pass goes on.
const LOOKS: u32 = 4;

/// The patience of one sweep of inquiries, or of calls: looked at each [`Patience::LOOK`].
#[derive(Debug, Clone, Default)]
pub struct Patience {
    /// The answers that had come at the last look.
    seen: u64,
    /// Looks in a row without another one.
    silent: u32,
}

// === impl Patience ===

impl Patience {
    /// How long a pass waits for nothing: when no answer has come for so long, it goes on without
    /// those that are missing. Ten times what a healthy node in the same cluster takes for all its
    /// reads (0.4–0.9 ms each, measured-on-kubo row 2) even when the machine is loaded, and short
    /// enough that one hung node does not delay another's link.
    pub const SILENCE: Duration = Self::LOOK.saturating_mul(LOOKS);

    /// How long a pass waits while answers keep coming: what wakes the loop meanwhile must not wait
    /// for all links of a large mesh.
    pub const LONGEST: Duration = Duration::from_secs(5);

    /// Time between two looks.
    pub const LOOK: Duration = Duration::from_millis(250);

    /// Looks again: whether the pass goes on waiting when so many answers have come in all, so long
    /// after it began to wait.
    pub fn lasts(&mut self, answers: u64, elapsed: Duration) -> bool {
        self.silent = if answers == self.seen {
            self.silent + 1
        } else {
            0
        };
        self.seen = answers;
        self.silent < LOOKS && elapsed < Self::LONGEST
    }
}
