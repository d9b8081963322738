//! What an answer's status and type come down to, before its body is read as the verb's.

use std::borrow::Cow;

use kubomesh_conn::Response;
use kubomesh_core::{Address, FailureKind, one_line};
use serde::Deserialize;

use crate::connect;
use crate::error::{Error, answered};
use crate::limits::{MAX_SHOWN, Text};

/// The start of Kubo's one text for a missing, wrong or too narrow token.
const ACCESS_DENIED: &str = "Kubo RPC Access Denied";

/// Kubo's text for another method than `POST`, which no proxy of ours sends.
const METHOD: &str = "405 - Method Not Allowed";

/// What Go's TLS servers say to plain HTTP.
const WANTS_TLS: &str = "Client sent an HTTP request to an HTTPS server";

/// Kubo's error body: `{"Message":"…","Code":0,"Type":"error"}`.
#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(rename = "Message", borrow)]
    message: Text<'a>,
}

/// Lets a 200 with JSON and without a trailer error pass; classifies all else.
///
/// `asked` is the address that a `swarm/connect` asked for.
pub(crate) fn check(
    verb: &'static str,
    response: &Response,
    asked: Option<&Address>,
) -> Result<(), Error> {
    match (response.status(), media(response), response.trailer_error()) {
        (200, Media::Json, None) => Ok(()),
        (200, Media::Json, Some(text)) => Err(answered(verb, connect::class(&text), &text)),
        _ => Err(failure(verb, response, asked)),
    }
}

/// What an answer means that is not a good one.
fn failure(verb: &'static str, response: &Response, asked: Option<&Address>) -> Error {
    let shown = response.body().len().min(MAX_SHOWN);
    let text = String::from_utf8_lossy(&response.body()[..shown]);
    let failed = |kind, message: &str| answered(verb, kind, message.trim());
    match (response.status(), media(response)) {
        (status @ (400 | 500), Media::Json) => match message(response.body()) {
            Some(message) => refusal(verb, status, &message, asked),
            None => failed(FailureKind::BadBody, &not_kubo(response, &text)),
        },
        (401, _) => failed(FailureKind::Unauthorised, &not_kubo(response, &text)),
        (403, _) if text.starts_with(ACCESS_DENIED) => failed(FailureKind::Unauthorised, &text),
        (403, _) => failed(FailureKind::Forbidden, &not_kubo(response, &text)),
        (400, Media::Text) if text.contains(WANTS_TLS) => failed(
            FailureKind::Tls,
            "the node wants TLS: write its RPC address with https://",
        ),
        (400, Media::Text) => failed(FailureKind::BadRequest, &text),
        (404, Media::Text) => failed(FailureKind::UnknownCommand, &text),
        (405, Media::Text) if text.starts_with(METHOD) => failed(FailureKind::BadRequest, &text),
        // A command that panics: `an error occurred` (measured-on-kubo, row 27).
        (500, Media::Text) => failed(FailureKind::Refusal, &text),
        _ => failed(FailureKind::NotKubo, &not_kubo(response, &text)),
    }
}

enum Media {
    Json,
    Text,
    Other,
}

fn media(response: &Response) -> Media {
    let sent = response.content_type().unwrap_or_default();
    match sent.split(';').next().unwrap_or_default().trim() {
        "application/json" => Media::Json,
        "text/plain" => Media::Text,
        _ => Media::Other,
    }
}

fn message(body: &[u8]) -> Option<Cow<'_, str>> {
    let refusal: Refusal<'_> = serde_json::from_slice(body).ok()?;
    Some(refusal.message.0)
}

fn refusal(verb: &'static str, status: u16, message: &str, asked: Option<&Address>) -> Error {
    let error = connect::refusal(verb, message, asked);
    // Kubo answers 400 in JSON for what it calls the client's own error.
    if status == 400 && error.kind() == FailureKind::Refusal {
        return answered(verb, FailureKind::BadRequest, message);
    }
    error
}

/// What came instead, in one line: status, type and the start of the body.
fn not_kubo(response: &Response, text: &str) -> String {
    let kind = one_line(response.content_type().unwrap_or("no content type"), 60);
    let start = one_line(text.trim_start(), 100);
    format!("status {} with {kind}: `{start}`", response.status())
}
