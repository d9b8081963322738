//! Waiting: on conditions, with deadlines.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until `look` gives a value. An error of `look` counts as "not yet", and is told if it is the
/// last.
///
/// # Errors
/// When the deadline passes.
pub(crate) fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        let last = match look() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if began.elapsed() >= deadline {
            let late = || format!("{what}: not within {} s", deadline.as_secs());
            last.with_context(late)?;
            bail!(late());
        }
        pause(LOOK);
    }
}

/// Lets time pass where the time itself is what is wanted.
pub(crate) fn pause(span: Duration) {
    let (_never, silence) = mpsc::channel::<()>();
    // Always times out: the other end is held and sends nothing.
    let _ = silence.recv_timeout(span);
}
