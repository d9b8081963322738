//! Why a record was not stored.

use std::io::ErrorKind;
use std::path::PathBuf;

use kubomesh_api::RecordError;

/// A record that was not stored; nothing that it covers may be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// This process may not write now.
    #[error("records are not stored: this process may not write now")]
    Fenced,
    /// Somebody else changed it meanwhile; it was read again.
    #[error(
        "record {0} is not stored: it was changed meanwhile; the next pass starts from what it is now"
    )]
    Conflict(String),
    /// What stands there cannot be read, and is not overwritten.
    #[error(transparent)]
    Unreadable(RecordError),
    /// The API server refuses it.
    #[error("record {record} is not stored: {why}")]
    Refused {
        /// Name of the record.
        record: String,
        /// A sentence that names verb and resource.
        why: String,
    },
    /// The store did not answer, or failed.
    #[error("record {record} is not stored: {why}")]
    Failed {
        /// Name of the record.
        record: String,
        /// What is known of it.
        why: String,
    },
}

/// The class of a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// This process may not write now.
    Fenced,
    /// Somebody else changed it meanwhile.
    Conflict,
    /// What stands there cannot be read.
    Unreadable,
    /// Not allowed, or no such resource.
    Refused,
    /// No answer, or an error of the store.
    Failed,
}

/// A state directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Another process has it.
    #[error(
        "--state-dir={}: another process uses it; stop that one or give this one a directory of \
         its own", .path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("--state-dir={}: {source}; {}", .path.display(), remedy(.source.kind()))]
    Io {
        /// The directory or a file in it.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What has the name of its lock is no file.
    #[error("{} cannot be locked: {why}; remove it", .path.display())]
    NoLock {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: String,
    },
}

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "name another",
        ErrorKind::NotFound => "make what it should be in, or name another",
        ErrorKind::ReadOnlyFilesystem => {
            "name a directory on a file system that can be written, or mount this one so"
        }
        _ => "see that this process may read and write there and that there is room",
    }
}

// === impl StoreError ===

impl StoreError {
    /// The class.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Fenced => StoreErrorKind::Fenced,
            Self::Conflict(_) => StoreErrorKind::Conflict,
            Self::Unreadable(_) => StoreErrorKind::Unreadable,
            Self::Refused { .. } => StoreErrorKind::Refused,
            Self::Failed { .. } => StoreErrorKind::Failed,
        }
    }
}
