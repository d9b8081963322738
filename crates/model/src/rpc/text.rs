//! Arguments that are multiaddrs, and Kubo's sentences about those that are not.

use std::net::{Ipv4Addr, Ipv6Addr};

use kubomesh_core::{Address, PeerId};

use crate::refusal::Refusal;

/// An argument: who is meant, and at which address, if one is given.
pub(super) struct Destination {
    pub(super) peer: PeerId,
    pub(super) address: Option<Address>,
}

/// What is wrong with an argument that has no peer ID at its end.
pub(super) enum Anonymous {
    /// `connect` and `disconnect` resolve it and find nobody (recording `connect-no-p2p`).
    FoundNone,
    /// `peering/add` refuses it (recording `peering-add-no-peer-id`).
    Invalid,
}

/// Reads `<address>/p2p/<ID>` or `/p2p/<ID>`.
pub(super) fn destination(text: &str, anonymous: &Anonymous) -> Result<Destination, Refusal> {
    let address = Address::parse(text).map_err(|e| Refusal::Message(unparsable(text, &e.why)))?;
    let ends_in_peer = text.rsplit('/').nth(1) == Some("p2p");
    let Some(peer) = address.peer().filter(|_| ends_in_peer) else {
        return Err(Refusal::Message(match anonymous {
            Anonymous::FoundNone => format!("found no ipfs peers at {text}"),
            Anonymous::Invalid => "invalid p2p multiaddr".into(),
        }));
    };
    let way = text.rfind("/p2p/").map_or("", |end| &text[..end]);
    let address = (!way.is_empty()).then(|| Address::lenient(way));
    Ok(Destination { peer, address })
}

/// The arguments by peer, in the order in which the peers first appear.
pub(super) fn by_peer(
    arguments: &[&str],
    anonymous: &Anonymous,
) -> Result<Vec<(PeerId, Vec<Address>)>, Refusal> {
    let mut peers: Vec<(PeerId, Vec<Address>)> = Vec::new();
    for text in arguments {
        let Destination { peer, address } = destination(text, anonymous)?;
        match peers.iter_mut().find(|(known, _)| *known == peer) {
            Some((_, addresses)) => addresses.extend(address),
            None => peers.push((peer, address.into_iter().collect())),
        }
    }
    Ok(peers)
}

/// go-multiaddr's sentence (recording `connect-bad-multiaddr`).
fn unparsable(text: &str, why: &str) -> String {
    let parts: Vec<&str> = text.split('/').collect();
    let bad = parts.windows(2).find_map(|pair| match *pair {
        ["ip4", ip] if ip.parse::<Ipv4Addr>().is_err() => Some(("ip4", "ip4 addr", ip)),
        ["ip6", ip] if ip.parse::<Ipv6Addr>().is_err() => Some(("ip6", "ip6 addr", ip)),
        ["p2p", id] if id.parse::<PeerId>().is_err() => Some(("p2p", "p2p addr", id)),
        _ => None,
    });
    match bad {
        Some((protocol, what, value)) => format!(
            "failed to parse multiaddr \"{text}\": invalid value \"{value}\" for protocol \
             {protocol}: failed to parse {what}: {value}"
        ),
        None => format!("failed to parse multiaddr \"{text}\": {why}"),
    }
}
