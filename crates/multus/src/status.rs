//! The annotation in which Multus reports what it attached.

mod entry;

use std::fmt;
use std::net::IpAddr;

use kubomesh_core::{Attachment, FormerNetwork, InterfaceName, StorageGap};
use serde_json::value::RawValue;

use crate::{Malformed, Place};

pub use entry::StatusEntry;

/// What Multus reports of a pod's networks, in its order. The default network's entry may stand
/// anywhere, several may have one name, and older versions leave things out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkStatus {
    place: Place,
    entries: Box<[StatusEntry]>,
}

// === impl NetworkStatus ===

impl NetworkStatus {
    /// Reads what a pod's annotations say: the value of [`NETWORK_STATUS`](crate::NETWORK_STATUS), or
    /// where that is absent or blank the one of the old key. `None` where neither says anything:
    /// Multus has not reported yet.
    ///
    /// # Errors
    /// When the one that counts is too long or malformed.
    pub fn of(new: Option<&str>, old: Option<&str>) -> Result<Option<Self>, Malformed> {
        let said = |text: &&str| !text.trim().is_empty();
        match (new.filter(said), old.filter(said)) {
            (Some(text), _) => Self::parse(Place::Status, text).map(Some),
            (None, Some(text)) => Self::parse(Place::OldStatus, text).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Reads the value of one of the two keys. `null` is the empty list, as for Go.
    ///
    /// # Errors
    /// When it is too long, no JSON list of objects, or a field that is read has another type.
    /// Addresses are read later, by those who need them: one odd entry does not hide the others.
    pub fn parse(place: Place, text: &str) -> Result<Self, Malformed> {
        Malformed::bounded(place, text)?;
        let items: Option<Vec<&RawValue>> =
            serde_json::from_str(text).map_err(|e| Malformed::json(place, text, &e))?;
        let items = items.unwrap_or_default().into_iter();
        let entries = items.map(|item| StatusEntry::parse(place, item.get()));
        Ok(Self {
            place,
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// A report of these entries under today's key.
    #[must_use]
    pub fn new(entries: Vec<StatusEntry>) -> Self {
        Self {
            place: Place::Status,
            entries: entries.into(),
        }
    }

    /// The same without what is not read, and without a default network that is none of
    /// NetworkAttachmentDefinitions: for keeping, not for printing.
    #[must_use]
    pub fn brief(self) -> Self {
        let attached = |entry: &StatusEntry| !entry.is_default() || entry.name().contains('/');
        let entries = self.entries.into_iter().filter(attached);
        Self {
            entries: entries.map(StatusEntry::brief).collect(),
            ..self
        }
    }

    /// What it reports, in order.
    #[must_use]
    pub fn entries(&self) -> &[StatusEntry] {
        &self.entries
    }

    /// The addresses of a pod in `pod_namespace` on a network at an interface: IPv4 first, then by
    /// number, each once. Entries of the same network and interface count together.
    ///
    /// A bare name is the network's when the pod is in the network's namespace and no entry has the
    /// network's full name. An entry without an interface counts when no entry of the network names
    /// one and nothing else is at the wanted interface.
    ///
    /// # Errors
    /// `NotAttached`, `WrongInterface`, `NoIp`, or `Unparsable` with the address that is none.
    pub fn find(
        &self,
        attachment: &Attachment,
        interface: &InterfaceName,
        pod_namespace: &str,
    ) -> Result<Vec<IpAddr>, StorageGap> {
        let of_network = self.of_network(attachment, pod_namespace);
        if of_network.is_empty() {
            return Err(StorageGap::NotAttached);
        }
        let at = |entry: &&StatusEntry| entry.interface() == Some(interface.as_str());
        let mut found: Vec<_> = of_network.iter().copied().filter(at).collect();
        if found.is_empty() {
            let named = of_network.iter().find_map(|entry| entry.interface());
            let unnamed = named.is_none() && !self.entries.iter().any(|entry| at(&entry));
            if !unnamed {
                let found = named.unwrap_or("an interface without a name").into();
                return Err(StorageGap::WrongInterface { found });
            }
            found = of_network;
        }
        self.ips(&found)
    }

    /// A network that the pod has at the interface and that is not the wanted one, if any is wanted:
    /// what its mesh used before. `None` if there is none, it has no full name or its addresses cannot
    /// be read.
    #[must_use]
    pub fn former(
        &self,
        wanted: Option<&Attachment>,
        interface: &InterfaceName,
        pod_namespace: &str,
    ) -> Option<FormerNetwork> {
        let at = |entry: &&StatusEntry| {
            !entry.is_default() && entry.interface() == Some(interface.as_str())
        };
        let network = |entry: &StatusEntry| entry.network(pod_namespace);
        let other = self
            .entries
            .iter()
            .filter(at)
            .find_map(|entry| network(entry).filter(|network| Some(network) != wanted))?;
        let of_other: Vec<_> = self
            .entries
            .iter()
            .filter(at)
            .filter(|entry| network(entry).as_ref() == Some(&other))
            .collect();
        let ips = self.ips(&of_other).ok()?;
        Some(FormerNetwork {
            attachment: other,
            ips,
        })
    }

    fn of_network(&self, attachment: &Attachment, pod_namespace: &str) -> Vec<&StatusEntry> {
        let full: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.has_full_name(attachment))
            .collect();
        if !full.is_empty() || pod_namespace != &*attachment.namespace {
            return full;
        }
        // The cluster's default network reports the name of its CNI config, which is bare and may
        // happen to be the same.
        let bare = |entry: &&StatusEntry| !entry.is_default() && entry.name() == &*attachment.name;
        self.entries.iter().filter(bare).collect()
    }

    fn ips(&self, entries: &[&StatusEntry]) -> Result<Vec<IpAddr>, StorageGap> {
        let mut ips = Vec::new();
        for entry in entries {
            let read = entry.addresses(self.place);
            ips.extend(read.map_err(|error| StorageGap::Unparsable {
                why: error.to_string().into(),
            })?);
        }
        ips.sort_unstable();
        ips.dedup();
        if ips.is_empty() {
            return Err(StorageGap::NoIp);
        }
        Ok(ips)
    }
}

/// The annotation's value as a JSON list.
impl fmt::Display for NetworkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.entries).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}
