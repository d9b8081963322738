//! Why a face could not be shown.

use std::io;
use std::net::SocketAddr;

/// A listener could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another process has the port.
    #[error(
        "{flag}={address}: the port is in use by another process; stop that one or choose another \
         port with {flag}"
    )]
    InUse {
        /// The flag that says where to listen.
        flag: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// The address is not one of this host.
    #[error("{flag}={address}: this host does not have that address; [::] listens on all of them")]
    NotOurs {
        /// The flag that says where to listen.
        flag: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// The operating system refuses for another reason, such as a port below 1024.
    #[error("{flag}={address}: cannot listen there: {source}")]
    Refused {
        /// The flag that says where to listen.
        flag: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

impl BindError {
    pub(crate) fn new(flag: &'static str, address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { flag, address },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { flag, address },
            _ => Self::Refused {
                flag,
                address,
                source,
            },
        }
    }
}
