//! A client for tests: one connection per call, everything read.
#![allow(dead_code, reason = "each test file uses its part of it")]

pub(crate) mod process;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use kubomesh_model::{NodeSpec, peer_id};
use kubomesh_testkit::{FakeKubo, FakeOptions, Fleet};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest wait for anything: far above what is expected, so that only a hang meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn ip(host: u8, last: u8) -> IpAddr {
    Ipv4Addr::new(127, 30, host, last).into()
}

/// Node `number` of a test, on an address of its own.
pub(crate) async fn fake(fleet: &Fleet, host: u8, number: u8) -> FakeKubo {
    fake_with(fleet, host, number, |options| options).await
}

pub(crate) async fn fake_with(
    fleet: &Fleet,
    host: u8,
    number: u8,
    change: impl FnOnce(FakeOptions) -> FakeOptions,
) -> FakeKubo {
    let ip = ip(host, number);
    let spec = NodeSpec::new(&format!("n{number}"), peer_id(number.into()), ip);
    fleet
        .launch(spec, change(FakeOptions::at(ip)))
        .await
        .expect("the address is free")
}

/// Where a fake's swarm is, with its peer ID.
pub(crate) fn to(fake: &FakeKubo) -> String {
    format!("/ip4/{}/tcp/4001/p2p/{}", fake.api().ip(), fake.peer_id())
}

/// An answer: status and body, or what went wrong.
pub(crate) type Answer = Result<(u16, Bytes), String>;

pub(crate) async fn ask(api: SocketAddr, method: Method, path: &str, body: &str) -> Answer {
    let stream = TcpStream::connect(api).await.map_err(|e| e.to_string())?;
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io)
        .await
        .map_err(|e| e.to_string())?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", api.to_string())
        .body(Full::new(Bytes::from(body.to_owned())))
        .expect("a request");
    let exchange = async move {
        let response = sender
            .send_request(request)
            .await
            .map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|e| e.to_string())?;
        Ok((status, body.to_bytes()))
    };
    let both = async { futures::join!(exchange, connection).0 };
    tokio::time::timeout(PATIENCE, both)
        .await
        .map_err(|_| "it hangs".to_owned())?
}

pub(crate) async fn call(fake: &FakeKubo, call: &str) -> Answer {
    ask(fake.api(), Method::POST, &format!("/api/v0/{call}"), "").await
}

/// A call that must succeed with one JSON value.
pub(crate) async fn json(fake: &FakeKubo, path: &str) -> Value {
    let (status, body) = call(fake, path).await.expect("it answers");
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).expect("one JSON value")
}

/// The peers that a fake lists.
pub(crate) async fn peers(fake: &FakeKubo) -> Vec<String> {
    let list = json(fake, "swarm/peers?direction=true").await;
    let list = list["Peers"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|entry| entry["Peer"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Waits until a condition holds.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the condition holds in time");
}

/// The raw bytes of an answer as far as they come within a time, and how the connection ended.
pub(crate) async fn raw(
    one: &FakeKubo,
    path: &str,
    within: Duration,
) -> (Vec<u8>, Option<std::io::Error>) {
    let mut stream = TcpStream::connect(one.api()).await.expect("it listens");
    let request = format!("POST /api/v0/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(within, stream.read_to_end(&mut bytes)).await;
    (bytes, read.ok().and_then(Result::err))
}
