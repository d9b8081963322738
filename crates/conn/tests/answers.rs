//! Answers as they come: whole, broken, endless, slow, and not HTTP at all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here fails the test"
)]

use std::time::Duration;

use kubomesh_conn::{Bounds, Error, IntroduceError, Request, Response, open};
use kubomesh_core::{Endpoint, FailureKind};
use kubomesh_testkit::raw::{RawServer, Step};

const DEADLINE: Duration = Duration::from_secs(10);

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The whole answer to the first request on a connection.
async fn ask(step: Step, bounds: Bounds) -> Result<Response, Error> {
    let server = RawServer::start(vec![step]).await.unwrap();
    let connection = open(&server.endpoint, None, DEADLINE).await?;
    let request = Request::post("/").unwrap();
    match connection
        .introduce(request, bounds, |r| Ok::<_, ()>(r.clone()))
        .await
    {
        Ok(introduced) => Ok(introduced.identity().clone()),
        Err(IntroduceError::Exchange(error)) => Err(error),
        Err(IntroduceError::Answer(())) => unreachable!(),
    }
}

async fn kind(step: Step) -> FailureKind {
    ask(step, Bounds::within(DEADLINE))
        .await
        .unwrap_err()
        .kind()
}

#[tokio::test]
async fn chunks_headers_and_trailers_are_read() {
    let text = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
                Server: kubo/0.44.0\r\nTrailer: X-Stream-Error\r\nX-Chunked-Output: 1\r\n\
                Transfer-Encoding: chunked\r\n\r\n\
                3\r\none\r\n3\r\ntwo\r\n0\r\nX-Stream-Error: ping failed\r\n\r\n";
    let response = ask(Step::Say(text.into()), Bounds::default())
        .await
        .unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.content_type(), Some("application/json"));
    assert_eq!(response.server(), Some("kubo/0.44.0"));
    assert!(response.is_stream());
    assert_eq!(response.body(), b"onetwo");
    assert_eq!(response.trailer_error().as_deref(), Some("ping failed"));
}

#[tokio::test]
async fn a_plain_answer_has_nothing_more() {
    let text = "HTTP/1.1 204 No Content\r\n\r\n";
    let response = ask(Step::Say(text.into()), Bounds::default())
        .await
        .unwrap();
    assert_eq!((response.status(), response.body()), (204, &b""[..]));
    assert_eq!((response.content_type(), response.server()), (None, None));
    assert!(!response.is_stream());
    assert_eq!(response.trailer_error(), None);
}

#[tokio::test]
async fn informational_answers_are_skipped() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let response = ask(Step::Say(text.into()), Bounds::default())
        .await
        .unwrap();
    assert_eq!(response.body(), b"ok");
}

#[tokio::test]
async fn an_answer_to_nothing_ends_the_connection() {
    let one = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nme";
    let stale = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale";
    let steps = vec![
        Step::Say(format!("{one}{stale}").into()),
        Step::Say(one.into()),
    ];
    let server = RawServer::start(steps).await.unwrap();
    let connection = open(&server.endpoint, None, DEADLINE).await.unwrap();
    let request = || Request::post("/").unwrap();
    let introduced = connection.introduce(request(), Bounds::default(), |_| Ok::<_, ()>(()));
    let mut node = introduced
        .await
        .unwrap()
        .accept(|()| Ok::<_, ()>(()))
        .unwrap();
    let error = node
        .exchange(request(), Bounds::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::Disconnected);
}

#[tokio::test]
async fn a_broken_answer_is_a_disconnect() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    let chunk = format!("{CHUNKED}64\r\nhalf");
    let no_end = format!("{CHUNKED}4\r\nhalf\r\n");
    for broken in [length, &chunk, &no_end, "HTTP/1.1 200 OK\r\nConte", ""] {
        let step = Step::SayAndClose(broken.into());
        assert_eq!(
            kind(step).await,
            FailureKind::Disconnected,
            "closed after {broken:?}"
        );
        let step = Step::SayAndReset(broken.into());
        assert_eq!(
            kind(step).await,
            FailureKind::Disconnected,
            "reset after {broken:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(1_000));
    let large = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(100_000));
    let chunk = format!("{CHUNKED}not hexadecimal\r\n");
    let trailers = format!("{CHUNKED}0\r\nA: {}\r\n\r\n", "b".repeat(1_000_000));
    for text in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\0\0\0\0",
        &many,
        &large,
        &chunk,
        &trailers,
    ] {
        let step = Step::SayAndHold(text.into());
        let start: String = text.chars().take(60).collect();
        assert_eq!(kind(step).await, FailureKind::NotKubo, "{start:?}");
    }
}

#[tokio::test]
async fn a_header_without_end_is_not_read_for_ever() {
    let step = Step::SayForEver(
        "HTTP/1.1 200 OK\r\n".into(),
        "A: b\r\n".repeat(1_000).into(),
    );
    assert_eq!(kind(step).await, FailureKind::NotKubo);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let bounds = Bounds {
        deadline: DEADLINE,
        body: 10_000,
    };
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n";
    let endless = Step::SayForEver(CHUNKED.into(), format!("400\r\n{:1024}\r\n", "").into());
    let until_close = Step::SayForEver("HTTP/1.1 200 OK\r\n\r\n".into(), vec![b' '; 1024]);
    for step in [Step::SayAndHold(announced.into()), endless, until_close] {
        let error = ask(step, bounds).await.unwrap_err();
        assert_eq!(error, Error::BodyTooLarge { limit: 10_000 });
    }
    let exact = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{:10000}",
        ""
    );
    assert_eq!(
        ask(Step::Say(exact.into()), bounds)
            .await
            .unwrap()
            .body()
            .len(),
        10_000
    );
}

#[tokio::test]
async fn the_deadline_holds_to_the_last_byte() {
    let bounds = Bounds::within(Duration::from_millis(50));
    let header = "HTTP/1.1 200 OK\r\nConte";
    let body = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    let trailers = format!("{CHUNKED}4\r\nhalf\r\n0\r\nX-Str");
    for slow in ["", header, body, &trailers] {
        let error = ask(Step::SayAndHold(slow.into()), bounds)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), FailureKind::TimedOut, "{slow:?}");
    }
    let informed = Step::SayForEver(Vec::new(), "HTTP/1.1 102 Processing\r\n\r\n".into());
    assert_eq!(
        ask(informed, bounds).await.unwrap_err().kind(),
        FailureKind::TimedOut
    );
}

#[tokio::test]
async fn nobody_there() {
    let port = {
        let listener = std::net::TcpListener::bind("127.20.0.2:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let refused: Endpoint = format!("http://127.20.0.2:{port}").parse().unwrap();
    let error = open(&refused, None, DEADLINE).await.unwrap_err();
    assert_eq!(error, Error::Refused { endpoint: refused });
    // No resolver is asked for a label of more than 63 characters.
    let nameless: Endpoint = format!("http://{}.test:5001", "a".repeat(64))
        .parse()
        .unwrap();
    let error = open(&nameless, None, DEADLINE).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable, "{error}");
}
