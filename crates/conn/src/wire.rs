//! One socket with HTTP/1 on it, driven by whoever waits for its answer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{Builder, Connection, Parts};
use hyper_util::rt::TokioIo;
use kubomesh_core::{Endpoint, Scheme};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::budget::Places;
use crate::{Bounds, Error, Request, Response, Tls};

/// Largest response header. Kubo sends half a KiB; a hostile node may send without end.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Most header lines of a response. Kubo sends ten.
const MAX_HEADERS: usize = 64;

/// Size of the read buffer: it must hold a header, and mostly holds a whole answer.
const READ_BUFFER: usize = MAX_HEADER_BYTES;

type Io = TokioIo<Either<TcpStream, Box<TlsStream<TcpStream>>>>;

/// A connection on which a request can be sent: a socket. The HTTP state around it (16 KB of
/// buffers) lives as long as an exchange, so that an idle connection costs next to nothing.
pub(crate) struct Wire {
    endpoint: Endpoint,
    host: HeaderValue,
    io: Io,
}

impl Wire {
    /// Connects, within the deadline, TLS included.
    pub(crate) async fn open(
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let late = |_| Error::TimedOut {
            doing: "connecting",
            after: deadline,
        };
        timeout(deadline, Self::connect(endpoint, tls))
            .await
            .map_err(late)?
    }

    async fn connect(endpoint: &Endpoint, tls: Option<&Tls>) -> Result<Self, Error> {
        let host = HeaderValue::from_str(&endpoint.authority()).map_err(|e| Error::BadRequest {
            why: format!("its host: {e}"),
        })?;
        let stream = dial(endpoint).await?;
        let stream = match (endpoint.scheme, tls) {
            (Scheme::Http, _) => Either::Left(stream),
            (Scheme::Https, Some(tls)) => {
                Either::Right(Box::new(tls.connect(endpoint, stream).await?))
            }
            (Scheme::Https, None) => {
                let why = "no trusted certificates were given".into();
                return Err(Error::Tls {
                    endpoint: endpoint.clone(),
                    why,
                });
            }
        };
        Ok(Self {
            endpoint: endpoint.clone(),
            host,
            io: TokioIo::new(stream),
        })
    }

    /// Sends one request and reads the whole answer. Gives the connection back if another request
    /// can follow on it. Dropping the future closes the socket, which also ends the command in Kubo
    /// (kubo.md 1.1).
    pub(crate) async fn exchange(
        self,
        request: Request,
        bounds: Bounds,
    ) -> Result<(Response, Option<Self>), Error> {
        let late = |_| Error::TimedOut {
            doing: "the exchange",
            after: bounds.deadline,
        };
        timeout(bounds.deadline, self.exchange_now(request, bounds.body))
            .await
            .map_err(late)?
    }

    async fn exchange_now(
        self,
        request: Request,
        limit: usize,
    ) -> Result<(Response, Option<Self>), Error> {
        let Self { endpoint, host, io } = self;
        let broken = |e: hyper::Error| Error::exchanging(&e, &endpoint);
        let (mut sender, mut connection) = Builder::new()
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEADER_BYTES)
            .read_buf_exact_size(Some(READ_BUFFER))
            .handshake(io)
            .await
            .map_err(broken)?;
        let request = request.into_http(&host);
        let work = async {
            // Reads what the node did since: a connection that it closed is seen here, before
            // anything is sent.
            sender.ready().await.map_err(|_| Error::closed())?;
            let response = sender.send_request(request).await.map_err(broken)?;
            let (head, body) = response.into_parts();
            read(head, body, &endpoint, limit).await
        };
        let (answer, open) = drive(&mut connection, work).await;
        let response = answer?;
        // Ended by either side, or with bytes behind the answer that no request asked for.
        let open = open && !finished(&mut connection).await && sender.is_ready();
        let Parts { io, read_buf, .. } = connection.into_parts();
        let open = open && read_buf.is_empty();
        Ok((response, open.then_some(Self { endpoint, host, io })))
    }

    /// Resolves when the node closes the connection, or says something unasked on it.
    pub(crate) async fn closed(&mut self) {
        // Whatever it is that is read, the connection is of no use any more.
        let _ = self.io.inner_mut().read(&mut [0]).await;
    }
}

async fn dial(endpoint: &Endpoint) -> Result<TcpStream, Error> {
    let refused = |e: &std::io::Error| Error::connecting(endpoint, e);
    let stream = match endpoint.ip() {
        Some(ip) => TcpStream::connect((ip, endpoint.port))
            .await
            .map_err(|e| refused(&e))?,
        None => {
            let addresses = lookup_host((&*endpoint.host, endpoint.port))
                .await
                .map_err(|e| {
                    let why = format!("its name does not resolve: {e}");
                    Error::Unreachable {
                        endpoint: endpoint.clone(),
                        why,
                    }
                })?;
            let addresses: Vec<_> = addresses.collect();
            TcpStream::connect(&*addresses)
                .await
                .map_err(|e| refused(&e))?
        }
    };
    stream.set_nodelay(true).map_err(|e| refused(&e))?;
    Ok(stream)
}

/// Reads a body with its trailers. It is copied into memory of its own, which lets hyper use its
/// one read buffer again. While it waits for a place nothing more is read from the socket.
async fn read(
    head: http::response::Parts,
    mut body: hyper::body::Incoming,
    endpoint: &Endpoint,
    limit: usize,
) -> Result<Response, Error> {
    let limit = match head.status.is_success() {
        true => limit,
        false => limit.min(Bounds::MEDIUM),
    };
    let too_large = Error::BodyTooLarge { limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large);
    }
    let mut bytes = Vec::new();
    let mut places = Places::default();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame
            .map_err(|e| Error::exchanging(&e, endpoint))?
            .into_data()
        {
            Ok(data) => {
                let length = bytes.len().saturating_add(data.len());
                if length > limit {
                    return Err(too_large);
                }
                places.admit(length).await;
                if length > bytes.capacity() {
                    let room = places.room(length, bytes.capacity(), limit);
                    bytes.reserve_exact(room - bytes.len());
                }
                bytes.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok(Response::new(head, bytes.into(), trailers, places))
}

/// Polls `work` and, before it, the connection that does nothing by itself. Says whether the
/// connection is still open.
async fn drive<T>(
    connection: &mut Connection<Io, Empty<Bytes>>,
    work: impl Future<Output = T>,
) -> (T, bool) {
    let mut work = pin!(work);
    let mut open = true;
    poll_fn(|cx| {
        // Its error, if any, reaches the work through its channels.
        open = open && Pin::new(&mut *connection).poll(cx).is_pending();
        work.as_mut().poll(cx).map(|done| (done, open))
    })
    .await
}

/// Whether the connection has ended by now, without waiting for it.
async fn finished(connection: &mut Connection<Io, Empty<Bytes>>) -> bool {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *connection).poll(cx).is_ready())).await
}
