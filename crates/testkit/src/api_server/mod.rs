//! An API server in memory, as the service that a client of Kubernetes speaks through: any kind, with
//! versions, selectors, pages, watches, bookmarks, preconditions and a status subresource; and with
//! what goes wrong. What the manifests do not grant whoever asks is refused.

mod authority;
mod request;
mod store;
mod watch;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use request::Asked;

pub use authority::Account;
pub use store::Store;

/// What goes wrong with a verb on a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status, nothing done.
    Status(u16),
    /// No answer ever.
    Hang,
    /// The request is done and the answer never comes.
    Deaf,
    /// A watch starts and says nothing, not even that it ends.
    Mute,
    /// A watch ends with an `ERROR` event of code 410.
    Gone,
    /// A watch ends at once, in order.
    Empty,
}

/// An API server. Cheap to clone; every clone is the same. Kinds are named by their plural, and
/// `plural/status` is that subresource.
#[derive(Clone, Default)]
pub struct ApiServer {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    store: Store,
    /// By verb and plural; how many times more, if not for ever.
    faults: BTreeMap<(String, String), (Fault, Option<u32>)>,
    log: Vec<String>,
    /// Raised to break every open watch off.
    cut: u64,
    account: Account,
}

// === impl ApiServer ===

impl ApiServer {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one that this account asks; the controller unless said.
    #[must_use]
    pub fn asked_by(account: Account) -> Self {
        let server = Self::default();
        server.lock().account = account;
        server
    }

    /// What a client is given in place of a connection: `kube::Client::new(server.service(), "default")`.
    pub fn service(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Serves a client that is another program, until the future is dropped.
    ///
    /// # Errors
    /// None that a client causes: what goes wrong with one connection ends that one.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        axum::serve(listener, self.service()).await
    }

    /// Creates or replaces an object, as somebody else would; answers with what is stored.
    pub fn put(&self, plural: &str, object: Value) -> Value {
        let stored = self.lock().store.put(plural, object);
        self.changed.notify_waiters();
        stored
    }

    /// Changes an object, as somebody else would.
    ///
    /// # Panics
    /// When it is not there: the test means another one.
    pub fn edit(&self, plural: &str, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        let stored = self.get(plural, namespace, name);
        assert!(
            stored.is_some(),
            "{plural} {namespace}/{name} is not there to be edited"
        );
        let mut object = stored.unwrap_or_default();
        edit(&mut object);
        self.put(plural, object);
    }

    /// Deletes an object, as somebody else would.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        self.lock().store.delete(plural, namespace, name);
        self.changed.notify_waiters();
    }

    /// Deletes an object so that no watch hears of it: only a list shows it.
    pub fn lose(&self, plural: &str, namespace: &str, name: &str) {
        self.lock().store.lose(plural, namespace, name);
    }

    /// An object as it stands.
    #[must_use]
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.lock().store.get(plural, namespace, name).cloned()
    }

    /// All objects of a kind, by namespace and name.
    #[must_use]
    pub fn all(&self, plural: &str) -> Vec<Value> {
        self.lock().store.all(plural)
    }

    /// Has a verb on a kind go wrong; `times` or for ever.
    pub fn fail(&self, verb: &str, plural: &str, fault: Fault, times: Option<u32>) {
        self.lock()
            .faults
            .insert((verb.into(), plural.into()), (fault, times));
    }

    /// Ends a fault.
    pub fn heal(&self, verb: &str, plural: &str) {
        self.lock().faults.remove(&(verb.into(), plural.into()));
    }

    /// Breaks every open watch off in the middle.
    pub fn cut(&self) {
        self.lock().cut += 1;
        self.changed.notify_waiters();
    }

    /// Forgets old events: a watch from before answers 410.
    pub fn compact(&self) {
        self.lock().store.compact();
    }

    /// Everything as it is now, to be restored later.
    #[must_use]
    pub fn snapshot(&self) -> Store {
        self.lock().store.clone()
    }

    /// Goes back to an older state and breaks every watch off, as a restored store does.
    pub fn restore(&self, store: Store) {
        self.lock().store = store;
        self.cut();
    }

    /// Goes back to an older state while every watch stays open and hears nothing.
    pub fn restore_unheard(&self, store: Store) {
        self.lock().store = store;
    }

    /// How many requests of a verb on a kind there were.
    #[must_use]
    pub fn asked(&self, verb: &str, plural: &str) -> usize {
        let prefix = format!("{verb} {plural} ");
        self.lock()
            .log
            .iter()
            .filter(|line| line.starts_with(&prefix))
            .count()
    }

    /// Requests that change something, each as `verb plural namespace/name`, in order.
    #[must_use]
    pub fn writes(&self) -> Vec<String> {
        let reads = ["get ", "list ", "watch "];
        let is_write = |line: &&String| !reads.iter().any(|read| line.starts_with(read));
        self.lock().log.iter().filter(is_write).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, asked: &Asked) -> Option<Fault> {
        let mut inner = self.lock();
        inner.log.push(asked.to_string());
        let key = (asked.verb.to_owned(), asked.plural.clone());
        let (fault, times) = inner.faults.get_mut(&key)?;
        let fault = *fault;
        if let Some(times) = times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                inner.faults.remove(&key);
            }
        }
        Some(fault)
    }
}

async fn answer(State(server): State<ApiServer>, request: Request<Body>) -> Response {
    let asked = Asked::read(request).await;
    let fault = server.fault(&asked);
    match fault {
        Some(Fault::Hang) => return pending().await,
        Some(Fault::Status(code)) => return status(code, &format!("{asked} is refused")),
        _ => {}
    }
    let account = server.lock().account;
    if !authority::may(account, asked.verb, &asked.plural) {
        return status(403, &format!("{asked} is not granted by the manifests"));
    }
    if asked.verb == "watch" {
        return watch::answer(server, asked, fault);
    }
    let outcome = server.lock().store.answer(&asked);
    server.changed.notify_waiters();
    if fault == Some(Fault::Deaf) {
        return pending().await;
    }
    match outcome {
        Ok(value) => axum::Json(value).into_response(),
        Err((code, message)) => status(code, &message),
    }
}

/// A `Status` as the API server sends one.
fn status(code: u16, message: &str) -> Response {
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code,
        "message": message, "reason": reason(code),
    });
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, axum::Json(body)).into_response()
}

fn reason(code: u16) -> &'static str {
    match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    }
}
