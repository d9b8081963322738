//! What a controller says in its log.

use std::fs;

use anyhow::{Context, Result};

use super::SOON;
use crate::wait::until;
use crate::world::World;

// === impl World ===

impl World {
    /// A controller's log so far.
    pub(crate) fn log(&self, controller: &str) -> Result<String> {
        let file = self.folder().join(format!("{controller}.log"));
        fs::read_to_string(&file).with_context(|| file.display().to_string())
    }

    /// Waits until a line of a controller's log has all these words. The line.
    pub(crate) async fn log_says(&self, controller: &str, words: &[&str]) -> Result<String> {
        self.log_says_after(controller, 0, words).await
    }

    /// The same, but for what was said before, in bytes.
    pub(crate) async fn log_says_after(
        &self,
        controller: &str,
        from: usize,
        words: &[impl AsRef<str> + std::fmt::Debug],
    ) -> Result<String> {
        let what = format!("the log of {controller} says {words:?}");
        until(&what, SOON, async || {
            let text = self.log(controller)?;
            let mut lines = text.get(from..).unwrap_or_default().lines();
            let line = lines.find(|line| words.iter().all(|word| line.contains(word.as_ref())));
            Ok(line.context("no line does so far")?.to_owned())
        })
        .await
    }
}
