//! The text of a members file. What cannot be right is refused with a sentence that names the line
//! or the field.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kubomesh_core::{Address, Endpoint, PeerId, Policy};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::addresses::{Taken, rpc, swarm};
use super::policy::{MeshWire, policy};

/// A members file that cannot be used. The last good content stays in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error("the members file {path} cannot be read: {why}")]
    Unreadable {
        /// Its path.
        path: String,
        /// What the operating system says.
        why: String,
    },
    /// The text is not YAML of the right form.
    #[error("the members file is malformed: {why}")]
    Malformed {
        /// What the parser says, with line and column where it knows them.
        why: String,
    },
    /// The content of a file is not right.
    #[error("{path}: {error}")]
    In {
        /// Its path.
        path: String,
        /// What is not right.
        error: Box<FileError>,
    },
    /// The file names no member.
    #[error("the members file names no members: write at least one; nothing is changed until then")]
    Empty,
    /// A field has a value that is not allowed.
    #[error("{field} is {value}: {remedy}")]
    Field {
        /// Path of the field.
        field: String,
        /// Its value.
        value: String,
        /// What would be right.
        remedy: String,
    },
}

/// A members file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct FileMesh {
    /// What is wanted.
    pub policy: Arc<Policy>,
    /// The members by name.
    pub members: BTreeMap<Arc<str>, MemberLine>,
}

/// One line of `members`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLine {
    /// Its name.
    pub name: Arc<str>,
    /// Its management API.
    pub rpc: Endpoint,
    /// Its whole swarm address, without `/p2p/…`.
    pub swarm: Option<Address>,
    /// Its zone; empty when none is stated.
    pub zone: Arc<str>,
    /// The identity that it is to show.
    pub peer_id: Option<PeerId>,
    /// File with `bearer:…` or `basic:…`, as written.
    pub auth_file: Option<Arc<str>>,
    /// File with the CA of an `https` API, as written.
    pub ca_file: Option<Arc<str>>,
}

/// A members file of the right form; its values may be wrong.
#[derive(Default)]
pub(super) struct Document {
    mesh: MeshWire,
    members: Vec<LineWire>,
}

#[derive(Deserialize)]
struct DocumentMap {
    #[serde(default)]
    mesh: MeshWire,
    #[serde(default)]
    members: Vec<LineWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineWire {
    name: String,
    rpc: String,
    #[serde(default)]
    swarm: Option<String>,
    #[serde(default)]
    zone: String,
    #[serde(default)]
    role: Option<String>,
    #[serde(default, rename = "peerID")]
    peer_id: Option<String>,
    #[serde(default)]
    auth_file: Option<String>,
    #[serde(default)]
    ca_file: Option<String>,
    #[serde(default)]
    cluster: Option<serde_json::Value>,
}

/// Longest name of a member: it is a record's file name.
const MAX_NAME: usize = 200;

// === impl FileMesh ===

impl FileMesh {
    /// Reads the text of a members file.
    ///
    /// # Errors
    /// At the first thing that is not right.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let (document, unknown) = document(text).map_err(|error| {
            // A number that no field can hold is out of its field's bounds, as a smaller one would be.
            super::number::out_of_range(&error, text).unwrap_or_else(|| {
                let why = super::malformed::malformed(&error, text);
                FileError::Malformed { why }
            })
        })?;
        Self::of(&document, &unknown)
    }

    /// What a document says that has these unknown fields.
    pub(super) fn of(document: &Document, unknown: &[String]) -> Result<Self, FileError> {
        if let Some(field) = unknown.first() {
            let remedy = "correct or remove it";
            return Err(FileError::field(field, "unknown", remedy));
        }
        if document.members.is_empty() {
            return Err(FileError::Empty);
        }
        let policy = policy(&document.mesh)?;
        let mut members = BTreeMap::new();
        let mut taken = Taken::default();
        for (at, wire) in document.members.iter().enumerate() {
            let line = line(at, wire)?;
            taken.take(at, &line)?;
            if members.insert(line.name.clone(), line).is_some() {
                let remedy = "another line has it too; give each member its own";
                let value = format!("`{}`", wire.name);
                return Err(FileError::field(
                    &format!("members[{at}].name"),
                    &value,
                    remedy,
                ));
            }
        }
        Ok(Self {
            policy: Arc::new(policy),
            members,
        })
    }
}

