//! The bodies of the verbs' answers, read in place into the product's words.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Address, ConnLimits, Connection, Connections, Direction, FailureKind, Packer, PeerId,
    PeeringEntry, one_line,
};
use serde::Deserialize;

use crate::connect::class;
use crate::error::{Error, answered};
use crate::limits::{
    Bounded, Listing, MAX_ADDRESSES, MAX_ADDRESSES_IN_ALL, MAX_ANNOUNCED, MAX_CONNECTIONS,
    MAX_LITERAL, MAX_PEERING, MAX_STRINGS, MAX_TEXT, Sieve, Text, has_huge_text, is_plain,
};

/// What `id` tells that the product uses.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) peer_id: PeerId,
    pub(crate) agent_version: Arc<str>,
    pub(crate) announced: Arc<[IpAddr]>,
}

/// `{"ID":"12D3…","AgentVersion":"kubo/0.44.0",…}`.
#[derive(Deserialize)]
struct IdBody<'a> {
    #[serde(rename = "ID", borrow)]
    id: Option<Text<'a>>,
    #[serde(rename = "AgentVersion", borrow, default)]
    agent_version: Text<'a>,
    #[serde(rename = "Addresses", borrow, default)]
    addresses: Bounded<Text<'a>, MAX_ANNOUNCED>,
}

/// The addresses of `id`: `{"Addresses":["/ip4/…/p2p/12D3…"],…}`.
#[derive(Deserialize)]
struct Announced<'a> {
    #[serde(rename = "Addresses", borrow, default)]
    addresses: Bounded<Text<'a>, MAX_STRINGS>,
}

/// `{"Peers":[…]}` or `{"Peers":null}`.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Peers<T, const LIMIT: usize> {
    #[serde(rename = "Peers")]
    peers: Bounded<T, LIMIT>,
}

/// One connection: `{"Addr":"/ip4/…","Peer":"12D3…","Direction":2,…}`.
#[derive(Deserialize)]
struct PeerBody<'a> {
    #[serde(rename = "Addr", borrow, default)]
    address: Text<'a>,
    #[serde(rename = "Peer", borrow, default)]
    peer: Text<'a>,
    #[serde(rename = "Direction", default)]
    direction: Option<i64>,
}

/// One entry of the peering list: `{"ID":"12D3…","Addrs":["/ip4/…"]}`.
#[derive(Deserialize)]
struct PeeringBody<'a> {
    #[serde(rename = "ID", borrow, default)]
    id: Text<'a>,
    #[serde(rename = "Addrs", borrow, default)]
    addresses: Bounded<Text<'a>, MAX_ADDRESSES>,
}

/// `{"Strings":[…]}` or `{"Strings":null}`.
#[derive(Deserialize)]
struct Strings<'a> {
    #[serde(rename = "Strings", borrow)]
    strings: Bounded<Text<'a>, MAX_STRINGS>,
}

/// One object of the streams of `peering/add` and `peering/rm`.
#[derive(Deserialize)]
struct Done<'a> {
    #[serde(rename = "ID", borrow, default)]
    id: Text<'a>,
    #[serde(rename = "Status", borrow, default)]
    status: Text<'a>,
}

/// One object of the stream of `ping`; `Time` is nanoseconds.
#[derive(Deserialize)]
struct Pong<'a> {
    #[serde(rename = "Success", default)]
    success: bool,
    #[serde(rename = "Time", default)]
    nanoseconds: u64,
    #[serde(rename = "Text", borrow, default)]
    text: Text<'a>,
}

/// `{"Key":"Swarm.ConnMgr","Value":{…}}`.
#[derive(Deserialize)]
struct Config<'a> {
    #[serde(rename = "Value", borrow)]
    value: Option<ConnMgr<'a>>,
}

/// `Swarm.ConnMgr`; an absent member means Kubo's default.
#[derive(Deserialize)]
struct ConnMgr<'a> {
    #[serde(rename = "Type", borrow, default)]
    kind: Text<'a>,
    #[serde(rename = "LowWater", default)]
    low_water: Option<i64>,
    #[serde(rename = "HighWater", default)]
    high_water: Option<i64>,
}

/// `{"Version":"0.44.0",…}`.
#[derive(Deserialize)]
struct VersionBody<'a> {
    #[serde(rename = "Version", borrow)]
    version: Text<'a>,
}

pub(crate) fn identity(verb: &'static str, body: &[u8]) -> Result<Identity, Error> {
    let parsed: IdBody<'_> = json(verb, body)?;
    let Some(id) = parsed.id else {
        return Err(answered(verb, FailureKind::NotKubo, "JSON without an `ID`"));
    };
    let peer_id = id.0.parse::<PeerId>();
    let peer_id = peer_id.map_err(|e| answered(verb, FailureKind::BadBody, &e.to_string()))?;
    Ok(Identity {
        peer_id,
        agent_version: crate::limits::agent_version(&parsed.agent_version.0),
        announced: announced_ips(&parsed.addresses.items),
    })
}

