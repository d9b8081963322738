//! Who gives way when no connection can be accepted.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Connections, GRACE};

#[tokio::test(start_paused = true)]
async fn who_asked_nothing_gives_its_descriptor_back() {
    let mut open = Connections::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), 8);
    let none = io::Error::other("too many open files");
    open.add(|asked| {
        asked.note();
        pending()
    });
    open.add(|_| pending());
    open.add(|_| pending());
    // Nobody has had the grace yet: it waits, and does not spin.
    let before = tokio::time::Instant::now();
    open.could_not_accept(&none).await;
    assert!(before.elapsed() > Duration::ZERO);
    open.forget_ended();
    assert_eq!(open.open.len(), 3);

    tokio::time::advance(GRACE).await;
    for left in [2, 1, 1] {
        open.could_not_accept(&none).await;
        open.forget_ended();
        assert_eq!(open.open.len(), left);
    }
    assert!(open.open[0].asked.is());
}
