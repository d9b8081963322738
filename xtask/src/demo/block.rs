//! Loopback addresses, one a node, that nobody on this machine uses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

/// Where Kubo listens for RPC.
pub(super) const RPC: u16 = 5001;
/// Where Kubo listens for its peers.
pub(super) const SWARM: u16 = 4001;

/// How many blocks are tried.
const TRIES: u32 = 16;

/// Addresses in a row, given away one by one.
#[derive(Debug)]
pub(super) struct Block {
    next: u32,
}

// === impl Block ===

impl Block {
    /// A block of 1024 addresses in 127.64.0.0/10. Where it begins follows from the process, so
    /// that demos at the same time do not meet.
    pub(super) fn new() -> Self {
        let base = u32::from(Ipv4Addr::new(127, 64, 0, 0));
        Self {
            next: base + (std::process::id() % (1 << 12)) * (1 << 10),
        }
    }

    /// So many addresses in a row; the first of them. Their ports are not looked at.
    ///
    /// # Errors
    /// When this system has no such addresses.
    pub(super) fn row(&mut self, count: u16) -> Result<Ipv4Addr> {
        let first = self.next()?;
        self.next += u32::from(count);
        Ok(first)
    }

    /// The next address where both ports are free.
    ///
    /// # Errors
    /// When there is none in a row of tries.
    pub(super) fn next(&mut self) -> Result<Ipv4Addr> {
        let mut last = None;
        for _ in 0..TRIES {
            self.next += 1;
            let address = Ipv4Addr::from(self.next);
            match bindable(address) {
                Ok(()) => return Ok(address),
                Err(error) => last = Some((address, error)),
            }
        }
        let (address, error) =
            last.unwrap_or((Ipv4Addr::LOCALHOST, std::io::Error::other("not tried")));
        bail!(
            "each node needs an address in 127.0.0.0/8 of its own, as Linux has them, and {address} cannot be used: {error}"
        )
    }
}

fn bindable(address: Ipv4Addr) -> std::io::Result<()> {
    for port in [RPC, SWARM] {
        TcpListener::bind(SocketAddr::from((address, port)))?;
    }
    Ok(())
}

/// A free port of this machine's usual loopback address.
///
/// # Errors
/// When there is none.
pub(super) fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}
