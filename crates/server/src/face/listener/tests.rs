//! Which socket is taken on which host.

use super::*;

/// Where a host listens that answers every IPv6 address with this error.
fn taken(address: &str, ipv6: Errno) -> String {
    let bind = |address: SocketAddr| match address {
        SocketAddr::V4(_) => Ok(address.to_string()),
        SocketAddr::V6(_) => Err(ipv6.into()),
    };
    let taken = with_fallback("--listen", address.parse().unwrap(), bind);
    taken.unwrap_or_else(|error| error.kind().to_string())
}

#[test]
fn a_host_without_ipv6_listens_on_every_ipv4_address_instead() {
    for none in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
        assert_eq!(taken("[::]:8080", none), "0.0.0.0:8080");
        let one = taken("[fd00::1]:8080", none);
        let error = io::Error::from(none).kind().to_string();
        assert_eq!(one, error, "only every address is as good");
    }
    let used = taken("[::]:8080", Errno::ADDRINUSE);
    assert_eq!(used, "address in use", "that is no lack of IPv6");
}

/// Whatever `net.ipv6.bindv6only` is on this host.
#[tokio::test]
async fn every_ipv6_address_means_every_ipv4_address_too() {
    match bind("[::]:0".parse().unwrap()) {
        Ok(listener) => assert!(!SockRef::from(&listener).only_v6().unwrap()),
        Err(error) if is_without_ipv6(&error) => eprintln!("NOT TESTED: this host has no IPv6"),
        Err(error) => unreachable!("{error}"),
    }
}
