//! An API server with one kind, in memory, behind a real `kube::Client`.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;

/// What goes wrong with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// No answer ever; nothing is done.
    Hang,
    /// The request is done and the answer never comes.
    Deaf,
    /// 403, as RBAC says it.
    Forbidden,
    /// 503.
    Unavailable,
}

#[derive(Debug, Clone)]
pub(super) struct FakeApi {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    lease: Option<Lease>,
    versions: u64,
    fault: Fault,
    writes: u64,
}

impl FakeApi {
    pub(super) fn new() -> Self {
        let inner = Inner {
            lease: None,
            versions: 100,
            fault: Fault::None,
            writes: 0,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    pub(super) fn client(&self) -> kube::Client {
        let base = "/apis/coordination.k8s.io/v1/namespaces/kubomesh-system/leases";
        let router = Router::new()
            .route(base, post(create))
            .route(&format!("{base}/{{name}}"), get(read).put(replace))
            .with_state(self.clone());
        kube::Client::new(router, "kubomesh-system")
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    pub(super) fn lease(&self) -> Option<Lease> {
        self.lock().lease.clone()
    }

    pub(super) fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// Changes the object by another hand, or deletes it.
    pub(super) fn edit(&self, edit: impl FnOnce(Option<Lease>) -> Option<Lease>) {
        let mut inner = self.lock();
        let edited = edit(inner.lease.take());
        if let Some(lease) = edited {
            inner.store(lease);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    async fn answer(&self, act: impl FnOnce(&mut Inner) -> Response) -> Response {
        let fault = self.lock().fault;
        match fault {
            Fault::None => act(&mut self.lock()),
            Fault::Hang => pending().await,
            Fault::Deaf => {
                act(&mut self.lock());
                pending().await
            }
            Fault::Forbidden => status(StatusCode::FORBIDDEN, "leases is forbidden"),
            Fault::Unavailable => status(StatusCode::SERVICE_UNAVAILABLE, "etcd is gone"),
        }
    }
}

impl Inner {
    fn store(&mut self, mut lease: Lease) -> Lease {
        self.versions += 1;
        lease.metadata.resource_version = Some(self.versions.to_string());
        self.lease = Some(lease.clone());
        lease
    }
}

async fn read(State(api): State<FakeApi>, Path(name): Path<String>) -> Response {
    api.answer(|inner| match &inner.lease {
        Some(lease) if lease.metadata.name.as_ref() == Some(&name) => {
            Json(lease.clone()).into_response()
        }
        _ => status(StatusCode::NOT_FOUND, "leases \"kubomesh\" not found"),
    })
    .await
}

async fn create(State(api): State<FakeApi>, Json(lease): Json<Lease>) -> Response {
    api.answer(|inner| {
        if inner.lease.is_some() {
            return status(StatusCode::CONFLICT, "leases \"kubomesh\" already exists");
        }
        inner.writes += 1;
        (StatusCode::CREATED, Json(inner.store(lease))).into_response()
    })
    .await
}

async fn replace(State(api): State<FakeApi>, Json(lease): Json<Lease>) -> Response {
    api.answer(|inner| {
        let Some(present) = &inner.lease else {
            return status(StatusCode::NOT_FOUND, "leases \"kubomesh\" not found");
        };
        let (given, present) = (
            &lease.metadata.resource_version,
            &present.metadata.resource_version,
        );
        if given.is_none() {
            return status(
                StatusCode::UNPROCESSABLE_ENTITY,
                "resourceVersion: must be specified",
            );
        }
        if given != present {
            return status(StatusCode::CONFLICT, "the object has been modified");
        }
        inner.writes += 1;
        Json(inner.store(lease)).into_response()
    })
    .await
}

fn status(code: StatusCode, message: &str) -> Response {
    let reason = match code {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::UNPROCESSABLE_ENTITY => "Invalid",
        _ => "ServiceUnavailable",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code.as_u16(), "message": message, "reason": reason,
    });
    (code, Json(body)).into_response()
}
