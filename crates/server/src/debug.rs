//! The debug face: the very values that the loop used, as JSON, and the log filter.

mod pages;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{StatusCode, Uri};
use kubomesh_telemetry::LogLevel;
use tokio::sync::watch;

use crate::{FaceLimits, Snapshot};
use pages::Page;

/// Where it listens unless a flag says otherwise.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// Longest body of `PUT /log-level`, bytes.
pub const MAX_LOG_FILTER: usize = 4 * 1024;

/// How long the body of `PUT /log-level` may take.
pub const LOG_FILTER_DEADLINE: Duration = Duration::from_secs(5);

/// What the debug face shows.
#[derive(Debug, Clone)]
pub struct DebugState {
    /// The last pass of every mesh.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The log filter in force.
    pub log_level: LogLevel,
}

/// `?mesh=namespace/name`.
#[derive(Debug, serde::Deserialize)]
struct Choice {
    mesh: Option<String>,
}

/// The routes.
pub fn router(state: DebugState) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/debug/") }))
        .route("/debug", get(|| async { Redirect::temporary("/debug/") }))
        .route("/debug/", get(index))
        .route("/debug/config", get(config))
        .route("/debug/config/", get(config))
        .route("/debug/{page}", get(page))
        .route("/debug/{page}/", get(page))
        .route("/log-level", get(log_level).put(set_log_level))
        .fallback(nothing_here)
        .with_state(state)
        .layer(middleware::from_fn(only_by_address))
}

/// The default limits with few connections: a page of a large fleet takes megabytes until it is
/// read.
#[must_use]
pub fn limits() -> FaceLimits {
    FaceLimits {
        connections: 16,
        ..FaceLimits::default()
    }
}

/// Refuses a request that names this face by a DNS name: a page in the operator's browser could have
/// that name point here and then read everything (DNS rebinding).
async fn only_by_address(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let authority: Option<Authority> = host.parse().ok();
    let name = authority.as_ref().map_or("", Authority::host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if name == "localhost" || bare.parse::<IpAddr>().is_ok() {
        return next.run(request).await;
    }
    let why = format!("ask by localhost or an IP, not by the name `{name}`\n");
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

/// What there is to see, and the meshes to choose from.
async fn index(State(state): State<DebugState>) -> Response {
    let snapshot = current(&state);
    json(move || {
        let meshes: Vec<&String> = snapshot.meshes.keys().collect();
        serde_json::to_vec(&serde_json::json!({ "pages": pages::index(), "meshes": meshes }))
    })
    .await
}

async fn config(State(state): State<DebugState>) -> Response {
    let snapshot = current(&state);
    json(move || serde_json::to_vec(&*snapshot.config)).await
}

/// One page of all meshes by name, or of the one that was asked for.
async fn page(
    State(state): State<DebugState>,
    Path(name): Path<String>,
    Query(choice): Query<Choice>,
) -> Response {
    let Some(page) = Page::named(&name) else {
        return no_page(&format!("/debug/{name}"));
    };
    let snapshot = current(&state);
    let Some(mesh) = choice.mesh else {
        return json(move || page.all(&snapshot)).await;
    };
    if !snapshot.meshes.contains_key(&mesh) {
        let known: Vec<&str> = snapshot.meshes.keys().map(String::as_str).collect();
        let known = if known.is_empty() {
            "none yet".to_owned()
        } else {
            known.join(", ")
        };
        return missing(&format!("no mesh `{mesh}`; there are: {known}"));
    }
    json(move || page.one(&snapshot, &mesh)).await
}

async fn nothing_here(uri: Uri) -> Response {
    no_page(uri.path())
}

async fn log_level(State(state): State<DebugState>) -> String {
    format!("{}\n", state.log_level.get())
}

/// The body is the filter. Answers with the one in force, or 400 and what is wrong.
async fn set_log_level(State(state): State<DebugState>, body: Body) -> Response {
    let read = axum::body::to_bytes(body, MAX_LOG_FILTER);
    let bytes = match tokio::time::timeout(LOG_FILTER_DEADLINE, read).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let why = format!("the body is not a log filter of at most {MAX_LOG_FILTER} bytes\n");
            return (StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body did not come\n").into_response(),
    };
    let filter = String::from_utf8_lossy(&bytes);
    if let Err(error) = state.log_level.set(filter.trim()) {
        return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response();
    }
    let filter = state.log_level.get();
    tracing::info!(filter, "log filter changed");
    format!("{filter}\n").into_response()
}

// === helpers ===

/// The pointer is taken under the channel's lock and the lock given back at once.
fn current(state: &DebugState) -> Arc<Snapshot> {
    Arc::clone(&state.snapshots.borrow())
}

/// Serialises away from the threads that serve: a page of a large fleet takes a while.
async fn json<F>(serialise: F) -> Response
where
    F: FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static,
{
    match tokio::task::spawn_blocking(serialise).await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Ok(Err(error)) => failed(&error.to_string()),
        Err(error) => failed(&error.to_string()),
    }
}

fn no_page(path: &str) -> Response {
    let known = pages::index().map(|(path, _)| path).join(", ");
    missing(&format!("no page {path}; there are: {known}"))
}

fn missing(why: &str) -> Response {
    (
        StatusCode::NOT_FOUND,
        Json(serde_json::json!({ "error": why })),
    )
        .into_response()
}

fn failed(why: &str) -> Response {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        Json(serde_json::json!({ "error": why })),
    )
        .into_response()
}
