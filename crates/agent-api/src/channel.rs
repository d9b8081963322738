//! A channel: one TCP connection with HTTP/2 on it, never a second one.
//!
//! The usual gRPC channel connects anew by itself. This one does not: whoever answers after a
//! connection was lost has not shown who it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Uri, uri};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use kubomesh_core::{Endpoint, Failure, FailureKind, KeepAlive, Scheme};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::body::Answer;
use crate::error::{self, is_of_channel, is_told};
use crate::tls::ClientTls;
use crate::wire::kubo_agent_client::KuboAgentClient;
use crate::{ApiVersions, Error};

/// How much an agent may send before it is read, bytes: on one call, and on all of a channel.
const STREAM_WINDOW: u32 = 64 << 10;
const CHANNEL_WINDOW: u32 = 128 << 10;

/// Largest header list of an answer, bytes. A failure's text is the longest thing in it.
const MAX_HEADERS: u32 = 16 << 10;

/// What an opening is called where it fails.
const OPEN: &str = "agent/open";

/// How many channels are open in a process. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Channels(Arc<AtomicUsize>);

/// Opens channels.
#[derive(Debug, Clone)]
pub struct Dialler {
    /// Where each channel's tasks run.
    pub tasks: TaskTracker,
    /// Counts the open ones.
    pub channels: Channels,
    /// What this side speaks.
    pub versions: ApiVersions,
    /// How a quiet channel is found to be lost.
    pub keep_alive: KeepAlive,
}

/// An open channel to nobody knows whom.
#[must_use]
pub struct Unverified {
    pub(crate) channel: Channel,
    pub(crate) versions: ApiVersions,
}

/// A channel. It is closed when the last clone is dropped, when the far end closes it, and when an
/// answer is late: then nothing is sent on it any more.
#[derive(Clone)]
pub(crate) struct Channel {
    sender: SendRequest<tonic::body::Body>,
    origin: Uri,
    pub(crate) tls: bool,
    ended: watch::Receiver<Option<Failure>>,
    stop: CancellationToken,
    _open: Arc<DropGuard>,
}

/// Runs a channel's tasks until the channel is dropped.
#[derive(Clone)]
struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    open: Arc<Open>,
}

/// One open channel, counted.
struct Open(Channels);

type Io = Either<TcpStream, Box<tokio_rustls::client::TlsStream<TcpStream>>>;

// === impl Channels ===

impl Channels {
    /// How many are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Open {
    fn new(channels: &Channels) -> Self {
        channels.0.fetch_add(1, Ordering::Relaxed);
        Self(channels.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Dialler ===

impl Dialler {
    /// Opens a channel within `deadline`; with `tls`, mutual TLS, and nothing else.
    ///
    /// # Errors
    /// `Refused`, `Unreachable`, `TimedOut`, `Disconnected` or `Tls`; the last also for an `https`
    /// endpoint without `tls` and for `tls` with an `http` endpoint: which of the two was meant is not
    /// guessed.
    pub async fn open(
        &self,
        endpoint: &Endpoint,
        tls: Option<&ClientTls>,
        deadline: Duration,
    ) -> Result<Unverified, Error> {
        let opening = timeout(deadline, self.open_now(endpoint, tls)).await;
        let channel = opening.unwrap_or_else(|_| {
            let text = format!("{endpoint} took longer than {deadline:?}");
            Err(failed(FailureKind::TimedOut, &text))
        })?;
        Ok(Unverified {
            channel,
            versions: self.versions,
        })
    }

    async fn open_now(
        &self,
        endpoint: &Endpoint,
        tls: Option<&ClientTls>,
    ) -> Result<Channel, Error> {
        let refused = |kind, text: &str| failed(kind, &format!("{endpoint}: {text}"));
        let tls = match (endpoint.scheme, tls) {
            (Scheme::Http, None) => None,
            (Scheme::Https, Some(tls)) => Some(tls),
            (Scheme::Https, None) => {
                return Err(refused(FailureKind::Tls, "no certificates were given"));
            }
            (Scheme::Http, Some(_)) => {
                let text = "certificates were given for an address without TLS";
                return Err(refused(FailureKind::Tls, text));
            }
        };
        let origin = uri::Builder::new()
            .scheme(if tls.is_some() { "https" } else { "http" })
            .authority(endpoint.authority())
            .path_and_query("/")
            .build()
            .map_err(|error| refused(FailureKind::BadRequest, &error.to_string()))?;
        let open = Arc::new(Open::new(&self.channels));
        let stream = dial(endpoint).await?;
        let io: Io = match tls {
            None => Either::Left(stream),
            Some(tls) => {
                let connector = TlsConnector::from(Arc::clone(&tls.config));
                let stream = connector.connect(tls.name.clone(), stream).await;
                let stream = stream.map_err(|error| handshake(endpoint, tls, &error))?;
                Either::Right(Box::new(stream))
            }
        };
        let stop = CancellationToken::new();
        let tasks = Tasks {
            tracker: self.tasks.clone(),
            stop: stop.clone(),
            open,
        };
        let (sender, connection) = Builder::new(tasks.clone())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CHANNEL_WINDOW)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(self.keep_alive.every)
            .keep_alive_timeout(self.keep_alive.within)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|error| Error::lost(OPEN, broken(&error)))?;
        let (told, ended) = watch::channel(None);
        tasks.execute(async move {
            let why = match connection.await {
                Ok(()) => Failure::new(FailureKind::Disconnected, "the agent closed the channel"),
                Err(error) => broken(&error),
            };
            told.send_replace(Some(why));
        });
        Ok(Channel {
            sender,
            origin,
            tls: tls.is_some(),
            ended,
            _open: Arc::new(stop.clone().drop_guard()),
            stop,
        })
    }
}

async fn dial(endpoint: &Endpoint) -> Result<TcpStream, Error> {
    let connected = match endpoint.ip() {
        Some(ip) => TcpStream::connect((ip, endpoint.port)).await,
        None => TcpStream::connect((&*endpoint.host, endpoint.port)).await,
    };
    let stream = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    stream.map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::ConnectionRefused => FailureKind::Refused,
            std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::UnexpectedEof => {
                FailureKind::Disconnected
            }
            _ => FailureKind::Unreachable,
        };
        failed(kind, &format!("{endpoint}: {error}"))
    })
}

