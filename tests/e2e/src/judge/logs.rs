//! What a controller says in its log.

use std::fs;

use anyhow::{Context, Result};

use super::SOON;
use crate::wait::until;
use crate::world::World;

// === impl World ===

impl World {
    /// Waits until a line of a controller's log has all these words. The line.
    pub(crate) async fn log_says(&self, controller: &str, words: &[&str]) -> Result<String> {
        let file = self.folder().join(format!("{controller}.log"));
        let what = format!("the log of {controller} says {words:?}");
        until(&what, SOON, async || {
            let text = fs::read_to_string(&file)?;
            let line = text
                .lines()
                .find(|line| words.iter().all(|word| line.contains(word)));
            Ok(line.context("no line does so far")?.to_owned())
        })
        .await
    }
}
