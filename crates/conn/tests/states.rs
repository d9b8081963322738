//! What may be sent in which state, and that a connection is never more than one socket.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here fails the test"
)]

use std::time::Duration;

use kubomesh_conn::{Bounds, IntroduceError, Request, USER_AGENT, Verified, open};
use kubomesh_core::{FailureKind, Redacted};
use kubomesh_testkit::raw::{RawServer, Step};

const DEADLINE: Duration = Duration::from_secs(10);

fn answer(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn post(path: &str) -> Request {
    Request::post(path).unwrap()
}

/// A connection that the server introduced with the first of its steps.
async fn verified(server: &RawServer) -> Verified<String> {
    let connection = open(&server.endpoint, None, DEADLINE).await.unwrap();
    let introduced = connection.introduce(post("/who"), Bounds::default(), |response| {
        Ok::<_, ()>(String::from_utf8_lossy(response.body()).into_owned())
    });
    introduced
        .await
        .unwrap()
        .accept(|_| Ok::<_, ()>(()))
        .unwrap()
}

#[tokio::test]
async fn one_connection_carries_all_exchanges_in_order() {
    let steps = ["me", "one", "two"]
        .map(|body| Step::Say(answer(body)))
        .to_vec();
    let server = RawServer::start(steps).await.unwrap();
    let mut node = verified(&server).await;
    assert_eq!(node.identity(), "me");
    for expected in ["one", "two"] {
        let response = node.exchange(post("/x"), Bounds::default()).await.unwrap();
        assert_eq!(response.body(), expected.as_bytes());
        assert!(node.is_open());
    }
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn the_request_is_written_as_agreed() {
    let server = RawServer::start(vec![Step::Say(answer("me")), Step::Say(answer(""))])
        .await
        .unwrap();
    let mut node = verified(&server).await;
    let secret = Redacted::new("Bearer s3cret".to_owned());
    let request = post("/api/v0/id?arg=/ip4/1.2.3.4")
        .authorization(Some(&secret))
        .unwrap();
    assert!(!format!("{request:?}").contains("s3cret"));
    node.exchange(request, Bounds::default()).await.unwrap();
    let host = server.endpoint.authority();
    assert_eq!(
        server.seen().requests[1],
        format!(
            "POST /api/v0/id?arg=/ip4/1.2.3.4 HTTP/1.1\r\nhost: {host}\r\n\
             user-agent: {USER_AGENT}\r\ncontent-length: 0\r\nauthorization: Bearer s3cret\r\n\r\n"
        )
    );
}

#[test]
fn kubo_takes_our_name_for_no_other_kubo_and_no_browser() {
    assert!(USER_AGENT.starts_with("kubomesh/"));
    assert!(!USER_AGENT.contains("/kubo/") && !USER_AGENT.contains("/go-ipfs/"));
}

#[test]
fn a_request_that_cannot_be_written_is_refused_without_its_secret() {
    let error = Request::post("/api v0").unwrap_err();
    assert_eq!(error.kind(), FailureKind::BadRequest);
    let secret = Redacted::new("Bearer s3\ncret".to_owned());
    let error = post("/").authorization(Some(&secret)).unwrap_err();
    assert_eq!(error.kind(), FailureKind::BadRequest);
    assert!(!error.to_string().contains("s3"), "{error}");
}

#[tokio::test]
async fn an_answer_without_identity_closes_the_connection() {
    let mut server = RawServer::start(vec![Step::Say(answer("nobody"))])
        .await
        .unwrap();
    let connection = open(&server.endpoint, None, DEADLINE).await.unwrap();
    let refused = connection
        .introduce(post("/who"), Bounds::default(), |_| {
            Err::<(), _>("no identity")
        })
        .await
        .unwrap_err();
    assert_eq!(refused, IntroduceError::Answer("no identity"));
    server.gone().await;
    assert_eq!(server.seen().requests.len(), 1);
}

#[tokio::test]
async fn another_identity_closes_the_connection() {
    let mut server = RawServer::start(vec![Step::Say(answer("other"))])
        .await
        .unwrap();
    let connection = open(&server.endpoint, None, DEADLINE).await.unwrap();
    let introduced = connection
        .introduce(post("/who"), Bounds::default(), |r| {
            Ok::<_, ()>(r.body().to_vec())
        })
        .await
        .unwrap();
    assert_eq!(introduced.identity(), b"other");
    assert_eq!(introduced.accept(|_| Err("not me")).unwrap_err(), "not me");
    server.gone().await;
    assert_eq!(server.seen().requests.len(), 1);
}

#[tokio::test]
async fn after_connection_close_nothing_more_is_sent() {
    let last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbye".to_vec();
    let server = RawServer::start(vec![Step::Say(answer("me")), Step::SayAndClose(last)])
        .await
        .unwrap();
    let mut node = verified(&server).await;
    assert_eq!(
        node.exchange(post("/a"), Bounds::default())
            .await
            .unwrap()
            .body(),
        b"bye"
    );
    assert!(!node.is_open());
    let error = node
        .exchange(post("/b"), Bounds::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::Disconnected);
    let seen = server.seen();
    assert_eq!((seen.connections, seen.requests.len()), (1, 2));
}

#[tokio::test]
async fn the_close_of_an_idle_connection_is_seen() {
    let server = RawServer::start(vec![Step::Say(answer("me"))])
        .await
        .unwrap();
    let mut node = verified(&server).await;
    assert!(node.is_open());
    drop(server);
    node.closed().await;
    assert!(!node.is_open());
    // Resolves again at once.
    node.closed().await;
    let error = node
        .exchange(post("/b"), Bounds::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::Disconnected);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_replaced() {
    let server = RawServer::start(vec![Step::SayAndClose(answer("me"))])
        .await
        .unwrap();
    let mut node = verified(&server).await;
    node.closed().await;
    let error = node
        .exchange(post("/b"), Bounds::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::Disconnected);
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn waiting_for_the_close_can_be_dropped() {
    let last = Step::SayAndClose(answer("last"));
    let server = RawServer::start(vec![Step::Say(answer("me")), last])
        .await
        .unwrap();
    let mut node = verified(&server).await;
    tokio::select! {
        biased;
        () = node.closed() => panic!("nobody closed it"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(
        node.exchange(post("/a"), Bounds::default())
            .await
            .unwrap()
            .body(),
        b"last"
    );
    node.closed().await;
}

#[tokio::test]
async fn a_dropped_exchange_closes_the_connection() {
    let hold = Step::SayAndHold(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec());
    let mut server = RawServer::start(vec![Step::Say(answer("me")), hold])
        .await
        .unwrap();
    let mut node = verified(&server).await;
    {
        let exchange = node.exchange(post("/a"), Bounds::default());
        let asked = async {
            while server.seen().requests.len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = exchange => panic!("half an answer is none"),
            () = asked => {}
        }
    }
    assert!(!node.is_open());
    let error = node
        .exchange(post("/b"), Bounds::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::Disconnected);
    server.gone().await;
}
