//! Text that cannot be read, said in one sentence.

use std::fmt;

use kubomesh_core::one_line;

use crate::{MAX_TEXT, NETWORK_STATUS, NETWORKS, OLD_NETWORK_STATUS};

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The annotation [`NETWORKS`].
    Networks,
    /// The annotation [`NETWORK_STATUS`].
    Status,
    /// The annotation [`OLD_NETWORK_STATUS`].
    OldStatus,
    /// `spec.config` of a NetworkAttachmentDefinition.
    Config,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedKind {
    /// It is longer than [`MAX_TEXT`].
    TooLong,
    /// It is no JSON, or JSON of another shape.
    Json,
    /// A value in it is not allowed.
    Value,
}

/// Text that cannot be read: where it stands, what it says, what is wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: `{text}` {why}; {remedy}")]
pub struct Malformed {
    /// Where it stands.
    pub place: Place,
    /// The offending part of the text: one line of at most 120 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
    /// What would be right.
    pub remedy: &'static str,
    kind: MalformedKind,
}

/// Most characters of a text that are quoted.
const QUOTED: usize = 120;

/// How much of it stands before the place where the parser stopped, in bytes.
const BEFORE: usize = 60;

// === impl Malformed ===

impl Malformed {
    /// What kind of fault it is.
    #[must_use]
    pub const fn kind(&self) -> MalformedKind {
        self.kind
    }

    /// A value that is not allowed.
    pub(crate) fn value(place: Place, text: &str, why: impl Into<String>) -> Self {
        Self {
            place,
            text: one_line(text, QUOTED),
            why: why.into(),
            remedy: place.remedy(),
            kind: MalformedKind::Value,
        }
    }

    /// What serde_json refused, with the text around the place where it did.
    pub(crate) fn json(place: Place, text: &str, error: &serde_json::Error) -> Self {
        let why = match error.classify() {
            serde_json::error::Category::Data => format!("is not what belongs there: {error}"),
            _ => format!("is no JSON: {error}"),
        };
        Self {
            place,
            text: one_line(around(text, error.line(), error.column()), QUOTED),
            why: one_line(&why, 2 * QUOTED),
            remedy: place.remedy(),
            kind: MalformedKind::Json,
        }
    }

    /// Refuses a text that is too long.
    pub(crate) fn bounded(place: Place, text: &str) -> Result<(), Self> {
        if text.len() <= MAX_TEXT {
            return Ok(());
        }
        Err(Self {
            place,
            text: one_line(text, QUOTED),
            why: format!("is {} bytes long, of which {MAX_TEXT} are read", text.len()),
            remedy: place.remedy(),
            kind: MalformedKind::TooLong,
        })
    }
}

/// The part of a text around a line and column as serde_json counts them: both from 1, columns in
/// bytes.
fn around(text: &str, line: usize, column: usize) -> &str {
    let lines_before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let stopped = (lines_before + column).min(text.len());
    let mut from = stopped.saturating_sub(BEFORE);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    &text[from..]
}

// === impl Place ===

impl Place {
    const fn remedy(self) -> &'static str {
        match self {
            Self::Networks => {
                "write a comma list of NAMESPACE/NAME@INTERFACE, or a JSON list of objects with name, \
                 namespace and interface"
            }
            Self::Status | Self::OldStatus => {
                "Multus writes it as a JSON list of objects with name, interface and ips: let it report \
                 anew by recreating the pod"
            }
            Self::Config => {
                "write a CNI config, {\"cniVersion\", \"type\", \"ipam\"}, or a CNI config list with \
                 \"plugins\", as a JSON string"
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Networks => write!(f, "annotation {NETWORKS}"),
            Self::Status => write!(f, "annotation {NETWORK_STATUS}"),
            Self::OldStatus => write!(f, "annotation {OLD_NETWORK_STATUS}"),
            Self::Config => f.write_str("spec.config"),
        }
    }
}
