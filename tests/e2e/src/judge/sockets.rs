//! Connections one by one: a link that was lost and made anew looks like the old one in what nodes say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Context, Result, ensure};

use crate::dual::Network;
use crate::member::Member;
use crate::node::SWARM_PORT;
use crate::world::World;

/// The kernel's list of TCP sockets over IPv4, below a process of whose network namespace it is.
const SOCKETS: &str = "net/tcp";

/// `ESTABLISHED` in that list.
const ESTABLISHED: &str = "01";

/// One end of a TCP connection that is established.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Socket {
    local: SocketAddrV4,
    remote: SocketAddrV4,
    /// The kernel's number of it, which another connection between the same ports does not have.
    inode: u64,
}

/// A line of that list.
struct Line {
    socket: Socket,
    /// Bytes that came and that nobody has read.
    unread: u64,
}

// === impl Socket ===

impl Socket {
    /// The network that both its addresses are on; none if they are on different ones.
    pub(super) fn network(&self) -> Option<Network> {
        let local = Network::of(*self.local.ip())?;
        (Network::of(*self.remote.ip())? == local).then_some(local)
    }
}

// === impl World ===

impl World {
    /// Every end of the swarm connections among these members, which all run.
    pub(crate) fn sockets<S: AsRef<str>>(&self, names: &[S]) -> Result<BTreeSet<Socket>> {
        let members = self.members(names)?;
        let sockets = swarm_sockets(&members)?;
        // Two ends of each pair's at least.
        let least = members.len() * members.len().saturating_sub(1);
        ensure!(
            sockets.len() >= least,
            "{} ends of connections where {least} are: {sockets:?}",
            sockets.len()
        );
        Ok(sockets)
    }

    /// An error if these members have a connection among each other that was not there `before`.
    pub(crate) fn none_new<S: AsRef<str>>(
        &self,
        names: &[S],
        before: &BTreeSet<Socket>,
    ) -> Result<()> {
        let now = self.sockets(names)?;
        let new = now.difference(before).next();
        ensure!(new.is_none(), "a connection is new: {new:?}");
        Ok(())
    }
}

/// Whether a request lies at this member's RPC that it has not read.
pub(crate) fn has_unread(member: &Member) -> Result<bool> {
    has_unread_at(member, member.node.api())
}

/// The same at another port in its pod.
pub(crate) fn has_unread_at(member: &Member, at: SocketAddr) -> Result<bool> {
    let unread = |line: &Line| line.unread > 0 && at == line.socket.local.into();
    Ok(all(member)?.iter().any(unread))
}

/// Every end of the swarm connections among these members, on either network.
pub(super) fn swarm_sockets(members: &[&Member]) -> Result<BTreeSet<Socket>> {
    let own = |member: &&Member| [Some(member.node.ip()), member.node.storage()];
    let ips: BTreeSet<Ipv4Addr> = members.iter().flat_map(own).flatten().collect();
    let namespaces: BTreeMap<Option<&str>, &&Member> = members
        .iter()
        .map(|member| (member.node.netns(), member))
        .collect();
    let mut sockets = BTreeSet::new();
    for member in namespaces.into_values() {
        for Line { socket, .. } in all(member)? {
            let ends = [socket.local, socket.remote];
            let swarm = ends.iter().any(|end| end.port() == SWARM_PORT);
            if swarm && ends.iter().all(|end| ips.contains(end.ip())) {
                sockets.insert(socket);
            }
        }
    }
    Ok(sockets)
}

/// All of a member's network namespace that are established.
fn all(member: &Member) -> Result<Vec<Line>> {
    let process = member.node.process().context("it does not run")?;
    let file = format!("/proc/{process}/{SOCKETS}");
    let text = fs::read_to_string(&file).with_context(|| file.clone())?;
    let lines = text.lines().skip(1);
    let read = |line| established(line).with_context(|| format!("{file}: {line}"));
    lines.filter_map(|line| read(line).transpose()).collect()
}

/// What a line says; none unless it is of an established connection.
fn established(line: &str) -> Result<Option<Line>> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let field = |number: usize| fields.get(number).copied().context("a field is missing");
    if field(3)? != ESTABLISHED {
        return Ok(None);
    }
    let socket = Socket {
        local: address(field(1)?)?,
        remote: address(field(2)?)?,
        inode: field(9)?.parse()?,
    };
    let (_, unread) = field(4)?.split_once(':').context("no queues")?;
    let unread = u64::from_str_radix(unread, 16)?;
    Ok(Some(Line { socket, unread }))
}

/// `0100007F:0FA1`: the address as the kernel has it in memory, the port as a number.
fn address(text: &str) -> Result<SocketAddrV4> {
    let (ip, port) = text.split_once(':').context("an address without port")?;
    let ip = u32::from_str_radix(ip, 16)?.to_ne_bytes();
    let port = u16::from_str_radix(port, 16)?;
    Ok(SocketAddrV4::new(Ipv4Addr::from(ip), port))
}
