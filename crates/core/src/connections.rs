//! The connections that a node lists, packed: a node may list thousands, and nearly all lead to
//! peers that no member is.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Address, Connection, Direction, PeerId};

/// A list of [`Connection`]s in one piece of memory: some 80 bytes for one over IPv4, where a
/// `Connection` with its text takes 280.
///
/// One entry is a byte of marks, the peer ID with its length, the IP if there is one, and the
/// address's text with its length.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Connections {
    packed: Box<[u8]>,
    count: usize,
}

/// Collects [`Connections`].
#[derive(Debug, Default)]
pub struct Packer {
    packed: Vec<u8>,
    count: usize,
}

/// One of [`Connections`], as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The node at the far end.
    pub peer: PeerId,
    /// Who dialled.
    pub direction: Direction,
    /// The first IP of the far end's address.
    pub ip: Option<IpAddr>,
    /// Whether it leads through a relay.
    pub is_relayed: bool,
    /// The far end's address, the exact text that `swarm/disconnect` wants.
    pub text: &'a str,
}

/// Walks through [`Connections`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

const INBOUND: u8 = 1;
const OUTBOUND: u8 = 1 << 1;
const RELAYED: u8 = 1 << 2;
const IP4: u8 = 1 << 3;
const IP6: u8 = 1 << 4;

// === impl Connections ===

impl Connections {
    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What they take in memory, bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// What is listed after a difference: without those that are gone, each as it was listed here, and
    /// with the new ones behind the others.
    #[must_use]
    pub fn changed(&self, gone: &[Connection], new: &[Connection]) -> Self {
        let gone: BTreeSet<_> = gone.iter().map(Connection::key).collect();
        let mut packer = Packer {
            packed: Vec::with_capacity(self.packed.len()),
            count: 0,
        };
        let mut walk = self.iter();
        loop {
            let before = walk.rest;
            let Some(listed) = walk.next() else { break };
            if !gone.contains(&(listed.peer, listed.text, listed.direction)) {
                let length = before.len() - walk.rest.len();
                packer.packed.extend(&before[..length]);
                packer.count += 1;
            }
        }
        for connection in new {
            packer.push(connection);
        }
        packer.finish()
    }

    /// One after the other, as the node listed them.
    #[must_use]
    pub const fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.packed }
    }
}

impl<'a> IntoIterator for &'a Connections {
    type Item = Listed<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<Connection> for Connections {
    fn from_iter<I: IntoIterator<Item = Connection>>(connections: I) -> Self {
        let mut packer = Packer::default();
        for connection in connections {
            packer.push(&connection);
        }
        packer.finish()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl Serialize for Connections {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Connection::from))
    }
}

impl<'de> Deserialize<'de> for Connections {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Vec::<Connection>::deserialize(deserializer)?;
        Ok(all.into_iter().collect())
    }
}

// === impl Packer ===

impl Packer {
    /// Adds one at the end.
    pub fn push(&mut self, connection: &Connection) {
        let (address, peer) = (&connection.address, connection.peer.to_bytes());
        let mut marks = match connection.direction {
            Direction::Unknown => 0,
            Direction::Inbound => INBOUND,
            Direction::Outbound => OUTBOUND,
        };
        if address.is_relayed() {
            marks |= RELAYED;
        }
        marks |= match address.ip() {
            None => 0,
            Some(IpAddr::V4(_)) => IP4,
            Some(IpAddr::V6(_)) => IP6,
        };
        self.packed.push(marks);
        self.put(&peer);
        match address.ip() {
            None => {}
            Some(IpAddr::V4(ip)) => self.packed.extend(ip.octets()),
            Some(IpAddr::V6(ip)) => self.packed.extend(ip.octets()),
        }
        self.put(address.as_str().as_bytes());
        self.count += 1;
    }

    /// The list, in as much memory as it needs.
    #[must_use]
    pub fn finish(self) -> Connections {
        Connections {
            packed: self.packed.into_boxed_slice(),
            count: self.count,
        }
    }

    /// Bytes behind their number. A peer ID has fewer than 80 of them and an address fewer than
    /// 4,100: 1,024 characters.
    fn put(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.packed.extend(length.to_le_bytes());
        self.packed.extend(&bytes[..usize::from(length)]);
    }
}

// === impl Connection ===

impl Connection {
    /// What tells it from others of its node.
    fn key(&self) -> (PeerId, &str, Direction) {
        (self.peer, self.address.as_str(), self.direction)
    }
}

// === impl Listed ===

impl Listed<'_> {
    /// The far end's address.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::lenient(self.text)
    }
}

impl From<Listed<'_>> for Connection {
    fn from(listed: Listed<'_>) -> Self {
        Self {
            peer: listed.peer,
            address: listed.address(),
            direction: listed.direction,
        }
    }
}

// === impl Iter ===

impl<'a> Iter<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn take_counted(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_le_bytes(self.take_array()?);
        self.take(length.into())
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Listed<'a>;

    fn next(&mut self) -> Option<Listed<'a>> {
        let [marks] = self.take_array()?;
        let peer = PeerId::from_bytes(self.take_counted()?)?;
        let ip = match marks & (IP4 | IP6) {
            0 => None,
            IP4 => Some(Ipv4Addr::from(self.take_array::<4>()?).into()),
            _ => Some(Ipv6Addr::from(self.take_array::<16>()?).into()),
        };
        Some(Listed {
            peer,
            direction: match marks & (INBOUND | OUTBOUND) {
                0 => Direction::Unknown,
                INBOUND => Direction::Inbound,
                _ => Direction::Outbound,
            },
            ip,
            is_relayed: marks & RELAYED != 0,
            text: std::str::from_utf8(self.take_counted()?).ok()?,
        })
    }
}
