//! Answers as Kubo shapes them: one JSON value, a stream of them, or plain text.

use bytes::Bytes;
use http::header::{
    ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SERVER, TRAILER, VARY,
};
use http::{Response, StatusCode};
use kubomesh_model::Refusal;
use serde::Serialize;

use super::VERSION;
use super::body::{self, Body};

/// An answer before it becomes HTTP.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// JSON, one value a chunk and a newline behind each (row 18).
    Json {
        status: StatusCode,
        lines: Vec<Bytes>,
        /// Whether the command emits several values, which shows in a header.
        streams: bool,
        /// What ends the stream early; goes into the trailer.
        error: Option<String>,
    },
    /// Plain text: the answer of a check before the command.
    Text {
        status: StatusCode,
        text: String,
        checked_by: Check,
    },
    /// The node ended while the call waited.
    Hangup,
}

/// Which layer refuses; they set different headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Kubo's own: version and authorization.
    Daemon,
    /// The command library's.
    Commands,
    /// The same, for a method that is not allowed.
    Method,
}

/// Kubo's `Message` of a command that failed.
#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "Message")]
    message: &'a str,
    #[serde(rename = "Code")]
    code: u32,
    #[serde(rename = "Type")]
    kind: &'static str,
}

impl Reply {
    /// One value.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::raw(encode(value))
    }

    /// One value that is encoded already, newline included.
    pub(crate) fn raw(line: Bytes) -> Self {
        Self::Json {
            status: StatusCode::OK,
            lines: vec![line],
            streams: false,
            error: None,
        }
    }

    /// Several values.
    pub(crate) fn stream(lines: Vec<Bytes>, error: Option<String>) -> Self {
        Self::Json {
            status: StatusCode::OK,
            lines,
            streams: true,
            error,
        }
    }

    /// `{"Message":…}` with status 500 (kubo.md 1.1).
    pub(crate) fn failed(message: &str) -> Self {
        let failed = Failed {
            message,
            code: 0,
            kind: "error",
        };
        Self::Json {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            lines: vec![encode(&failed)],
            streams: false,
            error: None,
        }
    }

    pub(crate) fn bad_request(text: String) -> Self {
        Self::Text {
            status: StatusCode::BAD_REQUEST,
            text,
            checked_by: Check::Commands,
        }
    }

    pub(crate) fn not_found() -> Self {
        let text = "404 page not found".into();
        Self::Text {
            status: StatusCode::NOT_FOUND,
            text,
            checked_by: Check::Commands,
        }
    }

    /// The body as it would be sent whole.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Json { lines, .. } => lines.concat().into(),
            Self::Text { text, .. } => text.clone().into(),
            Self::Hangup => Bytes::new(),
        }
    }

    /// The body with every field of its values null.
    pub(crate) fn nulled(&self) -> Bytes {
        let mut out = Vec::new();
        for value in serde_json::Deserializer::from_slice(&self.bytes()).into_iter() {
            let value = match value {
                Ok(serde_json::Value::Object(mut fields)) => {
                    fields
                        .values_mut()
                        .for_each(|field| *field = serde_json::Value::Null);
                    serde_json::Value::Object(fields)
                }
                _ => serde_json::Value::Null,
            };
            out.extend_from_slice(&encode(&value));
        }
        out.into()
    }

    pub(crate) fn into_http(self) -> Option<Response<Body>> {
        let mut response = match self {
            Self::Hangup => return None,
            Self::Text {
                status,
                text,
                checked_by,
            } => {
                // Go's http.Error ends each text with a newline.
                let mut response = Response::new(body::whole(format!("{text}\n").into()));
                *response.status_mut() = status;
                text_headers(response.headers_mut(), checked_by);
                response
            }
            Self::Json {
                status,
                lines,
                streams,
                error,
            } => {
                let mut response = Response::new(body::chunks(lines));
                *response.status_mut() = status;
                json_headers(response.headers_mut(), streams);
                if let Some(error) = error {
                    response.extensions_mut().insert(StreamError(error));
                }
                response
            }
        };
        *response.version_mut() = http::Version::HTTP_11;
        Some(response)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Message(message) => Self::failed(&message),
            Refusal::Down | Refusal::Gone => Self::Hangup,
        }
    }
}

/// The error that a response's trailer carries.
#[derive(Debug, Clone)]
pub(crate) struct StreamError(pub(crate) String);

/// A value as one line, escaped as Go's encoder does it.
pub(crate) fn encode(value: &impl Serialize) -> Bytes {
    // Serialising these plain structs cannot fail; an empty line would fail every test that reads it.
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut text = if text.contains(['<', '>', '&']) {
        // Within JSON these stand in strings only.
        text.replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
    } else {
        text
    };
    text.push('\n');
    Bytes::from(text)
}

const OUTPUT_HEADERS: &str = "X-Stream-Output, X-Chunked-Output, X-Content-Length";

fn json_headers(headers: &mut HeaderMap, streams: bool) {
    for name in [
        "access-control-allow-headers",
        "access-control-expose-headers",
    ] {
        let value = HeaderValue::from_static(OUTPUT_HEADERS);
        headers.insert(HeaderName::from_static(name), value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(server) = HeaderValue::try_from(format!("kubo/{VERSION}")) {
        headers.insert(SERVER, server);
    }
    headers.insert(TRAILER, HeaderValue::from_static("X-Stream-Error"));
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if streams {
        let name = HeaderName::from_static("x-chunked-output");
        headers.insert(name, HeaderValue::from_static("1"));
    }
}

fn text_headers(headers: &mut HeaderMap, checked_by: Check) {
    if checked_by == Check::Method {
        headers.insert(ALLOW, HeaderValue::from_static("OPTIONS, POST"));
    }
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if checked_by != Check::Daemon {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
    }
    let name = HeaderName::from_static("x-content-type-options");
    headers.insert(name, HeaderValue::from_static("nosniff"));
}
