//! From the wire into the product's words: bounded, and what makes no sense is left out and told of,
//! as `kubomesh-kubo` does with Kubo's own answers. An agent is trusted as little as its node.

use std::sync::Arc;

use kubomesh_core::{
    Address, ConnLimits, Connection, Connections, Direction, FailureKind, Listing, MAX_ADDRESSES,
    MAX_ADDRESSES_IN_ALL, MAX_CONNECTIONS, MAX_PEERING, MAX_STRINGS, MAX_TEXT, Packer, PeerId,
    PeeringEntry, Sieve, is_plain, one_line,
};

use crate::Error;
use crate::error::answered;
use crate::wire;

/// Longest warning of an agent that is passed on, characters.
const MAX_WARNING: usize = 400;

pub(crate) fn connections(
    verb: &'static str,
    listed: &[wire::Connection],
    told: &str,
    own: PeerId,
) -> Result<Listing<Connections>, Error> {
    bounded(verb, listed.len(), MAX_CONNECTIONS)?;
    let (mut packer, mut sieve) = (Packer::default(), Sieve::new());
    for entry in listed {
        match connection(entry, own) {
            Ok(connection) => {
                packer.push(&connection);
                sieve.keep(());
            }
            Err(why) => sieve.leave_out(|| why),
        }
    }
    Ok(Listing {
        entries: packer.finish(),
        warning: warning(sieve.finish(verb).warning, told),
    })
}

pub(crate) fn connection(entry: &wire::Connection, own: PeerId) -> Result<Connection, String> {
    let peer: PeerId = entry.peer_id.parse().map_err(|e| format!("{e}"))?;
    if peer == own {
        return Err("the node lists itself".into());
    }
    let direction = match entry.direction() {
        wire::Direction::Inbound => Direction::Inbound,
        wire::Direction::Outbound => Direction::Outbound,
        wire::Direction::Unspecified => Direction::Unknown,
    };
    Ok(Connection {
        peer,
        address: address(&entry.address)?,
        direction,
    })
}

pub(crate) fn peering(
    verb: &'static str,
    listed: &[wire::PeeringEntry],
    told: &str,
) -> Result<Listing<Vec<PeeringEntry>>, Error> {
    bounded(verb, listed.len(), MAX_PEERING)?;
    let addresses: usize = listed.iter().map(|entry| entry.addresses.len()).sum();
    bounded(verb, addresses, MAX_ADDRESSES_IN_ALL)?;
    let mut sieve = Sieve::new();
    for entry in listed {
        match entry.peer_id.parse::<PeerId>() {
            Ok(peer) => {
                let some = entry.addresses.iter().take(MAX_ADDRESSES);
                sieve.keep(PeeringEntry {
                    peer,
                    addresses: some.map(|text| Address::lenient(text)).collect(),
                });
            }
            Err(why) => sieve.leave_out(|| why.to_string()),
        }
    }
    Ok(told_too(sieve.finish(verb), told))
}

pub(crate) fn texts(
    verb: &'static str,
    listed: &[String],
    told: &str,
) -> Result<Listing<Vec<Arc<str>>>, Error> {
    sift(verb, listed, told, |text| {
        if text.is_empty() || text.len() > MAX_TEXT || !is_plain(text) {
            return Err(format!("`{}` is no filter", one_line(text, 80)));
        }
        Ok(text.into())
    })
}

pub(crate) fn addresses(
    verb: &'static str,
    listed: &[String],
    told: &str,
) -> Result<Listing<Vec<Address>>, Error> {
    sift(verb, listed, told, address)
}

pub(crate) fn conn_limits(told: wire::ConnLimitsGetResponse) -> ConnLimits {
    ConnLimits {
        kind: told.r#type.map(|kind| one_line(&kind, 80)),
        low_water: told.low_water,
        high_water: told.high_water,
    }
}

fn sift<T>(
    verb: &'static str,
    listed: &[String],
    told: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Listing<Vec<T>>, Error> {
    bounded(verb, listed.len(), MAX_STRINGS)?;
    let mut sieve = Sieve::new();
    for text in listed {
        match read(text) {
            Ok(entry) => sieve.keep(entry),
            Err(why) => sieve.leave_out(|| why),
        }
    }
    Ok(told_too(sieve.finish(verb), told))
}

fn address(text: &str) -> Result<Address, String> {
    if !text.starts_with('/') || text.len() > MAX_TEXT || !is_plain(text) {
        return Err(format!("`{}` is not a multiaddr", one_line(text, 80)));
    }
    Ok(Address::lenient(text))
}

pub(crate) fn bounded(verb: &'static str, entries: usize, most: usize) -> Result<(), Error> {
    if entries <= most {
        return Ok(());
    }
    let text = format!("{entries} entries are listed, more than {most}");
    Err(answered(verb, FailureKind::BodyTooLarge, &text))
}

fn told_too<T>(listing: Listing<T>, told: &str) -> Listing<T> {
    Listing {
        warning: warning(listing.warning, told),
        ..listing
    }
}

/// Our own sentence about what was left out; else the agent's.
fn warning(own: Option<String>, told: &str) -> Option<String> {
    own.or_else(|| (!told.is_empty()).then(|| one_line(told, MAX_WARNING)))
}
