//! The annotation that asks for networks.

mod form;
mod merge;
mod selection;

use std::fmt;

use kubomesh_core::{Attachment, InterfaceName};

use crate::{Malformed, Place};

pub use merge::Merge;
pub use selection::Selection;

/// The networks that a pod asks for, in order: Multus names the interface of the nth one `net<n>`
/// unless it is named. Printed in the form that it was read in: a comma list stays one unless an item
/// says what a comma list cannot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    form: Form,
    items: Box<[Selection]>,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    /// `namespace/name@interface, …`.
    #[default]
    Commas,
    /// A list of objects.
    Json,
}

/// Whether a pod asks for a network at an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// It does not ask for the network.
    No,
    /// It does.
    Yes,
    /// It asks for the network at another interface: its name; `None` where Multus chooses it.
    OtherInterface(Option<String>),
}

// === impl Networks ===

impl Networks {
    /// Reads the annotation's value. Text without a word asks for nothing. Which form it is, is
    /// decided as Multus does: any of `[`, `{` and `"` makes it JSON.
    ///
    /// # Errors
    /// When it is too long, malformed, or an item names no network.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Malformed::bounded(Place::Networks, text)?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        if text.contains(['[', '{', '"']) {
            return Ok(Self {
                form: Form::Json,
                items: form::json(text)?.into(),
            });
        }
        Ok(Self {
            form: Form::Commas,
            items: form::commas(text)?.into(),
        })
    }

    /// The same without what is not read: for keeping, not for printing.
    #[must_use]
    pub fn brief(self) -> Self {
        Self {
            items: self.items.into_iter().map(Selection::brief).collect(),
            ..self
        }
    }

    /// What it asks for, in order.
    #[must_use]
    pub fn items(&self) -> &[Selection] {
        &self.items
    }

    /// Whether a pod in `pod_namespace` asks for a network at an interface. One request at the right
    /// interface is enough, whatever else there is.
    #[must_use]
    pub fn requests(
        &self,
        attachment: &Attachment,
        interface: &InterfaceName,
        pod_namespace: &str,
    ) -> Requested {
        let mut other = None;
        for (at, item) in self.items.iter().enumerate() {
            if !item.is_of(attachment, pod_namespace) {
                continue;
            }
            if item.interface_at(at) == interface.as_str() {
                return Requested::Yes;
            }
            // One that leaves the interface open says more than one that names another.
            if other.is_none() || item.interface().is_none() {
                let found = item.interface().map(Into::into);
                other = Some(Requested::OtherInterface(found));
            }
        }
        other.unwrap_or(Requested::No)
    }
}

/// The annotation's value. Nothing asked for is the empty text, or the empty JSON list.
impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.form == Form::Commas && self.items.iter().all(Selection::fits_commas);
        if plain {
            form::print_commas(&self.items, f)
        } else {
            form::print_json(&self.items, f)
        }
    }
}