// === impl FileError ===

impl FileError {
    /// The same, and in which file it is.
    pub(super) fn in_file(self, path: &std::path::Path) -> Self {
        match self {
            Self::Unreadable { .. } | Self::In { .. } => self,
            error => Self::In {
                path: path.display().to_string(),
                error: Box::new(error),
            },
        }
    }

    pub(super) fn field(field: &str, value: &str, remedy: &str) -> Self {
        Self::Field {
            field: field.into(),
            value: value.into(),
            remedy: remedy.into(),
        }
    }
}

/// The document and the fields in it that nobody knows.
pub(super) fn document(text: &str) -> Result<(Document, Vec<String>), serde_saphyr::Error> {
    if text.trim().is_empty() {
        return Ok(Default::default());
    }
    let mut unknown = Vec::new();
    let options = serde_saphyr::options! { with_snippet: false };
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        serde_ignored::deserialize(yaml, |path| unknown.push(dotted(&path.to_string())))
    });
    read.map(|document| (document, unknown))
}

/// `members.3.zone` as `members[3].zone`, and without the marks of optional values.
fn dotted(path: &str) -> String {
    let mut text = String::new();
    for part in path.split('.').filter(|part| *part != "?") {
        match part.parse::<usize>() {
            Ok(at) if text.is_empty() => text.push_str(&format!("members[{at}]")),
            Ok(at) => text.push_str(&format!("[{at}]")),
            Err(_) if text.is_empty() => text.push_str(part),
            Err(_) => {
                text.push('.');
                text.push_str(part);
            }
        }
    }
    text
}

fn line(at: usize, wire: &LineWire) -> Result<MemberLine, FileError> {
    let refused = |field: &str, value: &str, remedy: &str| {
        FileError::field(
            &format!("members[{at}].{field}"),
            &format!("`{value}`"),
            remedy,
        )
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let name = &*wire.name;
    if name.is_empty()
        || name.len() > MAX_NAME
        || !name.chars().all(plain)
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        let remedy = "use letters, digits, `-`, `.` and `_`, at most 200, first a letter or digit";
        return Err(refused("name", name, remedy));
    }
    match wire.role.as_deref() {
        None | Some("Kubo" | "kubo") => {}
        Some(role @ ("Relay" | "relay" | "Cluster" | "cluster")) => {
            return Err(refused(
                "role",
                role,
                "this version does not implement it; leave it out",
            ));
        }
        Some(role) => return Err(refused("role", role, "write Kubo, or leave it out")),
    }
    if wire.cluster.is_some() {
        let remedy = "this version does not implement it; leave it out";
        return Err(FileError::field(
            &format!("members[{at}].cluster"),
            "set",
            remedy,
        ));
    }
    let swarm = wire.swarm.as_deref().map(|text| {
        swarm(text).map_err(|why| refused("swarm", text, &format!("{why}, or leave it out")))
    });
    let peer_id = wire.peer_id.as_deref().map(|text| {
        let remedy = "it is not a peer ID; write what `ipfs id` shows, or leave it out";
        text.parse().map_err(|_| refused("peerID", text, remedy))
    });
    Ok(MemberLine {
        name: name.into(),
        rpc: rpc(&wire.rpc).map_err(|(shown, why)| {
            let remedy = format!("{why}; write it as http://HOST:PORT or https://HOST:PORT");
            refused("rpc", &shown, &remedy)
        })?,
        swarm: swarm.transpose()?,
        zone: wire.zone.as_str().into(),
        peer_id: peer_id.transpose()?,
        auth_file: wire.auth_file.as_deref().map(Into::into),
        ca_file: wire.ca_file.as_deref().map(Into::into),
    })
}

// === impl Document ===

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

/// A map, or a bare list of members.
struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `members`, or a list of members")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
        let DocumentMap { mesh, members } =
            Deserialize::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Document { mesh, members })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Document, A::Error> {
        let members = Deserialize::deserialize(SeqAccessDeserializer::new(seq))?;
        Ok(Document {
            members,
            ..Document::default()
        })
    }
}
