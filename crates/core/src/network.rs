//! The storage network: how it is named, what the policy says of it, and what a member has of it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A NetworkAttachmentDefinition, `namespace/name`: both are DNS labels (RFC 1123).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attachment {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// Text that names no NetworkAttachmentDefinition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}; write it as NAMESPACE/NAME of a NetworkAttachmentDefinition")]
pub struct AttachmentError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Name of a network interface in a pod: 1 to 15 characters without `/` and white space, neither `.`
/// nor `..` (Linux `IFNAMSIZ`, Multus' own check).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName(Arc<str>);

/// Text that names no interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` {why}; an interface's name has 1 to 15 characters, none of them / or white space"
)]
pub struct InterfaceNameError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// `spec.network.family`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Family {
    /// The family that most members have on the network; IPv4 when as many have either.
    #[default]
    Auto,
    /// IPv4 only.
    IPv4,
    /// IPv6 only.
    IPv6,
}

/// `spec.network.fallback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Fallback {
    /// No link.
    #[default]
    Never,
    /// A link over the pod network.
    PodNetwork,
}

/// `spec.network.steering`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Steering {
    /// Dial filters for the moment of dialling.
    #[default]
    Steer,
    /// Dial filters that stay.
    Strict,
    /// None: a link on the wrong network is reported.
    Off,
}

/// `spec.network.rollout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Rollout {
    /// Only while no pair is linked.
    #[default]
    WhenIdle,
    /// Member by member.
    Rolling,
}

/// `spec.network`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// The storage network; `None`: links use the pod network.
    pub attachment: Option<Attachment>,
    /// Name of its interface in the pods. Default `lhnet1`.
    pub interface: InterfaceName,
    /// Which family of its addresses the links use.
    pub family: Family,
    /// What a pair does when an end has no address on it.
    pub fallback: Fallback,
    /// How connections are kept off other networks.
    pub steering: Steering,
    /// When a change of `attachment` is accepted.
    pub rollout: Rollout,
    /// The pod networks, for `steering: Strict`.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Vec<IpNet>,
    /// Whether the nodes' resource managers admit more than 16 connections from an IPv6 /56.
    #[serde(rename = "ipv6Allowlisted")]
    pub ipv6_allowlisted: bool,
    /// Steer also on Kubo 0.37 to 0.42, which can hang a fetch after a quick reconnect.
    pub steering_on_affected_versions: bool,
}

/// Why a pod has no usable address on the wanted storage network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum StorageGap {
    /// The pod does not ask for the network: it was created before the network was set, or while the
    /// webhook was away.
    NotRequested,
    /// The pod opted out with `kubomesh.dev/network: "off"`.
    OptedOut,
    /// The pod asks for it and Multus has not reported what became of that.
    NotReported,
    /// Multus reported and the network is not among what it attached.
    NotAttached,
    /// The annotation cannot be read; the sentence names the text.
    Unparsable {
        /// Which annotation, the offending text, and what is wrong.
        why: Arc<str>,
    },
    /// It is attached at other interfaces than the wanted one.
    WrongInterface {
        /// Where it is attached.
        found: Arc<str>,
    },
    /// It is attached and was given no address.
    NoIp,
    /// Its addresses are of the other family than the links use.
    WrongFamily {
        /// One it has.
        found: IpAddr,
    },
    /// The pod uses its host's network, to which Multus attaches nothing.
    HostNetwork,
    /// Another member reports the same address on it.
    Shared {
        /// The other one.
        with: Arc<str>,
    },
}

/// A network that a pod is attached to at the mesh's interface and that is not the wanted one: what
/// the mesh used when the pod was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerNetwork {
    /// Which network.
    pub attachment: Attachment,
    /// The pod's addresses on it, IPv4 first, then by number.
    pub ips: Vec<IpAddr>,
}

/// What a member has of the storage network beside its addresses there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StorageState {
    /// Why it has no usable address; `None` if it has one, or no storage network is wanted.
    pub gap: Option<StorageGap>,
    /// The other network at the mesh's interface.
    pub former: Option<FormerNetwork>,
    /// The attachment's ranges, where the member's address is in none of them.
    pub outside: Vec<IpNet>,
}

