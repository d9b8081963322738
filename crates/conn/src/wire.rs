//! One socket with HTTP/1 on it, driven by whoever waits for its answer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use kubomesh_core::{Endpoint, Scheme};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::{Bounds, Error, Request, Response, Tls};

/// Largest response header. Kubo sends half a KiB; a hostile node may send without end.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Most header lines of a response. Kubo sends ten.
const MAX_HEADERS: usize = 64;

/// Size of the read buffer. An idle connection keeps it, so it is small; it must hold a header.
const READ_BUFFER: usize = MAX_HEADER_BYTES;

type Io = TokioIo<Either<TcpStream, Box<TlsStream<TcpStream>>>>;

/// A connection on which a request can be sent.
pub(crate) struct Wire {
    endpoint: Endpoint,
    host: HeaderValue,
    sender: SendRequest<Empty<Bytes>>,
    connection: Connection<Io, Empty<Bytes>>,
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
        let (sender, connection) = Builder::new()
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEADER_BYTES)
            .read_buf_exact_size(Some(READ_BUFFER))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| Error::exchanging(&e, endpoint))?;
        Ok(Self {
            endpoint: endpoint.clone(),
            host,
            sender,
            connection,
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
        let Self {
            endpoint,
            host,
            mut sender,
            mut connection,
        } = self;
        let request = request.into_http(&host);
        let work = async {
            // Reads what the node did since: a connection that it closed is seen here, before
            // anything is sent.
            sender.ready().await.map_err(|_| Error::closed())?;
            let response = sender.send_request(request).await;
            let response = response.map_err(|e| Error::exchanging(&e, &endpoint))?;
            let (head, body) = response.into_parts();
            read(head, body, &endpoint, limit).await
        };
        let (answer, open) = drive(&mut connection, work).await;
        let response = answer?;
        let open = open && !finished(&mut connection).await && !sender.is_closed();
        Ok((
            response,
            open.then_some(Self {
                endpoint,
                host,
                sender,
                connection,
            }),
        ))
    }

    /// Resolves when the node closes the connection, or breaks the protocol on it.
    pub(crate) async fn closed(&mut self) {
        // Whatever the reason, the connection is of no use any more.
        let _ = (&mut self.connection).await;
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
/// one read buffer again.
async fn read(
    head: http::response::Parts,
    mut body: hyper::body::Incoming,
    endpoint: &Endpoint,
    limit: usize,
) -> Result<Response, Error> {
    let too_large = Error::BodyTooLarge { limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large);
    }
    let mut bytes = Vec::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame
            .map_err(|e| Error::exchanging(&e, endpoint))?
            .into_data()
        {
            Ok(data) if data.len() > limit - bytes.len() => return Err(too_large),
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok(Response::new(head, bytes.into(), trailers))
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
