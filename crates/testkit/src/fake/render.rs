//! Kubo's JSON, field by field in its order.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kubomesh_core::{Address, ConnLimits, Connection, Direction, PeerId, PeeringEntry};
use kubomesh_model::{Identity, NodeIndex, World, public_key};
use serde::Serialize;

use super::VERSION;
use super::reply::{Reply, encode};
use super::verbs::direction_number;

/// `Identify` of an entry of `swarm/peers` when it was not asked for (since Kubo 0.20).
pub(crate) const NO_IDENTIFY: &str =
    r#"{"ID":"","PublicKey":"","Addresses":null,"AgentVersion":"","Protocols":null}"#;

/// Protocols of a Kubo 0.44 (recording `id`).
const PROTOCOLS: [&str; 13] = [
    "/ipfs/bitswap",
    "/ipfs/bitswap/1.0.0",
    "/ipfs/bitswap/1.1.0",
    "/ipfs/bitswap/1.2.0",
    "/ipfs/id/1.0.0",
    "/ipfs/id/push/1.0.0",
    LAN_DHT,
    "/ipfs/ping/1.0.0",
    "/libp2p/autonat/1.0.0",
    "/libp2p/autonat/2/dial-back",
    "/libp2p/autonat/2/dial-request",
    "/libp2p/circuit/relay/0.2.0/stop",
    "/x/",
];

const LAN_DHT: &str = "/ipfs/lan/kad/1.0.0";

/// `version`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Version {
    version: &'static str,
    commit: &'static str,
    repo: &'static str,
    system: &'static str,
    golang: &'static str,
}

impl Default for Version {
    fn default() -> Self {
        Self {
            version: VERSION,
            commit: "",
            repo: "18",
            system: "amd64/linux",
            golang: "go1.26.8",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Id {
    #[serde(rename = "ID")]
    id: PeerId,
    public_key: String,
    addresses: Option<Vec<String>>,
    agent_version: String,
    protocols: Option<Vec<&'static str>>,
}

/// `id`; with `shown`, under that identity.
pub(crate) fn identity(identity: &Identity, shown: Option<PeerId>) -> Bytes {
    encode(&id(identity, shown))
}

fn id(identity: &Identity, shown: Option<PeerId>) -> Id {
    let peer = shown.unwrap_or(identity.peer_id);
    let address = |address: &Address| match shown {
        Some(_) => {
            let text = address.as_str();
            let way = text.rfind("/p2p/").map_or(text, |end| &text[..end]);
            format!("{way}/p2p/{peer}")
        }
        None => address.to_string(),
    };
    let private = identity.private_swarm;
    let spoken = PROTOCOLS
        .into_iter()
        .filter(|name| !private || *name != LAN_DHT);
    let online = identity.addresses.is_some();
    Id {
        id: peer,
        public_key: public_key(peer)
            .map(|key| STANDARD.encode(key))
            .unwrap_or_default(),
        addresses: identity
            .addresses
            .as_ref()
            .map(|list| list.iter().map(address).collect()),
        agent_version: format!("kubo/{VERSION}"),
        protocols: online.then(|| spoken.collect()),
    }
}

/// What a caller wants to know of each connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) direction: bool,
    pub(crate) latency: bool,
    pub(crate) streams: bool,
    pub(crate) identify: bool,
}

/// `swarm/peers`. Written by hand: it is the one long answer, and fleets are read often.
pub(crate) fn peers(world: &World, list: &[Connection], asked: Asked) -> Bytes {
    if list.is_empty() {
        return Bytes::from_static(b"{\"Peers\":null}\n");
    }
    let mut text = String::with_capacity(220 * list.len());
    for (at, connection) in list.iter().enumerate() {
        text.push_str(if at == 0 { "{\"Peers\":[" } else { "," });
        let Connection {
            peer,
            address,
            direction,
        } = connection;
        // Writing to a string cannot fail; addresses and IDs hold nothing that JSON escapes.
        let _ = write!(text, "{{\"Addr\":\"{address}\",\"Peer\":\"{peer}\"");
        if asked.latency {
            text.push_str(",\"Latency\":\"1.612989ms\"");
        }
        if asked.direction && *direction != Direction::Unknown {
            let _ = write!(text, ",\"Direction\":{}", direction_number(*direction));
        }
        if asked.streams {
            let _ = write!(text, ",\"Streams\":[{{\"Protocol\":\"{LAN_DHT}\"}}]");
        }
        text.push_str(",\"Identify\":");
        let known = world.find_peer(*peer).filter(|_| asked.identify);
        match known.and_then(|node| world.id(node).ok()) {
            Some(found) => {
                let found = encode(&id(&without_loopback(found), None));
                text.push_str(
                    std::str::from_utf8(&found)
                        .unwrap_or(NO_IDENTIFY)
                        .trim_end(),
                );
            }
            None => text.push_str(NO_IDENTIFY),
        }
        text.push('}');
    }
    text.push_str("]}\n");
    text.into()
}

/// Peers are told no loopback address unless they are on loopback themselves.
fn without_loopback(mut identity: Identity) -> Identity {
    if let Some(addresses) = &mut identity.addresses
        && addresses.len() > 1
    {
        addresses.retain(|a| a.ip() != Some(std::net::Ipv4Addr::LOCALHOST.into()));
    }
    identity
}

/// A connection of a node with itself, which no sane node lists.
pub(crate) fn self_connection(own: PeerId) -> Connection {
    let address = Address::lenient("/ip4/127.0.0.1/tcp/4001");
    Connection {
        peer: own,
        address,
        direction: Direction::Outbound,
    }
}

/// `swarm/peering/ls`.
pub(crate) fn peering(entries: &[PeeringEntry]) -> Bytes {
    #[derive(Serialize)]
    struct Entry<'a> {
        #[serde(rename = "ID")]
        id: PeerId,
        #[serde(rename = "Addrs")]
        addresses: &'a [Address],
    }
    #[derive(Serialize)]
    struct List<'a> {
        #[serde(rename = "Peers")]
        peers: Vec<Entry<'a>>,
    }
    let entries = entries.iter();
    let peers = entries.map(|entry| Entry {
        id: entry.peer,
        addresses: &entry.addresses,
    });
    encode(&List {
        peers: peers.collect(),
    })
}

