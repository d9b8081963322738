//! How many large bodies are in memory at once. A binary of its own: the places are the process's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here fails the test"
)]

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kubomesh_conn::{Bounds, Error, IntroduceError, LARGE_PLACES, Request, Response, open};
use kubomesh_core::FailureKind;
use kubomesh_testkit::raw::{RawServer, Step};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(30);

/// What nobody who finds no place is waited for.
const SHORT: Duration = Duration::from_millis(200);

const LARGE: usize = Bounds::MEDIUM + 1;

/// The places are the process's: one test at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// The answer with a body of `sent` bytes, of `announced`.
fn answer(status: &str, announced: usize, sent: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {announced}\r\n\r\n");
    [head.as_bytes(), &vec![b'x'; sent]].concat()
}

async fn ask(step: Step, deadline: Duration) -> Result<Response, Error> {
    let server = RawServer::start(vec![step]).await.unwrap();
    let connection = open(&server.endpoint, None, DEADLINE).await?;
    let request = Request::post("/").unwrap();
    match connection
        .introduce(request, Bounds::within(deadline), |r| {
            Ok::<_, ()>(r.clone())
        })
        .await
    {
        Ok(introduced) => Ok(introduced.identity().clone()),
        Err(IntroduceError::Exchange(error)) => Err(error),
        Err(IntroduceError::Answer(())) => unreachable!(),
    }
}

async fn whole(bytes: usize, deadline: Duration) -> Result<Response, Error> {
    ask(Step::Say(answer("200 OK", bytes, bytes)), deadline).await
}

#[tokio::test]
async fn large_bodies_wait_for_a_place_and_small_ones_do_not() {
    let _turn = TURN.lock().await;
    let mut asked: FuturesUnordered<_> = (0..3 * LARGE_PLACES)
        .map(|_| whole(LARGE, DEADLINE))
        .collect();
    let mut held = Vec::new();
    while held.len() < LARGE_PLACES {
        held.push(asked.next().await.unwrap().unwrap());
    }
    let further = tokio::time::timeout(SHORT, asked.next()).await;
    assert!(further.is_err(), "as many as there are places");
    for small in [0, Bounds::SMALL, Bounds::SMALL + 1, Bounds::MEDIUM] {
        assert_eq!(whole(small, DEADLINE).await.unwrap().body().len(), small);
    }
    let late = whole(LARGE, SHORT).await.unwrap_err();
    assert_eq!(late.kind(), FailureKind::TimedOut, "waiting counts");

    let mut left = 2 * LARGE_PLACES;
    while left > 0 {
        drop(held.pop());
        held.push(asked.next().await.unwrap().unwrap());
        left -= 1;
    }
    let again = held[0].clone();
    drop(held);
    drop(again);
    assert!(whole(Bounds::BODY, DEADLINE).await.is_ok());
}

#[tokio::test]
async fn a_body_has_its_place_while_it_comes_and_gives_it_back_when_it_breaks_off() {
    let _turn = TURN.lock().await;
    let half = || Step::SayAndHold(answer("200 OK", 2 * LARGE, LARGE));
    let mut coming = JoinSet::new();
    for _ in 0..LARGE_PLACES {
        coming.spawn(ask(half(), DEADLINE));
    }
    // Until each has come as far as its place.
    let full = async { while whole(LARGE, SHORT).await.is_ok() {} };
    tokio::time::timeout(DEADLINE / 2, full).await.unwrap();
    coming.shutdown().await;
    assert!(whole(LARGE, DEADLINE).await.is_ok());
}

#[tokio::test]
async fn the_text_of_an_error_has_no_large_body() {
    let step = Step::Say(answer("500 Internal Server Error", LARGE, LARGE));
    let error = ask(step, DEADLINE).await.unwrap_err();
    let limit = Bounds::MEDIUM;
    assert_eq!(error, Error::BodyTooLarge { limit });
}