/// The IPs of the addresses that a node announces, each once, in their order as numbers.
fn announced_ips(addresses: &[Text<'_>]) -> Arc<[IpAddr]> {
    let ips = addresses.iter().map(|text| Address::lenient(&text.0));
    let ips: BTreeSet<IpAddr> = ips.filter_map(|address| address.ip()).collect();
    ips.into_iter().collect()
}

/// The connections; one of the node to itself is left out.
pub(crate) fn connections(
    verb: &'static str,
    body: &[u8],
    own: PeerId,
) -> Result<Listing<Connections>, Error> {
    let parsed: Peers<PeerBody<'_>, MAX_CONNECTIONS> = json(verb, body)?;
    let (mut packer, mut sieve) = (Packer::default(), Sieve::new());
    for entry in bounded(verb, parsed.peers)? {
        match connection(&entry, own) {
            Ok(connection) => {
                packer.push(&connection);
                sieve.keep(());
            }
            Err(why) => sieve.leave_out(|| why),
        }
    }
    Ok(Listing {
        entries: packer.finish(),
        warning: sieve.finish(verb).warning,
    })
}

fn connection(entry: &PeerBody<'_>, own: PeerId) -> Result<Connection, String> {
    let peer: PeerId = entry.peer.0.parse().map_err(|e| format!("{e}"))?;
    if peer == own {
        return Err("the node lists itself".into());
    }
    let direction = match entry.direction {
        Some(1) => Direction::Inbound,
        Some(2) => Direction::Outbound,
        _ => Direction::Unknown,
    };
    Ok(Connection {
        peer,
        address: address(&entry.address.0)?,
        direction,
    })
}

/// The peering list. An address in it that cannot be read keeps its text: it makes the entry
/// another one than ours.
pub(crate) fn peering(
    verb: &'static str,
    body: &[u8],
) -> Result<Listing<Vec<PeeringEntry>>, Error> {
    let parsed: Peers<PeeringBody<'_>, MAX_PEERING> = json(verb, body)?;
    let entries = bounded(verb, parsed.peers)?;
    let addresses: usize = entries.iter().map(|one| one.addresses.items.len()).sum();
    if addresses > MAX_ADDRESSES_IN_ALL {
        let text = format!("{addresses} addresses are listed, more than {MAX_ADDRESSES_IN_ALL}");
        return Err(answered(verb, FailureKind::BodyTooLarge, &text));
    }
    let mut sieve = Sieve::new();
    for entry in entries {
        match entry.id.0.parse::<PeerId>() {
            Ok(peer) => {
                let addresses = entry.addresses.items.iter().map(|a| Address::lenient(&a.0));
                sieve.keep(PeeringEntry {
                    peer,
                    addresses: addresses.collect(),
                });
            }
            Err(why) => sieve.leave_out(|| why.to_string()),
        }
    }
    Ok(sieve.finish(verb))
}

/// Texts as they are: dial filters.
pub(crate) fn texts(verb: &'static str, body: &[u8]) -> Result<Listing<Vec<Arc<str>>>, Error> {
    sift(verb, body, |text| {
        if text.is_empty() || text.len() > MAX_TEXT || !is_plain(text) {
            return Err(format!("`{}` is no filter", one_line(text, 80)));
        }
        Ok(text.into())
    })
}

pub(crate) fn addresses(verb: &'static str, body: &[u8]) -> Result<Listing<Vec<Address>>, Error> {
    sift(verb, body, address)
}

/// The addresses that a node announces.
pub(crate) fn announced(verb: &'static str, body: &[u8]) -> Result<Listing<Vec<Address>>, Error> {
    let parsed: Announced<'_> = json(verb, body)?;
    sifted(verb, parsed.addresses, address)
}

/// The first result of a call that reports its failures inside a 200:
/// `disconnect 12D3… failure: not connected` (measured-on-kubo, row 12).
pub(crate) fn results(verb: &'static str, body: &[u8]) -> Result<(), Error> {
    let parsed: Strings<'_> = json(verb, body)?;
    if parsed.strings.items.is_empty() {
        return Err(answered(
            verb,
            FailureKind::BadBody,
            "the answer has no result",
        ));
    }
    let mut results = parsed.strings.items.iter().map(|text| &*text.0);
    let Some(failed) = results.find(|text| !text.ends_with(" success")) else {
        return Ok(());
    };
    let without_effect = ["not connected", "conn not found"];
    let kind = match failed.split_once(" failure: ") {
        Some((_, reason)) if without_effect.contains(&reason) => FailureKind::NoEffect,
        Some((_, reason)) => class(reason),
        None => FailureKind::BadBody,
    };
    Err(answered(verb, kind, failed))
}

/// Reads a stream of `{"ID":…,"Status":"success"}` that must have an object for each of `peers`
/// peers.
pub(crate) fn all_done(verb: &'static str, body: &[u8], peers: usize) -> Result<(), Error> {
    no_huge_text(verb, body)?;
    let mut done = 0;
    for object in serde_json::Deserializer::from_slice(body).into_iter::<Done<'_>>() {
        let object = object.map_err(|e| bad_body(verb, &e))?;
        if object.status.0 != "success" {
            let text = format!("{}: {}", object.id.0, object.status.0);
            return Err(answered(verb, class(&text), &text));
        }
        done += 1;
    }
    if done < peers {
        let text = format!("answered for {done} of {peers} peers");
        return Err(answered(verb, FailureKind::BadBody, &text));
    }
    Ok(())
}

