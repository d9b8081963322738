//! The public face: `/livez`, `/readyz`, `/metrics`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{StatusCode, Uri};
use kubomesh_process::Readiness;
use kubomesh_telemetry::Catalog;

/// Where it listens unless a flag says otherwise: on every address of both families, since the kubelet
/// probes a pod's first address, which is an IPv6 one in some clusters.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8080);

/// What the public face shows.
#[derive(Debug, Clone)]
pub struct PublicState {
    /// What is pending.
    pub readiness: Readiness,
    /// What is counted.
    pub catalog: Catalog,
}

/// The routes.
pub fn router(state: PublicState) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(nothing_here)
        .with_state(state)
}

/// Alive means: it answers. It looks at nothing else, because a restart brings nothing back that is
/// missing elsewhere.
async fn livez() -> &'static str {
    "ok\n"
}

/// 200 `ok`, or 503 and what is pending, one name a line.
async fn readyz(State(state): State<PublicState>) -> Response {
    let pending = state.readiness.pending();
    if pending.is_empty() {
        return "ok\n".into_response();
    }
    let names: String = pending
        .iter()
        .flat_map(|name| [name.as_ref(), "\n"])
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, names).into_response()
}

/// Whoever looks for `/healthz` reads what there is.
async fn nothing_here(uri: Uri) -> Response {
    let path = uri.path();
    let why = format!("no page {path}; there are: /livez, /readyz, /metrics\n");
    (StatusCode::NOT_FOUND, why).into_response()
}

async fn metrics(State(state): State<PublicState>) -> Response {
    match state.catalog.render() {
        Ok(text) => ([(CONTENT_TYPE, Catalog::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
