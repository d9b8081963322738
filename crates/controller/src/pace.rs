//! How fast passes follow each other when a pass itself is the reason for the next.

use std::time::Duration;

/// Passes that may follow each other at once: record, dial, read back, protect, read back, and one to
/// spare.
const AT_ONCE: u32 = 6;

/// First wait after that; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Longest wait: a node that takes a call and shows no effect costs a call in this time.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Counts passes with actions in a row. What a node shows after a call is read back at once, a few
/// times; a node that never shows it does not make the loop spin.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    acting: u32,
}

impl Pace {
    /// Notes a pass, and says how long to wait before the pass that reads back what it did; `None`
    /// when it did nothing.
    pub(crate) fn after(&mut self, acted: bool) -> Option<Duration> {
        if !acted {
            self.acting = 0;
            return None;
        }
        self.acting = self.acting.saturating_add(1);
        let over = self.acting.saturating_sub(AT_ONCE);
        Some(match over {
            0 => Duration::ZERO,
            _ => FIRST_WAIT
                .saturating_mul(1 << (over - 1).min(10))
                .min(LONGEST_WAIT),
        })
    }
}

#[cfg(test)]
mod tests;
