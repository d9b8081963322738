//! What is sent and what comes back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, SERVER, USER_AGENT as AGENT,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body_util::Empty;
use kubomesh_core::Redacted;

use crate::Error;
use crate::budget::Places;

/// What we call ourselves. Kubo refuses everything but `version` to an agent whose name holds
/// `/kubo/` or `/go-ipfs/` and is not its own, and everything to one that starts with `Mozilla`
/// (kubo.md 1.1).
pub const USER_AGENT: &str = concat!("kubomesh/", env!("CARGO_PKG_VERSION"));

/// Trailer in which Kubo reports an error after its first output (kubo.md 1.1).
const STREAM_ERROR: HeaderName = HeaderName::from_static("x-stream-error");

/// Header of an answer that is a stream of JSON objects.
const STREAM: HeaderName = HeaderName::from_static("x-chunked-output");

/// How long and how much: both hold for the whole exchange, to the last byte of the trailers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How long the exchange may take.
    pub deadline: Duration,
    /// How many bytes the body may have.
    pub body: usize,
}

/// A request: `POST`, a path, no body. All verbs of Kubo's RPC are like that.
#[derive(Debug, Clone)]
pub struct Request {
    path: PathAndQuery,
    authorization: Option<HeaderValue>,
}

/// A whole answer, its trailers included. It holds the places that its body took until it, and every
/// clone of it, is dropped.
#[derive(Debug, Clone)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
    _places: Arc<Places>,
}

// === impl Bounds ===

impl Bounds {
    /// How long a read may take (rules.md, "Limits").
    pub const READ: Duration = Duration::from_secs(5);

    /// Largest body, 16 MiB (rules.md, "Limits"). There are [`LARGE_PLACES`](crate::LARGE_PLACES) for
    /// bodies beyond [`Bounds::MEDIUM`].
    pub const BODY: usize = 16 * 1024 * 1024;

    /// Largest body of an answer that is no list of connections, and of an error's text. There are
    /// [`MEDIUM_PLACES`](crate::MEDIUM_PLACES) for bodies beyond [`Bounds::SMALL`].
    pub const MEDIUM: usize = 1024 * 1024;

    /// Largest body that needs no place. A Kubo with its addresses and protocols answers `id` in less
    /// than 4 KiB (the recordings).
    pub const SMALL: usize = 128 * 1024;

    /// The default body limit with this deadline.
    #[must_use]
    pub const fn within(deadline: Duration) -> Self {
        Self {
            deadline,
            body: Self::BODY,
        }
    }

    /// The same deadline with this body limit.
    #[must_use]
    pub const fn up_to(self, body: usize) -> Self {
        Self { body, ..self }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::within(Self::READ)
    }
}

// === impl Request ===

impl Request {
    /// A `POST` to a path with its query, percent-encoded already.
    ///
    /// # Errors
    /// [`Error::BadRequest`] when it is no path: not encoded, or longer than 65,534 bytes.
    pub fn post(path_and_query: &str) -> Result<Self, Error> {
        let path = PathAndQuery::try_from(path_and_query).map_err(|e| Error::BadRequest {
            why: format!("its path: {e}"),
        })?;
        Ok(Self {
            path,
            authorization: None,
        })
    }

    /// Adds the `Authorization` header.
    ///
    /// # Errors
    /// [`Error::BadRequest`] when the value has characters that a header cannot have; the sentence
    /// does not repeat the value.
    pub fn authorization(mut self, value: Option<&Redacted<String>>) -> Result<Self, Error> {
        self.authorization = value
            .map(|value| {
                let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
                    let why = "the secret for the Authorization header has control characters";
                    Error::BadRequest { why: why.into() }
                })?;
                value.set_sensitive(true);
                Ok(value)
            })
            .transpose()?;
        Ok(self)
    }

    pub(crate) fn into_http(self, host: &HeaderValue) -> http::Request<Empty<Bytes>> {
        let mut request = http::Request::new(Empty::new());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from(self.path);
        let headers = request.headers_mut();
        headers.insert(HOST, host.clone());
        headers.insert(AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        if let Some(value) = self.authorization {
            headers.insert(AUTHORIZATION, value);
        }
        request
    }
}

// === impl Response ===

impl Response {
    pub(crate) fn new(
        head: http::response::Parts,
        body: Bytes,
        trailers: Option<HeaderMap>,
        places: Places,
    ) -> Self {
        Self {
            status: head.status,
            headers: head.headers,
            body,
            trailers,
            _places: Arc::new(places),
        }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// `Content-Type` as sent, if it is readable text.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        text(&self.headers, &CONTENT_TYPE)
    }

    /// `Server` as sent: Kubo says `kubo/<version>` in front of JSON.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        text(&self.headers, &SERVER)
    }

    /// Whether the body is announced as a stream of JSON objects, one a line (`X-Chunked-Output`).
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.headers.contains_key(&STREAM)
    }

    /// The body, whole.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The error that the node reported behind the body (trailer `X-Stream-Error`); the status was
    /// sent before it happened and says nothing of it.
    #[must_use]
    pub fn trailer_error(&self) -> Option<String> {
        let value = self.trailers.as_ref()?.get(&STREAM_ERROR)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