/// `config?arg=Swarm.ConnMgr`: only what is set (row 19).
pub(crate) fn conn_mgr(limits: &ConnLimits) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Value<'a> {
        #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
        kind: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        low_water: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        high_water: Option<i64>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Setting<'a> {
        key: &'static str,
        value: Value<'a>,
    }
    let value = Value {
        kind: limits.kind.as_deref(),
        low_water: limits.low_water,
        high_water: limits.high_water,
    };
    encode(&Setting {
        key: "Swarm.ConnMgr",
        value,
    })
}

/// One object of `ping`'s stream.
pub(crate) fn ping(success: bool, nanoseconds: u64, text: &str) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Ping<'a> {
        success: bool,
        time: u64,
        text: &'a str,
    }
    encode(&Ping {
        success,
        time: nanoseconds,
        text,
    })
}

/// A scope of `swarm/resources`, in the recording's words: no figure of it is the model's.
const SCOPE: &str = r#"{"Memory":"default","MemoryUsage":0,"FD":"default","FDUsage":0,"Conns":"default","ConnsUsage":0,"ConnsInbound":"default","ConnsInboundUsage":0,"ConnsOutbound":"default","ConnsOutboundUsage":0,"Streams":"default","StreamsUsage":0,"StreamsInbound":"default","StreamsInboundUsage":0,"StreamsOutbound":"default","StreamsOutboundUsage":0}"#;

/// Services of `swarm/resources`.
const SERVICES: [&str; 5] = [
    "libp2p.autonat",
    "libp2p.holepunch",
    "libp2p.identify",
    "libp2p.ping",
    "libp2p.relay/v2",
];

/// `swarm/resources`: the recording's shape, with the node's peers.
pub(crate) fn resources(world: &World, node: NodeIndex) -> Reply {
    let mut peers: Vec<PeerId> = world
        .peers(node)
        .unwrap_or_default()
        .iter()
        .map(|connection| connection.peer)
        .collect();
    peers.dedup();
    let scopes = |names: &mut dyn Iterator<Item = String>| {
        let entries: Vec<String> = names.map(|name| format!("\"{name}\":{SCOPE}")).collect();
        entries.join(",")
    };
    let system = SCOPE
        .replacen("\"default\"", "\"12638031872\"", 1)
        .replace("\"FD\":\"default\"", "\"FD\":10000")
        .replace("\"ConnsInbound\":\"default\"", "\"ConnsInbound\":12052")
        .replace("\"default\"", "\"unlimited\"");
    let services = scopes(&mut SERVICES.iter().map(ToString::to_string));
    let protocols = scopes(&mut PROTOCOLS.iter().map(ToString::to_string));
    let peers = scopes(&mut peers.iter().map(ToString::to_string));
    Reply::raw(Bytes::from(format!(
        "{{\"System\":{system},\"Transient\":{system},\"Services\":{{{services}}},\
         \"Protocols\":{{{protocols}}},\"Peers\":{{{peers}}}}}\n"
    )))
}
