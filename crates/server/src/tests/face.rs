//! Binding, limits, and the end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::client::{DEADLINE, Served, read_answer, serve, serve_at};
use crate::public::DEFAULT_ADDRESS;
use crate::{BindError, Face, FaceLimits};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
const KEPT_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// A route that answers when it is told to, and says when it was asked.
fn slow() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&asked), Arc::clone(&answer));
    let handler = move || async move {
        tell.notify_one();
        wait.notified().await;
        "at last"
    };
    (Router::new().route("/", get(handler)), asked, answer)
}

async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let closed = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
    // A reset is a close too.
    let _ = closed.expect("the face never closed the connection");
    bytes
}

async fn one_answer(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    let read = tokio::time::timeout(DEADLINE, stream.read(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    assert!(bytes[..read].starts_with(b"HTTP/1.1 200"));
}

async fn ended(served: Served) {
    tokio::time::timeout(DEADLINE, served.ended)
        .await
        .expect("the face never ended")
        .unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_a_sentence_with_the_flag() {
    let other = TcpListener::bind(("127.40.0.1", 0)).await.unwrap();
    let address = other.local_addr().unwrap();
    let error = Face::bind("--debug-listen", address, hello())
        .await
        .unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "--debug-listen={address}: the port is in use by another process; stop that one or \
             choose another port with --debug-listen"
        )
    );
}

/// What the kubelet and Prometheus ask is a pod's first address, of either family.
#[tokio::test]
async fn the_unspecified_address_of_ipv6_serves_both_families() {
    let any = SocketAddr::new(DEFAULT_ADDRESS.ip(), 0);
    let served = serve_at(any, hello(), FaceLimits::default()).await;
    let port = served.address.port();
    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for ip in loopback {
        if TcpListener::bind((ip, 0)).await.is_err() {
            assert!(ip.is_ipv6(), "a host without IPv4");
            eprintln!("NOT TESTED: this host has no IPv6");
            continue;
        }
        let mut stream = TcpStream::connect((ip, port)).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(read_answer(&mut stream).await.body, "hello", "{ip}");
    }
}

#[tokio::test]
async fn an_address_of_another_host_is_a_sentence_with_the_flag() {
    // TEST-NET-1 (RFC 5737) is no host's address.
    let address = SocketAddr::from(([192, 0, 2, 1], 8080));
    let error = Face::bind("--listen", address, hello()).await.unwrap_err();
    assert!(matches!(error, BindError::NotOurs { .. }));
    assert_eq!(
        error.to_string(),
        "--listen=192.0.2.1:8080: this host does not have that address; [::] listens on all of \
         them"
    );
}

#[tokio::test]
async fn slow_headers_and_idle_connections_are_closed() {
    let limits = FaceLimits {
        headers: Duration::from_millis(50),
        ..FaceLimits::default()
    };
    let served = serve(hello(), limits).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    until_closed(&mut slow).await;
    let mut silent = served.connect().await;
    assert_eq!(until_closed(&mut silent).await, b"");
    let mut idle = served.connect().await;
    idle.write_all(KEPT_REQUEST).await.unwrap();
    assert!(until_closed(&mut idle).await.ends_with(b"hello"));
}

#[tokio::test]
async fn a_connection_lives_for_its_time_and_no_longer() {
    let limits = FaceLimits {
        lifetime: Duration::from_millis(50),
        headers: Duration::from_secs(3600),
        ..FaceLimits::default()
    };
    let served = serve(hello(), limits).await;
    let mut kept = served.connect().await;
    kept.write_all(KEPT_REQUEST).await.unwrap();
    assert!(until_closed(&mut kept).await.ends_with(b"hello"));
}

/// The limits of a face that would keep whoever asks nothing for an hour.
fn patient(connections: usize) -> FaceLimits {
    FaceLimits {
        connections,
        headers: Duration::from_secs(3600),
        lifetime: Duration::from_secs(3600),
    }
}

#[tokio::test]
async fn whoever_asks_nothing_gives_way() {
    let served = serve(hello(), patient(4)).await;
    let mut half = Vec::new();
    for _ in 0..32 {
        let mut stream = served.connect().await;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\n")
            .await
            .unwrap();
        half.push(stream);
        assert_eq!(served.get("/").await.body, "hello");
    }
    for stream in &mut half[..28] {
        until_closed(stream).await;
    }
}

#[tokio::test]
async fn a_connection_that_asked_outlives_those_that_did_not() {
    let (router, asked, answer) = slow();
    let served = serve(router, patient(2)).await;
    let mut first = served.connect().await;
    first.write_all(REQUEST).await.unwrap();
    asked.notified().await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(served.connect().await);
    }
    for stream in &mut silent[..6] {
        until_closed(stream).await;
    }
    answer.notify_one();
    assert_eq!(read_answer(&mut first).await.body, "at last");
}

#[tokio::test]
async fn where_all_have_asked_the_oldest_gives_way() {
    let served = serve(hello(), patient(1)).await;
    let mut first = served.connect().await;
    first.write_all(KEPT_REQUEST).await.unwrap();
    one_answer(&mut first).await;
    let mut second = served.connect().await;
    second.write_all(KEPT_REQUEST).await.unwrap();
    one_answer(&mut second).await;
    assert_eq!(until_closed(&mut first).await, b"");
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_end_and_takes_no_new_ones() {
    let (router, asked, answer) = slow();
    let served = serve(router, FaceLimits::default()).await;
    let mut idle = served.connect().await;
    let mut stream = served.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    asked.notified().await;

    served.stop.cancel();
    until_closed(&mut idle).await;
    answer.notify_one();
    assert_eq!(read_answer(&mut stream).await.body, "at last");
    let address = served.address;
    ended(served).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_request_that_never_ends() {
    let (router, asked, _answer) = slow();
    let served = serve(router, FaceLimits::default()).await;
    let mut stream = served.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    asked.notified().await;
    served.stop.cancel();
    ended(served).await;
    assert_eq!(until_closed(&mut stream).await, b"");
}

#[test]
fn the_default_limits() {
    let limits = FaceLimits::default();
    assert_eq!(limits.connections, 128);
    assert_eq!(limits.headers, Duration::from_secs(5));
    assert_eq!(limits.lifetime, Duration::from_secs(120));
}
