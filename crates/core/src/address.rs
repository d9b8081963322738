//! A multiaddr as a node prints it, with the few facts that the product reads from it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use multiaddr::{Multiaddr, Protocol};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::PeerId;

/// A multiaddr. Two are equal when their texts are: `swarm/disconnect` wants the exact text back.
///
/// A node may print a protocol that this build does not know. Such an address keeps its text and
/// has no facts; [`Address::parse`] refuses it, [`Address::lenient`] does not.
#[derive(Clone)]
pub struct Address {
    text: Arc<str>,
    ip: Option<IpAddr>,
    port: Option<u16>,
    relayed: bool,
    /// Behind a pointer: few addresses end in one, and lists of addresses are long.
    peer: Option<Arc<PeerId>>,
}

/// Text that is no multiaddr.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a multiaddr: {why}")]
pub struct AddressError {
    /// The text, shortened to 200 characters.
    pub text: String,
    /// What the parser says of it.
    pub why: String,
}

impl Address {
    /// Longest text that is read: far above a circuit through a DNS name, far below harm.
    const MAX_TEXT: usize = 1024;

    /// Reads a multiaddr.
    ///
    /// # Errors
    /// When the text is longer than 1,024 characters or is not a multiaddr.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let refused = |why: String| AddressError {
            text: text.chars().take(200).collect(),
            why,
        };
        if text.len() > Self::MAX_TEXT {
            return Err(refused(format!(
                "longer than {} characters",
                Self::MAX_TEXT
            )));
        }
        let parsed = Multiaddr::from_str(text).map_err(|e| refused(e.to_string()))?;
        let mut address = Self {
            text: text.into(),
            ip: None,
            port: None,
            relayed: false,
            peer: None,
        };
        for protocol in &parsed {
            address.note(&protocol);
        }
        Ok(address)
    }

    /// Reads a multiaddr; what cannot be read keeps its text (at most 1,024 characters of it).
    #[must_use]
    pub fn lenient(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self {
            text: text.chars().take(Self::MAX_TEXT).collect::<String>().into(),
            ip: None,
            port: None,
            relayed: text.contains("/p2p-circuit"),
            peer: None,
        })
    }

    /// `/ip4|ip6/<ip>/tcp/<port>`: what the product gives to nodes.
    #[must_use]
    pub fn tcp(ip: IpAddr, port: u16) -> Self {
        let family = if ip.is_ipv4() { "ip4" } else { "ip6" };
        Self {
            text: format!("/{family}/{ip}/tcp/{port}").into(),
            ip: Some(ip),
            port: Some(port),
            relayed: false,
            peer: None,
        }
    }

    /// The same address with `/p2p/<peer>` behind it, as `swarm/connect` and `peering/add` want it.
    #[must_use]
    pub fn with_peer(&self, peer: PeerId) -> Self {
        Self {
            text: format!("{}/p2p/{peer}", self.text).into(),
            peer: Some(Arc::new(peer)),
            ..self.clone()
        }
    }

    /// The same address without the `/p2p/<peer>` behind it, as `peering/ls` prints it.
    #[must_use]
    pub fn without_peer(&self) -> Self {
        match (&self.peer, self.text.rfind("/p2p/")) {
            (Some(_), Some(at)) => Self {
                text: self.text[..at].into(),
                peer: None,
                ..self.clone()
            },
            _ => self.clone(),
        }
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first IP: the host that is dialled. `None` for DNS names and circuits without one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// The first TCP or UDP port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether it leads through a relay (`/p2p-circuit`).
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        self.relayed
    }

    /// The last `/p2p/` component: the node at the far end.
    #[must_use]
    pub fn peer(&self) -> Option<PeerId> {
        self.peer.as_deref().copied()
    }

    fn note(&mut self, protocol: &Protocol<'_>) {
        match protocol {
            Protocol::Ip4(ip) => self.ip = self.ip.or(Some(IpAddr::V4(*ip))),
            Protocol::Ip6(ip) => self.ip = self.ip.or(Some(IpAddr::V6(*ip))),
            Protocol::Tcp(port) | Protocol::Udp(port) => self.port = self.port.or(Some(*port)),
            Protocol::P2pCircuit => {
                self.relayed = true;
                self.peer = None;
            }
            Protocol::P2p(peer) => self.peer = Some(Arc::new(PeerId::from(*peer))),
            _ => {}
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Address {}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::lenient(&text))
    }
}