/// The round trip of the first answered ping; the reason that the stream tells if there is none.
pub(crate) fn round_trip(verb: &'static str, body: &[u8]) -> Result<Duration, Error> {
    no_huge_text(verb, body)?;
    let mut reason = None;
    for object in serde_json::Deserializer::from_slice(body).into_iter::<Pong<'_>>() {
        let object = object.map_err(|e| bad_body(verb, &e))?;
        match (object.success, object.text.0) {
            (true, text) if text.is_empty() => {
                return Ok(Duration::from_nanos(object.nanoseconds));
            }
            (false, text) if reason.is_none() => reason = Some(text),
            _ => {}
        }
    }
    match reason {
        Some(reason) => Err(crate::connect::refusal(verb, &reason, None)),
        None => Err(answered(verb, FailureKind::BadBody, "no ping was answered")),
    }
}

pub(crate) fn conn_limits(verb: &'static str, body: &[u8]) -> Result<ConnLimits, Error> {
    let parsed: Config<'_> = json(verb, body)?;
    let Some(marks) = parsed.value else {
        return Ok(ConnLimits::default());
    };
    let kind = Some(marks.kind.0)
        .filter(|kind| !kind.is_empty())
        .map(|kind| one_line(&kind, 80));
    Ok(ConnLimits {
        kind,
        low_water: marks.low_water,
        high_water: marks.high_water,
    })
}

pub(crate) fn version(verb: &'static str, body: &[u8]) -> Result<Arc<str>, Error> {
    let parsed: VersionBody<'_> = json(verb, body)?;
    Ok(crate::limits::agent_version(&parsed.version.0))
}

fn sift<T>(
    verb: &'static str,
    body: &[u8],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Listing<Vec<T>>, Error> {
    let parsed: Strings<'_> = json(verb, body)?;
    sifted(verb, parsed.strings, read)
}

fn sifted<T>(
    verb: &'static str,
    listed: Bounded<Text<'_>, MAX_STRINGS>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Listing<Vec<T>>, Error> {
    let mut sieve = Sieve::new();
    for text in bounded(verb, listed)? {
        match read(&text.0) {
            Ok(entry) => sieve.keep(entry),
            Err(why) => sieve.leave_out(|| why),
        }
    }
    Ok(sieve.finish(verb))
}

/// An address whose exact text can be sent back. A protocol that this build does not know is fine.
fn address(text: &str) -> Result<Address, String> {
    if !text.starts_with('/') || text.len() > MAX_TEXT || !is_plain(text) {
        return Err(format!("`{}` is not a multiaddr", one_line(text, 80)));
    }
    Ok(Address::lenient(text))
}

fn bounded<T, const LIMIT: usize>(
    verb: &'static str,
    list: Bounded<T, LIMIT>,
) -> Result<Vec<T>, Error> {
    if list.beyond > 0 {
        let text = format!(
            "{} entries are listed, more than {LIMIT}",
            LIMIT + list.beyond
        );
        return Err(answered(verb, FailureKind::BodyTooLarge, &text));
    }
    Ok(list.items)
}

fn json<'de, T: Deserialize<'de>>(verb: &'static str, body: &'de [u8]) -> Result<T, Error> {
    no_huge_text(verb, body)?;
    serde_json::from_slice(body).map_err(|e| bad_body(verb, &e))
}

fn no_huge_text(verb: &'static str, body: &[u8]) -> Result<(), Error> {
    if has_huge_text(body) {
        let text = format!("the body has a text of more than {MAX_LITERAL} bytes");
        return Err(answered(verb, FailureKind::BadBody, &text));
    }
    Ok(())
}

fn bad_body(verb: &'static str, error: &serde_json::Error) -> Error {
    let text = format!("the body is not what this verb answers with: {error}");
    answered(verb, FailureKind::BadBody, &text)
}
