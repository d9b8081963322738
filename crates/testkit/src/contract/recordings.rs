//! The recordings of a real Kubo, in the repository's `tests/recordings/kubo`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use super::wire::{self, Answer};
use super::{Topic, scenes};

/// A recorded exchange.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its name: the file's, without `.response`.
    pub name: String,
    /// The request's first line.
    pub request: String,
    /// The request's headers beside those that every request has.
    pub headers: Vec<String>,
    /// The answer, taken apart.
    pub(super) answer: Answer,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    request: String,
    request_headers: Vec<String>,
}

impl Recording {
    /// What it is about; `None` if it has no scene.
    #[must_use]
    pub fn topic(&self) -> Option<Topic> {
        scenes::find(&self.name).map(|(topic, _)| topic)
    }
}

/// Reads all recordings, in the order in which they were made.
///
/// # Errors
/// When one cannot be read or is not HTTP.
pub fn load() -> anyhow::Result<Vec<Recording>> {
    let folder = folder();
    let index = folder.join("index.json");
    let text = fs::read(&index).with_context(|| format!("{} cannot be read", index.display()))?;
    let entries: Vec<Entry> = serde_json::from_slice(&text).context("the index is not JSON")?;
    entries
        .into_iter()
        .map(|entry| read(&folder, entry))
        .collect()
}

fn read(folder: &Path, entry: Entry) -> anyhow::Result<Recording> {
    let path = folder.join(format!("{}.response", entry.name));
    let raw = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let answer = wire::parse(&raw).with_context(|| format!("{} is not HTTP", entry.name))?;
    let Entry {
        name,
        request,
        request_headers: headers,
    } = entry;
    Ok(Recording {
        name,
        request,
        headers,
        answer,
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings/kubo")
}
