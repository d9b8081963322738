//! One network as Multus reports it.

use std::net::IpAddr;

use ipnet::IpNet;
use kubomesh_core::Attachment;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::object::Object;
use crate::{Malformed, Place};

/// One network as Multus reports it. What is not read (MAC, MTU, DNS, device) is kept word for word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusEntry {
    name: Box<str>,
    interface: Option<Box<str>>,
    /// Each with or without a prefix length.
    ips: Box<[Box<str>]>,
    default: bool,
    others: Object,
}

// === impl StatusEntry ===

impl StatusEntry {
    /// An attached network with its addresses, as Multus writes it.
    #[must_use]
    pub fn new(name: &str, interface: &str, ips: &[IpAddr]) -> Self {
        Self {
            name: name.into(),
            interface: Some(interface.into()),
            ips: ips.iter().map(|ip| ip.to_string().into()).collect(),
            ..Self::default()
        }
    }

    /// The same as the pod's default network.
    #[must_use]
    pub fn as_default(self) -> Self {
        Self {
            default: true,
            ..self
        }
    }

    pub(super) fn parse(place: Place, text: &str) -> Result<Self, Malformed> {
        let mut object = Object::parse(place, text)?;
        let interface: Box<str> = object.take("interface", place, text)?;
        Ok(Self {
            name: object.take("name", place, text)?,
            interface: Some(interface).filter(|interface| !interface.is_empty()),
            ips: object.take("ips", place, text)?,
            default: object.take("default", place, text)?,
            others: object,
        })
    }

    pub(super) fn brief(self) -> Self {
        Self {
            others: Object::default(),
            ..self
        }
    }

    /// `namespace/name` of a NetworkAttachmentDefinition, a bare name, or nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its interface in the pod; `None` where it is not told.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Whether it is the pod's default network.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.default
    }

    /// The network that it names, in a pod of `pod_namespace`; `None` if its name is none.
    pub(super) fn network(&self, pod_namespace: &str) -> Option<Attachment> {
        if self.name.contains('/') {
            self.name.parse().ok()
        } else {
            format!("{pod_namespace}/{}", self.name).parse().ok()
        }
    }

    pub(super) fn has_full_name(&self, attachment: &Attachment) -> bool {
        let parts = self.name.split_once('/');
        parts == Some((&*attachment.namespace, &*attachment.name))
    }

    /// Its addresses in the order told, without their prefix lengths; an IPv4 address that is written
    /// as an IPv6 one is one of IPv4. Those that no other pod can dial are left out where there are
    /// better ones.
    pub(super) fn addresses(&self, place: Place) -> Result<Vec<IpAddr>, Malformed> {
        let mut usable = Vec::new();
        for text in &self.ips {
            let ip = address(text);
            let ip = ip.ok_or_else(|| Malformed::value(place, text, "is not an IP address"))?;
            usable.extend(is_usable(ip).then_some(ip));
        }
        match self.ips.first() {
            Some(text) if usable.is_empty() => {
                let why = "is an address that no other pod can dial";
                Err(Malformed::value(place, text, why))
            }
            _ => Ok(usable),
        }
    }
}

impl Serialize for StatusEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        if let Some(interface) = &self.interface {
            map.serialize_entry("interface", interface)?;
        }
        if !self.ips.is_empty() {
            map.serialize_entry("ips", &self.ips)?;
        }
        if self.default {
            map.serialize_entry("default", &true)?;
        }
        self.others.write(&mut map)?;
        map.end()
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = match text.parse::<IpAddr>() {
        Ok(ip) => ip,
        Err(_) => text.parse::<IpNet>().ok()?.addr(),
    };
    Some(ip.to_canonical())
}

/// Whether other pods can reach it: IPv6 link-local addresses need a zone, which no multiaddr of ours
/// has.
fn is_usable(ip: IpAddr) -> bool {
    let link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local)
}
