//! Ctrl-C, and waiting for a while unless it comes.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What a shell says of a program that Ctrl-C ended.
pub(super) const INTERRUPTED: u8 = 130;

/// Whether somebody wants the demo to end.
#[derive(Debug)]
pub(super) struct Stop {
    asked: Receiver<()>,
}

// === impl Stop ===

impl Stop {
    /// Catches Ctrl-C, SIGTERM and SIGHUP from here on.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(super) fn listen() -> Result<Self> {
        let (sender, asked) = mpsc::channel();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("catching Ctrl-C")?;
        thread::spawn(move || {
            for _ in signals.forever() {
                // The receiver is gone when the demo is ending anyway.
                let _ = sender.send(());
            }
        });
        Ok(Self { asked })
    }

    /// Waits that long; true as soon as somebody asked.
    pub(super) fn wait(&self, span: Duration) -> bool {
        !matches!(
            self.asked.recv_timeout(span),
            Err(RecvTimeoutError::Timeout)
        )
    }
}
