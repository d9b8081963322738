//! The HTTP server of one fake: its listener, its connections, and each request's way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kubomesh_model::NodeIndex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::body::{self, Body};
use super::faults::{Fault, Faults};
use super::log::Logged;
use super::reply::{Reply, StreamError};
use super::socket::{Orders, Socket};
use super::{FakeState, gate};
use crate::fleet::Shared;

/// What a request's handler needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) node: NodeIndex,
    pub(crate) state: Arc<FakeState>,
    pub(crate) cache: Arc<Cache>,
    /// One permit: a second filters call finds it taken (row 27).
    pub(crate) filters: Arc<tokio::sync::Semaphore>,
}

/// Answers of reading calls, valid while the node's revision stays: a fleet of thousands is read
/// again and again without anything having changed.
#[derive(Default)]
pub(crate) struct Cache(Mutex<BTreeMap<String, (u64, Bytes)>>);

/// The request's connection breaks off without an answer.
#[derive(Debug)]
struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the fake hung up")
    }
}

impl std::error::Error for Hangup {}

const API: &str = "/api/v0/";

impl Context {
    pub(crate) fn new(shared: Arc<Shared>, node: NodeIndex, state: Arc<FakeState>) -> Self {
        let filters = Arc::new(tokio::sync::Semaphore::new(1));
        Self {
            shared,
            node,
            state,
            cache: Arc::default(),
            filters,
        }
    }
}

impl Cache {
    /// Queries that are kept: the resync's own few, not whatever somebody asks.
    const LIMIT: usize = 16;

    pub(crate) fn get(&self, key: &str, revision: u64) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key)
            .filter(|(at, _)| *at == revision)
            .map(|(_, line)| line.clone())
    }

    pub(crate) fn put(&self, key: &str, revision: u64, line: &Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::LIMIT || kept.contains_key(key) {
            kept.insert(key.to_owned(), (revision, line.clone()));
        }
    }
}

/// Accepts until `stop`; then all connections end at once.
pub(crate) async fn accept(listener: TcpListener, context: Context, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                let connection = connection(stream, remote, context.clone());
                let stop = stop.clone();
                context.shared.tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = connection => {}
                    }
                });
            }
            // Out of descriptors: give those that hold them a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn connection(stream: TcpStream, remote: SocketAddr, context: Context) {
    // A failure only means that answers wait for each other a little longer.
    let _ = stream.set_nodelay(true);
    let orders = Orders::default();
    let socket = TokioIo::new(Socket::new(stream, orders.clone()));
    let service = service_fn(move |request| {
        let (context, orders) = (context.clone(), orders.clone());
        async move {
            handle(&context, &orders, remote, request)
                .await
                .ok_or(Hangup)
        }
    });
    // Kubo's server has no timeouts: it leaves an idle connection open. hyper's would close it after
    // 30 s.
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .title_case_headers(true)
        .writev(false)
        .serve_connection(socket, service);
    // An error is the far end hanging up, or this end on purpose.
    let _ = served.await;
}

async fn handle(
    context: &Context,
    orders: &Orders,
    remote: SocketAddr,
    request: Request<Incoming>,
) -> Option<Response<Body>> {
    let path = request.uri().path();
    let verb = path.strip_prefix(API);
    let query = request.uri().query().unwrap_or_default();
    context.state.log.note(Logged {
        at: context.shared.now(),
        method: request.method().to_string(),
        verb: verb.unwrap_or(path).chars().take(200).collect(),
        query: query.chars().take(2000).collect(),
        remote,
    });
    let faults = context.state.faults();
    if faults.rtt_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.rtt_ms)).await;
    }
    if context.is_mute() {
        return std::future::pending().await;
    }
    let fault = faults.instead(verb.unwrap_or(path)).cloned();
    if matches!(fault, Some(Fault::Hang)) {
        return std::future::pending().await;
    }
    let authorizations = &context.state.authorizations;
    let checked = gate::check(authorizations, request.method(), path, request.headers());
    let reply = match (checked, verb) {
        (Err(reply), _) => reply,
        (Ok(()), None) => Reply::not_found(),
        (Ok(()), Some(verb)) => context.answer(verb, query, &faults).await,
    };
    match fault {
        Some(fault) => instead(&fault, reply, orders),
        None => truthful(reply, orders),
    }
}

impl Context {
    /// Whether its host is gone while its listener is still there.
    fn is_mute(&self) -> bool {
        self.shared.with(|world| !world.node(self.node).is_up())
    }
}

fn truthful(reply: Reply, orders: &Orders) -> Option<Response<Body>> {
    let mut response = reply.into_http()?;
    if let Some(StreamError(error)) = response.extensions_mut().remove() {
        let plain: String = error
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        orders.trailer(format!("X-Stream-Error: {plain}"));
    }
    Some(response)
}

const DEEP: usize = 10_000_000;
const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works!</body></html>\n";

/// The fault in place of the answer that would have been given. Bodies that are wrong come under
/// the right head: only the body shows what is wrong.
fn instead(fault: &Fault, reply: Reply, orders: &Orders) -> Option<Response<Body>> {
    let (bytes, nulled) = (reply.bytes(), || reply.nulled());
    let body = match fault {
        Fault::Hang => return None,
        Fault::Html => {
            return Some(response(
                StatusCode::OK,
                "text/html",
                body::whole(PAGE.into()),
            ));
        }
        Fault::Status { code } => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return Some(response(status, "text/plain", body::whole(Bytes::new())));
        }
        Fault::SlowBody { pause_ms } => body::slow(bytes, Duration::from_millis(*pause_ms)),
        Fault::EndlessBody => {
            let entry = Bytes::from_static(b"{\"Addr\":\"/ip4/192.0.2.1/tcp/1\",\"Peer\":\"\"},");
            body::endless(
                Bytes::from_static(b"{\"Peers\":["),
                entry.repeat(512).into(),
            )
        }
        Fault::Garbage => {
            let noise = (0u16..512).map(|n| n.wrapping_mul(167).to_be_bytes()[1]);
            body::chunks(vec![noise.collect::<Vec<u8>>().into()])
        }
        Fault::Body { text } => body::chunks(vec![text.clone().into()]),
        Fault::NullLists => body::chunks(vec![nulled()]),
        Fault::DeepNesting => body::chunks(vec![vec![b'['; DEEP].into()]),
        Fault::ManyPeers { count } => body::chunks(vec![super::verbs::many_peers(*count)]),
        Fault::Reset => {
            orders.reset();
            body::broken(bytes.slice(..bytes.len() / 2))
        }
    };
    Some(reply.into_http()?.map(|_| body))
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let value = http::HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, value);
    response
}

impl Faults {
    /// A lie changes an answer without changing the node, so it may not be kept.
    pub(crate) fn may_cache(&self) -> bool {
        !self.lies() && self.identity.is_none()
    }
}