/// Why a link uses another network than the wanted one on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OffNetwork {
    /// An end has no address on the wanted one, and `spec.network.fallback` is `PodNetwork`.
    Fallback,
    /// An end is still to be recreated, and `spec.network.rollout` is `Rolling`.
    Transitional,
}

/// What is known of the wanted NetworkAttachmentDefinition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttachmentState {
    /// Why it cannot be used: Multus is not installed, it does not exist, its `spec.config` is none.
    pub problem: Option<Arc<str>>,
    /// How it differs from what was applied to the members, if it was edited since.
    pub drift: Option<Arc<str>>,
    /// What was applied, to be kept in the mesh's status: an edit shows only against it.
    #[serde(default)]
    pub applied: Option<AppliedNetwork>,
}

/// The config of the attachment that the members were created with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedNetwork {
    /// Which attachment.
    pub attachment: Attachment,
    /// Its `spec.config` then, as compact JSON; empty where that was empty.
    pub config: Arc<str>,
}

// === impl Attachment ===

impl Attachment {
    /// Whether a text is a DNS label (RFC 1123): 1 to 63 of a–z, 0–9 and `-`, not at an end.
    #[must_use]
    pub fn is_label(text: &str) -> bool {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        (1..=63).contains(&text.len())
            && text.bytes().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-')
    }
}

impl FromStr for Attachment {
    type Err = AttachmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |why| AttachmentError {
            text: text.chars().take(200).collect(),
            why,
        };
        let Some((namespace, name)) = text.split_once('/') else {
            return Err(refused("has no /"));
        };
        if name.contains('/') {
            return Err(refused("has more than one /"));
        }
        if !Self::is_label(namespace) {
            return Err(refused("does not begin with a namespace's name"));
        }
        if !Self::is_label(name) {
            return Err(refused("does not end in a name of a-z, 0-9 and -"));
        }
        Ok(Self {
            namespace: namespace.into(),
            name: name.into(),
        })
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === impl InterfaceName ===

impl InterfaceName {
    /// Default of `spec.network.interface`.
    pub const DEFAULT: &'static str = "lhnet1";

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for InterfaceName {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl FromStr for InterfaceName {
    type Err = InterfaceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |why| InterfaceNameError {
            text: text.chars().take(200).collect(),
            why,
        };
        let odd = |c: char| c == '/' || c.is_whitespace() || c.is_control();
        if text.is_empty() {
            Err(refused("is empty"))
        } else if text.len() > 15 {
            Err(refused("is longer than 15 bytes"))
        } else if text.contains(odd) {
            Err(refused("holds / or white space"))
        } else if text == "." || text == ".." {
            Err(refused("is no name"))
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for InterfaceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for InterfaceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === impl StorageGap ===

impl fmt::Display for StorageGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRequested => f.write_str(
                "the pod was created without it; recreate the pod with the webhook running",
            ),
            Self::OptedOut => f.write_str("the pod opted out with kubomesh.dev/network: \"off\""),
            Self::NotReported => f.write_str("Multus has not reported its address yet"),
            Self::NotAttached => f.write_str(
                "the pod asks for it and Multus did not attach it; see the pod's events",
            ),
            Self::Unparsable { why } => f.write_str(why),
            Self::WrongInterface { found } => {
                write!(
                    f,
                    "it is attached as {found}, not as spec.network.interface"
                )
            }
            Self::HostNetwork => f.write_str(
                "the pod uses its host's network, to which Multus attaches nothing; set hostNetwork to \
                 false and recreate the pod",
            ),
            Self::NoIp => f.write_str("it is attached without an address; give it an IPAM"),
            Self::WrongFamily { found } => write!(
                f,
                "its address {found} is of the other family than the links use; see \
                 spec.network.family"
            ),
            Self::Shared { with } => write!(
                f,
                "{with} has the same address on it; host-local IPAM gives each node the same range"
            ),
        }
    }
}

// === impl OffNetwork ===

impl OffNetwork {
    /// Both: metric series are created from it.
    pub const ALL: [Self; 2] = [Self::Fallback, Self::Transitional];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Transitional => "transitional",
        }
    }
}
