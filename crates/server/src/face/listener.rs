//! The socket that a face listens on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::io::Errno;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Listens there; on every IPv4 address where every address is wanted and the host has no IPv6.
pub(super) fn listen(flag: &str, address: SocketAddr) -> io::Result<TcpListener> {
    with_fallback(flag, address, bind)
}

fn with_fallback<T>(
    flag: &str,
    address: SocketAddr,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    match bind(address) {
        Err(error) if every_ipv6(address) && is_without_ipv6(&error) => {
            let instead = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
            tracing::info!("{flag}={address}: this host has no IPv6; listening on {instead}");
            bind(instead)
        }
        bound => bound,
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if every_ipv6(address) {
        // The host's own default may be another: `net.ipv6.bindv6only`.
        SockRef::from(&socket).set_only_v6(false)?;
    }
    // A restart need not wait for the connections of the process before it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn every_ipv6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// The kernel has no IPv6 at all, or none on any interface.
fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL)
    )
}

#[cfg(test)]
mod tests;
