//! Tests of the client: against the recordings of a real Kubo, against nodes that misbehave, and
//! of the parsers alone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here fails the test"
)]

mod auth;
mod hostile;
mod parsers;
mod recordings;
mod rows;
mod sizes;
mod verbs;

use std::time::Duration;

use kubomesh_conn::open;
use kubomesh_core::{Address, Expected, PeerId};
use kubomesh_testkit::raw::{RawServer, Step};

use crate::{Error, Introduction, Node, introduce};

/// Far above what any answer takes here.
const DEADLINE: Duration = Duration::from_secs(15);

/// The identity that [`node`] shows: the first node of the recordings.
const OWN: &str = "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M";

/// Another one.
const OTHER: &str = "12D3KooWHQb7MX7pT9sB1L5epFAkfXaf3HqGu2oRuBZMchSV5roK";

fn peer(text: &str) -> PeerId {
    text.parse().unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// An answer with this status line, content type and body.
fn answer(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn json(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", "application/json", body.as_ref())
}

fn own_id() -> Step {
    Step::Say(json(format!(
        r#"{{"ID":"{OWN}","AgentVersion":"kubo/0.44.0"}}"#
    )))
}

async fn introduced(steps: Vec<Step>) -> (Result<Introduction, Error>, RawServer) {
    let server = RawServer::start(steps).await.unwrap();
    let connection = open(&server.endpoint, None, DEADLINE).await.unwrap();
    (introduce(connection, None, DEADLINE).await, server)
}

/// A verified node that answers its further requests with these steps.
async fn node(mut steps: Vec<Step>) -> (Node, RawServer) {
    steps.insert(0, own_id());
    let (introduction, server) = introduced(steps).await;
    (
        introduction
            .unwrap()
            .accept(Expected::Peer(peer(OWN)))
            .unwrap(),
        server,
    )
}
