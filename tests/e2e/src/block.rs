//! Addresses of one run: loopback, where runs on one machine never share one, or inside of a network
//! namespace, where nobody else is.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use anyhow::{Context, Result};

/// `127.N.0.0/16` for one N, held by a listening socket until the run ends; inside of a network
/// namespace [`INSIDE`].
#[derive(Debug)]
pub(crate) struct Block {
    first: u8,
    second: u8,
    _claim: Option<TcpListener>,
}

/// `127.N.S.0/24`: the addresses of one scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subnet {
    first: u8,
    second: u8,
    third: u8,
}

/// Second bytes that a run may claim: other tests keep below.
const SECONDS: std::ops::RangeInclusive<u8> = 128..=251;

/// The first bytes of the addresses inside of a network namespace. They are no loopback addresses,
/// which libp2p exempts from its limits.
const INSIDE: [u8; 2] = [10, 88];

/// What of them is the namespace's own, for `ip route add local`. What is not, from third byte 128 to
/// 254, scenarios may put behind a link.
pub(crate) const OWN_ROUTES: [&str; 2] = ["10.88.0.0/17", "10.88.255.0/24"];

/// The third byte of the addresses that the scenarios share.
const SHARED: u8 = 255;

/// The port whose socket is the claim.
const CLAIM_PORT: u16 = 4999;

// === impl Block ===

impl Block {
    /// Claims a block that no other run has.
    pub(crate) fn claim() -> Result<Self> {
        let claimed = SECONDS.into_iter().find_map(|second| {
            let at = SocketAddrV4::new(Ipv4Addr::new(127, second, SHARED, 254), CLAIM_PORT);
            let claim = TcpListener::bind(at).ok()?;
            Some(Self {
                first: 127,
                second,
                _claim: Some(claim),
            })
        });
        claimed.context("no block of loopback addresses is free: do other runs of the lab hang?")
    }

    /// The block inside of a network namespace.
    pub(crate) fn inside() -> Self {
        let [first, second] = INSIDE;
        Self {
            first,
            second,
            _claim: None,
        }
    }

    /// The lab's own address: its requests to nodes come from there, so that a node's request log
    /// tells them from the product's.
    pub(crate) fn own(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.first, self.second, SHARED, 253)
    }

    /// The shared API server's address.
    pub(crate) fn api_server(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.first, self.second, SHARED, 1)
    }

    /// The subnet of the scenario with this number, below 255.
    pub(crate) fn subnet(&self, number: usize) -> Result<Subnet> {
        let third = u8::try_from(number).ok().filter(|third| *third < SHARED);
        Ok(Subnet {
            first: self.first,
            second: self.second,
            third: third.context("a run has addresses for 255 scenarios")?,
        })
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second, .. } = self;
        write!(f, "{first}.{second}")
    }
}

// === impl Subnet ===

impl Subnet {
    /// The address of a node, from 1 to 200.
    pub(crate) fn node(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(self.first, self.second, self.third, number)
    }

    /// The address of a controller, from 0.
    pub(crate) fn controller(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(self.first, self.second, self.third, 210 + number)
    }

    /// The address of an API server of the scenario's own.
    pub(crate) fn api_server(self) -> Ipv4Addr {
        Ipv4Addr::new(self.first, self.second, self.third, 250)
    }
}
