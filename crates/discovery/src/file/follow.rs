//! What a members file says over time: edits are taken or refused, and a line that vanished is
//! intent only once the file has been left alone for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::Timestamp;

use super::{FileError, FileMesh, MemberLine};

/// Follows one file's content. No clock, no I/O.
#[derive(Debug, Clone)]
pub struct MembersFile {
    settle: Duration,
    /// The last text that was looked at, whether taken or refused.
    text: String,
    refused: Option<FileError>,
    changed: Timestamp,
    good: FileMesh,
    /// Lines that an edit left out, kept until the file is settled.
    vanished: BTreeMap<Arc<str>, MemberLine>,
    revision: u64,
}

// === impl MembersFile ===

impl MembersFile {
    /// The first content.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(text: String, settle: Duration, now: Timestamp) -> Result<Self, FileError> {
        let good = FileMesh::parse(&text)?;
        Ok(Self {
            settle,
            text,
            refused: None,
            changed: now,
            good,
            vanished: BTreeMap::new(),
            revision: 0,
        })
    }

    /// Looks at the file's content; what became of it if it differs from the last.
    pub fn look(
        &mut self,
        text: Result<String, FileError>,
        now: Timestamp,
    ) -> Option<Result<(), FileError>> {
        let outcome = match text {
            Ok(text) if text == self.text && self.refused.is_none() => {
                self.settle(now);
                return None;
            }
            // The same refused text again is no news, and may take long to be refused.
            Ok(text) if text == self.text && !self.is_unreadable() => return None,
            Ok(text) => {
                let parsed = FileMesh::parse(&text);
                self.text = text;
                parsed
            }
            Err(error) if self.refused.as_ref() == Some(&error) => return None,
            Err(error) => Err(error),
        };
        self.changed = now;
        self.revision += 1;
        match outcome {
            Ok(next) => {
                self.refused = None;
                self.replace(next);
                Some(Ok(()))
            }
            Err(error) => {
                self.refused = Some(error.clone());
                Some(Err(error))
            }
        }
    }

    /// What the file says, as far as it is used.
    #[must_use]
    pub fn good(&self) -> &FileMesh {
        &self.good
    }

    /// Why the present content is not used.
    #[must_use]
    pub fn refused(&self) -> Option<&FileError> {
        self.refused.as_ref()
    }

    /// Every line that counts now: the good content's, and those that vanished and are not settled.
    pub fn lines(&self) -> impl Iterator<Item = &MemberLine> {
        let vanished = self.vanished.values();
        self.good.members.values().chain(vanished)
    }

    /// A number that is another one whenever anything of what this says is another.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the last look found no text.
    const fn is_unreadable(&self) -> bool {
        matches!(self.refused, Some(FileError::Unreadable { .. }))
    }

    fn replace(&mut self, next: FileMesh) {
        for (name, line) in std::mem::replace(&mut self.good, next).members {
            self.vanished.insert(name, line);
        }
        self.vanished
            .retain(|name, _| !self.good.members.contains_key(name));
    }

    fn settle(&mut self, now: Timestamp) {
        if now.since(self.changed) >= self.settle && !self.vanished.is_empty() {
            self.vanished.clear();
            self.revision += 1;
        }
    }
}
