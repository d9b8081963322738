//! The bytes of a list and of a watch, each object decoded by itself: one that cannot be decoded
//! does not take the others with it.

use std::borrow::Cow;

use kube::core::Status;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::pod::{Meta, nullable};

/// Longest line of a watch: an object is at most 1.5 MB in the store; twice that is no object.
pub(super) const MAX_LINE: u64 = 4 << 20;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(default)]
    pub(super) metadata: ListMeta,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) items: Vec<&'a RawValue>,
}

/// Metadata of a page.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListMeta {
    #[serde(deserialize_with = "nullable")]
    pub(super) resource_version: String,
    #[serde(rename = "continue", deserialize_with = "nullable")]
    pub(super) token: String,
}

/// One line of a watch.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// ADDED or MODIFIED.
    Applied(&'a RawValue),
    /// DELETED.
    Deleted(&'a RawValue),
    /// BOOKMARK.
    Bookmark,
    /// ERROR.
    Error(Box<Status>),
    /// None of these: to be passed over.
    Other,
}

#[derive(Deserialize)]
struct LineWire<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize, Default)]
struct MetaWire {
    #[serde(default)]
    metadata: Meta,
}

/// Reads a line, and the resource version that its object states (empty if none).
///
/// # Errors
/// When it is no line of a watch.
pub(super) fn line(text: &str) -> Result<(Line<'_>, String), serde_json::Error> {
    let wire: LineWire<'_> = serde_json::from_str(text)?;
    let version = || meta(wire.object).resource_version;
    Ok(match &*wire.kind {
        "ADDED" | "MODIFIED" => (Line::Applied(wire.object), version()),
        "DELETED" => (Line::Deleted(wire.object), version()),
        "BOOKMARK" => (Line::Bookmark, version()),
        "ERROR" => (
            Line::Error(serde_json::from_str(wire.object.get())?),
            String::new(),
        ),
        _ => (Line::Other, String::new()),
    })
}

/// What can be read of an object's metadata.
pub(super) fn meta(object: &RawValue) -> Meta {
    serde_json::from_str::<MetaWire>(object.get())
        .unwrap_or_default()
        .metadata
}
