//! What a node says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result};
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Node;
use crate::http::{Answer, post_on, request};
use crate::network::connect_in;

/// `Direction` of a connection that the node dialled.
pub(crate) const OUTBOUND: u8 = 2;

/// One connection of `swarm/peers`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Connection {
    /// The far end's address as the node sees it.
    #[serde(rename = "Addr")]
    pub(crate) address: String,
    /// The far end.
    #[serde(rename = "Peer")]
    pub(crate) peer: String,
    /// 1 inbound, 2 outbound.
    #[serde(rename = "Direction", default)]
    pub(crate) direction: u8,
}

#[derive(Deserialize)]
struct Peers {
    #[serde(rename = "Peers")]
    peers: Option<Vec<Connection>>,
}

#[derive(Deserialize)]
struct Peering {
    #[serde(rename = "Peers")]
    peers: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Addrs")]
    addresses: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Strings {
    #[serde(rename = "Strings")]
    strings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Known {
    #[serde(rename = "Addrs")]
    addresses: BTreeMap<String, Option<BTreeSet<String>>>,
}

// === impl Node ===

impl Node {
    /// `swarm/peers?direction=true`.
    pub(crate) async fn connections(&self) -> Result<Vec<Connection>> {
        let answer: Peers = self.ask_json("swarm/peers?direction=true").await?;
        Ok(answer.peers.unwrap_or_default())
    }

    /// The peers that it has a connection to.
    pub(crate) async fn connected(&self) -> Result<BTreeSet<String>> {
        let connections = self.connections().await?;
        Ok(connections.into_iter().map(|c| c.peer).collect())
    }

    /// `swarm/peering/ls`: addresses by peer.
    pub(crate) async fn peering(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let answer: Peering = self.ask_json("swarm/peering/ls").await?;
        let entries = answer.peers.unwrap_or_default().into_iter();
        Ok(entries
            .map(|e| (e.id, e.addresses.unwrap_or_default()))
            .collect())
    }

    /// `swarm/filters`.
    pub(crate) async fn filters(&self) -> Result<BTreeSet<String>> {
        let answer: Strings = self.ask_json("swarm/filters").await?;
        Ok(answer.strings.unwrap_or_default().into_iter().collect())
    }

    /// `Swarm.AddrFilters` of its config file: what it filters from its next start on.
    pub(crate) fn saved_filters(&self) -> Result<BTreeSet<String>> {
        let file = self.repo().join("config");
        let text = fs::read(&file).with_context(|| file.display().to_string())?;
        let config: Value = serde_json::from_slice(&text)?;
        let saved: Option<BTreeSet<String>> =
            serde_json::from_value(config["Swarm"]["AddrFilters"].clone())?;
        Ok(saved.unwrap_or_default())
    }

    /// `swarm/addrs`: the addresses that it knows of a peer.
    pub(crate) async fn knows(&self, peer: &str) -> Result<BTreeSet<String>> {
        let answer: Known = self.ask_json("swarm/addrs").await?;
        let known = answer.addresses.get(peer).cloned().flatten();
        Ok(known.unwrap_or_default())
    }

    /// A call, as the node's owner might make it: path below `/api/v0/` with its query.
    pub(crate) async fn ask(&self, call: &str) -> Result<Answer> {
        let (at, from) = (self.api(), IpAddr::V4(self.lab));
        let path = format!("/api/v0/{call}");
        let token = self.settings.token.as_deref();
        let answer = match self.netns() {
            Some(netns) if self.settings.private => {
                let stream = connect_in(netns, SocketAddr::new(from, 0), at)?;
                post_on(stream, &path, token).await
            }
            _ => request(Method::POST, at, Some(from), &path, token).await,
        };
        answer.with_context(|| format!("node {}", self.name))
    }

    /// A call and its answer.
    pub(crate) async fn ask_json<T: DeserializeOwned>(&self, call: &str) -> Result<T> {
        let answer = self.ask(call).await?.json();
        answer.with_context(|| format!("node {}: {call}", self.name))
    }
}