/// What a handshake failed of. An agent without TLS answers with something that is no TLS.
fn handshake(endpoint: &Endpoint, tls: &ClientTls, error: &std::io::Error) -> Error {
    let name = tls.name.to_str();
    let text = format!(
        "TLS with {endpoint} failed: {error}; the agent must show a certificate for {name} by the CA of \
         the controller's"
    );
    failed(FailureKind::Tls, &text)
}

fn failed(kind: FailureKind, text: &str) -> Error {
    Error::lost(OPEN, Failure::new(kind, text))
}

/// Why a connection ended, by its last cause.
fn broken(error: &hyper::Error) -> Failure {
    let mut last: &(dyn std::error::Error + 'static) = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let text = format!("the channel broke off: {last}");
    Failure::new(FailureKind::Disconnected, &text)
}

// === impl Tasks ===

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let (stop, open) = (self.stop.clone(), Arc::clone(&self.open));
        self.tracker.spawn(async move {
            stop.run_until_cancelled(task).await;
            drop(open);
        });
    }
}

// === impl Channel ===

impl Channel {
    pub(crate) fn client(&self, most: usize) -> KuboAgentClient<Self> {
        KuboAgentClient::with_origin(self.clone(), self.origin.clone())
            .max_decoding_message_size(most)
            .max_encoding_message_size(crate::MAX_MESSAGE)
    }

    /// Whether a call may be tried. `false` is certain.
    pub(crate) fn is_open(&self) -> bool {
        !self.stop.is_cancelled() && self.ended.borrow().is_none() && !self.sender.is_closed()
    }

    /// Gives the channel up: for every clone.
    pub(crate) fn give_up(&self) {
        self.stop.cancel();
    }

    /// Why it ended, when it did.
    pub(crate) fn why(&self) -> Option<Failure> {
        self.ended.borrow().clone()
    }

    /// Resolves when the channel has ended.
    pub(crate) async fn closed(&self) {
        self.ended().await;
    }

    /// The same without keeping it open.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            // An error: its driver is gone, and the channel with it.
            let _ = ended.wait_for(Option::is_some).await;
        }
    }

    /// Waits for a call's answer. What is late, and what breaks, ends the channel.
    pub(crate) async fn call<T>(
        &self,
        verb: &'static str,
        deadline: Duration,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Error> {
        let Ok(answer) = timeout(deadline, call).await else {
            self.give_up();
            let text = format!("the agent gave no answer within {deadline:?}");
            return Err(Error::lost(
                verb,
                Failure::new(FailureKind::TimedOut, &text),
            ));
        };
        match answer {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(self.failed(verb, &status).await),
        }
    }

    /// What a call failed of: what the agent said, or what became of the channel.
    pub(crate) async fn failed(&self, verb: &'static str, status: &tonic::Status) -> Error {
        if !is_of_channel(status) && (self.is_open() || is_told(status)) {
            return error::read(verb, status);
        }
        // The call sees the end a moment before whoever drives the channel says why.
        let said = timeout(SAYS_WHY_WITHIN, self.closed()).await;
        let why = said.ok().and_then(|()| self.why()).unwrap_or_else(|| {
            let text = format!("the channel broke off: {}", status.message());
            Failure::new(FailureKind::Disconnected, &text)
        });
        self.give_up();
        Error::lost(verb, why)
    }
}

/// How long a broken channel may take to say why.
const SAYS_WHY_WITHIN: Duration = Duration::from_millis(500);

impl Service<http::Request<tonic::body::Body>> for Channel {
    type Response = http::Response<Answer>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let answer = self.sender.send_request(request);
        Box::pin(async move { Ok(answer.await?.map(Answer::new)) })
    }
}

// === impl Debug ===

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").finish_non_exhaustive()
    }
}
