//! The members file that `kubomesh run --members` reads: a list of members. JSON, which is YAML.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// A line of the file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) rpc: String,
    pub(super) swarm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) zone: Option<String>,
}

/// Writes the file beside its place and renames it, so that no reader sees half of it.
pub(super) fn write(path: &Path, lines: &[Line]) -> io::Result<()> {
    let entries: Result<Vec<String>, _> = lines.iter().map(serde_json::to_string).collect();
    let text = format!("[\n  {}\n]\n", entries?.join(",\n  "));
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
