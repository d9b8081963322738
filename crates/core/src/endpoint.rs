//! Where and how a node's management API is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain TCP: Kubo's RPC.
    Http,
    /// TLS in front of Kubo's RPC; verified against the member's CA file or the built-in roots.
    Https,
}

/// Scheme, host and port of an API. The host is an IP, or a name in a members file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// IP without brackets, or DNS name.
    pub host: Arc<str>,
    /// TCP port.
    pub port: u16,
}

/// Text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an RPC address: {why}; write it as http://HOST:PORT or https://HOST:PORT")]
pub struct EndpointError {
    /// The text as given, without a password.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The way to talk to a node: its Kubo RPC directly, or the agent beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Access {
    /// Kubo's own RPC.
    Direct {
        /// Where it listens.
        endpoint: Endpoint,
        /// Name of the secret or file with the `Authorization`, resolved at the moment of sending.
        auth: Option<Arc<str>>,
        /// Path of the PEM file with the CA of an `https` endpoint.
        ca_file: Option<Arc<str>>,
    },
    /// The agent beside Kubo.
    Agent {
        /// Where it listens: `https` exactly when `tls` names a secret.
        endpoint: Endpoint,
        /// Name of the secret with the controller's certificate, resolved when a channel is opened.
        tls: Option<Arc<str>>,
        /// Namespace that the agent's certificate must be for.
        namespace: Arc<str>,
        /// UID of the pod that the agent must be in; `None` where there are no pods.
        pod_uid: Option<Arc<str>>,
        /// The way round an agent that is not there or cannot be used; `None`: there is none
        /// (`spec.agents.mode: Required`).
        fallback: Option<Box<Self>>,
    },
}

/// By which way a node is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Path {
    /// Kubo's own RPC.
    Direct,
    /// The agent beside it.
    Agent,
}

/// The way that was taken to a node for which there is a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathTaken {
    /// Which.
    pub path: Path,
    /// Why not the other one; empty for the agent.
    pub why: String,
}

// === impl Endpoint ===

impl Endpoint {
    /// A plain HTTP endpoint at an IP.
    #[must_use]
    pub fn http(ip: IpAddr, port: u16) -> Self {
        Self {
            scheme: Scheme::Http,
            host: ip.to_string().into(),
            port,
        }
    }

    /// The host as an IP, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// `host:port`, an IPv6 host in brackets: what a resolver and a `Host` header want.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = without_userinfo(text);
        let refused = |why| EndpointError {
            text: shown.clone().unwrap_or_else(|| text.into()),
            why,
        };
        if shown.is_some() {
            return Err(refused(
                "it holds a user or password, which belong into the file that authFile names",
            ));
        }
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else {
            return Err(refused("it does not start with http:// or https://"));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest
            .rsplit_once(':')
            .ok_or_else(|| refused("it has no port"))?;
        let port = port
            .parse()
            .map_err(|_| refused("its port is not a number up to 65535"))?;
        if port == 0 {
            return Err(refused("its port is 0"));
        }
        let host = match host.strip_prefix('[') {
            Some(inner) => inner
                .strip_suffix(']')
                .ok_or_else(|| refused("its [ is not closed"))?,
            None if host.contains(':') => return Err(refused("an IPv6 address wants brackets")),
            None => host,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(refused("its host is not an IP or a DNS name"));
        }
        Ok(Self {
            scheme,
            host: host.into(),
            port,
        })
    }
}

/// The text with everything before its last `@` left out, if there is one.
fn without_userinfo(text: &str) -> Option<String> {
    let (before, rest) = text.rsplit_once('@')?;
    let scheme = before.find("://").map_or("", |at| &before[..at + 3]);
    Some(format!("{scheme}…@{rest}"))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === impl Access ===

impl Access {
    /// Where the API listens: Kubo's own, where there is a way to it.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Direct { endpoint, .. }
            | Self::Agent {
                endpoint,
                fallback: None,
                ..
            } => endpoint,
            Self::Agent {
                fallback: Some(direct),
                ..
            } => direct.endpoint(),
        }
    }
}
