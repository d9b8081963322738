//! Ids: who a node is, which member it serves, which mesh it belongs to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Source;

/// A libp2p peer ID: the hash of a node's public key. Printed in base58 as Kubo prints it
/// (`12D3KooW…`, `Qm…`); ordered by its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(libp2p_identity::PeerId);

/// Text that is no peer ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a peer ID: {why}")]
pub struct PeerIdError {
    /// The text, shortened to 80 characters.
    pub text: String,
    /// What the parser says of it.
    pub why: String,
}

/// A member's name: unique within its mesh and role. A pod's name, or the name of a line in the
/// members file; with the suffix of its [`Role`](crate::Role) it is its record's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberName(Arc<str>);

/// One life of a member: a pod's UID, or `name@rpc` of a line in the members file. Connections,
/// identities and verdicts are kept per life, never per IP.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberUid(Arc<str>);

/// A mesh: one policy and the members that it selects.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeshId {
    /// Kubernetes namespace; empty for a members file.
    pub namespace: Arc<str>,
    /// Name of the `SwarmMesh`; `file` for a members file.
    pub name: Arc<str>,
    /// UID of the object, which also salts the topology's hashes; for a members file a constant.
    pub uid: Arc<str>,
}

/// A pair of members, the smaller name first: what the policy wants linked, or no longer wants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The smaller name.
    pub a: MemberName,
    /// The larger name.
    pub b: MemberName,
}

// === impl PeerId ===

impl PeerId {
    /// The multihash's bytes, as hashed by the topology.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// A peer ID of a multihash's bytes; `None` for other bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        libp2p_identity::PeerId::from_bytes(bytes).ok().map(Self)
    }
}

impl From<libp2p_identity::PeerId> for PeerId {
    fn from(id: libp2p_identity::PeerId) -> Self {
        Self(id)
    }
}

impl FromStr for PeerId {
    type Err = PeerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |why: String| PeerIdError {
            text: text.chars().take(80).collect(),
            why,
        };
        // A peer ID has at most 64 characters of base58; longer text is refused before decoding.
        if text.len() > 128 {
            return Err(refused("longer than 128 characters".into()));
        }
        libp2p_identity::PeerId::from_str(text)
            .map(Self)
            .map_err(|e| refused(e.to_string()))
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for PeerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === impl MemberName, MemberUid ===

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(MemberName);
text_id!(MemberUid);

// === impl MeshId ===

impl MeshId {
    /// Name of the one mesh of a members file.
    pub const FILE: &'static str = "file";

    /// The mesh of a members file. Its salt is a constant, so that every process that reads the
    /// same file wants the same links.
    #[must_use]
    pub fn file() -> Self {
        Self {
            namespace: "".into(),
            name: Self::FILE.into(),
            uid: Self::FILE.into(),
        }
    }

    /// Where its members come from.
    #[must_use]
    pub fn source(&self) -> Source {
        if *self == Self::file() {
            Source::File
        } else {
            Source::Pod
        }
    }
}

impl fmt::Display for MeshId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

impl fmt::Debug for MeshId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Link ===

impl Link {
    /// The pair of two different members, in either order; `None` for a member and itself.
    #[must_use]
    pub fn new(one: &MemberName, other: &MemberName) -> Option<Self> {
        match one.cmp(other) {
            std::cmp::Ordering::Less => Some(Self {
                a: one.clone(),
                b: other.clone(),
            }),
            std::cmp::Ordering::Greater => Some(Self {
                a: other.clone(),
                b: one.clone(),
            }),
            std::cmp::Ordering::Equal => None,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} – {}", self.a, self.b)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
