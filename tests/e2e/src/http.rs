//! Small HTTP requests: to nodes, to the controller's pages, to the store's socket.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use futures::future::{Either, select};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::timeout;

/// How long a request may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Longest answer, bytes.
const MOST: usize = 64 << 20;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// One request over TCP, from the given address where one is given, with a bearer token where one
/// is given.
pub(crate) async fn request(
    method: Method,
    to: SocketAddr,
    from: Option<IpAddr>,
    path: &str,
    token: Option<&str>,
) -> Result<Answer> {
    let call = async {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(to).await?;
        let request = build(method, &to.to_string(), path)?;
        exchange(stream, with_token(request, token)?).await
    };
    let answer = timeout(DEADLINE, call).await;
    answer
        .unwrap_or_else(|_| Err(anyhow!("no answer within {DEADLINE:?}")))
        .with_context(|| format!("http://{to}{path}"))
}

/// One POST on a connection that there is, with a bearer token where one is given.
pub(crate) async fn post_on(
    stream: std::net::TcpStream,
    path: &str,
    token: Option<&str>,
) -> Result<Answer> {
    let to = stream.peer_addr()?;
    let call = async {
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream)?;
        let request = build(Method::POST, &to.to_string(), path)?;
        exchange(stream, with_token(request, token)?).await
    };
    let answer = timeout(DEADLINE, call).await;
    answer
        .unwrap_or_else(|_| Err(anyhow!("no answer within {DEADLINE:?}")))
        .with_context(|| format!("http://{to}{path}"))
}

/// One POST of a JSON body over TCP.
pub(crate) async fn post_json(to: SocketAddr, path: &str, body: &Value) -> Result<Answer> {
    let call = async {
        let stream = TcpStream::connect(to).await?;
        let mut request = build(Method::POST, &to.to_string(), path)?;
        *request.body_mut() = Full::from(serde_json::to_vec(body)?);
        exchange(stream, request).await
    };
    let answer = timeout(DEADLINE, call).await;
    answer
        .unwrap_or_else(|_| Err(anyhow!("no answer within {DEADLINE:?}")))
        .with_context(|| format!("http://{to}{path}"))
}

/// One GET over a Unix socket.
pub(crate) async fn get_unix(socket: &Path, path: &str) -> Result<Answer> {
    let call = async {
        let stream = UnixStream::connect(socket).await?;
        exchange(stream, build(Method::GET, "localhost", path)?).await
    };
    let answer = timeout(DEADLINE, call).await;
    answer
        .unwrap_or_else(|_| Err(anyhow!("no answer within {DEADLINE:?}")))
        .with_context(|| socket.display().to_string())
}

fn build(method: Method, host: &str, path: &str) -> Result<Request<Full<Bytes>>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(USER_AGENT, HeaderValue::from_static("kubomesh-e2e"))
        .header(CONTENT_TYPE, "application/octet-stream");
    Ok(request.body(Full::default())?)
}

fn with_token(
    mut request: Request<Full<Bytes>>,
    token: Option<&str>,
) -> Result<Request<Full<Bytes>>> {
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}"))?;
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let talk = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| anyhow!(error))?.to_bytes();
        Ok(Answer { status, body })
    };
    // The connection is driven here and not by a task: it ends with the request.
    match select(Box::pin(talk), Box::pin(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, talk)) => talk.await,
    }
}

// === impl Answer ===

impl Answer {
    /// The body as JSON; an error with its text when the status is not 200.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        let shown = || String::from_utf8_lossy(&self.body[..self.body.len().min(500)]).into_owned();
        ensure!(
            self.status == StatusCode::OK,
            "{}: {}",
            self.status,
            shown()
        );
        serde_json::from_slice(&self.body).with_context(shown)
    }
}
