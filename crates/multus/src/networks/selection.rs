//! One network that a pod asks for.

use kubomesh_core::{Attachment, InterfaceName};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::object::Object;
use crate::{Malformed, Place};

/// One network that a pod asks for. What else its JSON object says (addresses, MAC, fields of later
/// versions) is kept word for word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    namespace: Option<Box<str>>,
    name: Box<str>,
    interface: Option<Box<str>>,
    others: Object,
}

/// A name's most bytes, as for any object of Kubernetes (DNS subdomain).
const MAX_NAME: usize = 253;

// === impl Selection ===

impl Selection {
    /// A network at an interface.
    #[must_use]
    pub fn new(attachment: &Attachment, interface: &InterfaceName) -> Self {
        Self {
            namespace: Some((&*attachment.namespace).into()),
            name: (&*attachment.name).into(),
            interface: Some(interface.as_str().into()),
            others: Object::default(),
        }
    }

    /// From the parts of a comma list's item.
    pub(super) fn plain(namespace: Option<&str>, name: &str, interface: Option<&str>) -> Self {
        let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Into::into);
        Self {
            namespace: filled(namespace),
            name: name.into(),
            interface: filled(interface),
            others: Object::default(),
        }
    }

    /// From an item of a JSON list.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let place = Place::Networks;
        let mut object = Object::parse(place, text)?;
        let filled = |text: Box<str>| Some(text).filter(|text| !text.is_empty());
        let name = object.take("name", place, text)?;
        let namespace = filled(object.take("namespace", place, text)?);
        let interface = filled(object.take("interface", place, text)?);
        // What Multus read before 3.2, and still reads where `interface` is missing.
        let before = filled(object.take("interfaceRequest", place, text)?);
        let selection = Self {
            namespace,
            name,
            interface: interface.or(before),
            others: object,
        };
        selection.check(text)?;
        Ok(selection)
    }

    /// The network's namespace; `None`: the pod's.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The network's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The interface's name; `None`: Multus chooses it.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Whether it is this network, asked for by a pod in `pod_namespace`.
    pub(super) fn is_of(&self, attachment: &Attachment, pod_namespace: &str) -> bool {
        let namespace = self.namespace().unwrap_or(pod_namespace);
        namespace == &*attachment.namespace && *self.name == *attachment.name
    }

    /// The interface that it gets as the one at this place, counted from 0 (Multus' `getIfname`).
    pub(super) fn interface_at(&self, at: usize) -> String {
        match &self.interface {
            Some(interface) => interface.to_string(),
            None => format!("net{}", at + 1),
        }
    }

    pub(super) fn set_interface(&mut self, interface: &InterfaceName) {
        self.interface = Some(interface.as_str().into());
    }

    pub(super) fn brief(self) -> Self {
        Self {
            others: Object::default(),
            ..self
        }
    }

    /// Whether a comma list can say it.
    pub(super) fn fits_commas(&self) -> bool {
        let odd = |interface: &str| interface.contains(['@', ',', '[', '{', '"']);
        self.others.is_empty() && !self.interface().is_some_and(odd)
    }

    /// Refuses what Multus refuses.
    pub(super) fn check(&self, text: &str) -> Result<(), Malformed> {
        let refused = |why: String| Err(Malformed::value(Place::Networks, text, why));
        if self.name.is_empty() {
            return refused("names no network".into());
        }
        let parts = [("namespace", self.namespace()), ("name", Some(self.name()))];
        for (what, part) in parts {
            if let Some(part) = part.filter(|part| !is_name(part)) {
                let shown: String = part.chars().take(40).collect();
                return refused(format!(
                    "has the {what} {shown:?}, which is not of a-z, 0-9 and - with a letter or digit at \
                     both ends"
                ));
            }
        }
        match self.interface().map(str::parse::<InterfaceName>) {
            Some(Err(error)) => refused(format!("has an interface that {}", error.why)),
            _ => Ok(()),
        }
    }
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        if let Some(namespace) = &self.namespace {
            map.serialize_entry("namespace", namespace)?;
        }
        if let Some(interface) = &self.interface {
            map.serialize_entry("interface", interface)?;
        }
        self.others.write(&mut map)?;
        map.end()
    }
}

/// `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, Multus' own rule.
fn is_name(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
