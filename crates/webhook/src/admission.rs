//! The two routes: a request is read within bounds, judged under a deadline, answered, counted.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use kube::api::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionReview};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use crate::cluster::{Cluster, Events};
use crate::mesh::{self, Ruling};
use crate::metrics::{Hook, Outcome, WebhookMetrics};
use crate::pod::{self, Admitted, Skipped};

/// Path that `SwarmMesh` objects are sent to.
pub(crate) const MESHES: &str = "/validate-swarmmesh";

/// Path that pods are sent to.
pub(crate) const PODS: &str = "/mutate-pod";

/// Bytes of a review that are read at most: what the API server takes of a client at most.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// Reviews of pods that are read and answered at a time; with the bound above, what a flood can cost.
/// One takes less than a millisecond unless the API server is asked.
const MOST_PODS: usize = 16;

/// Reviews of meshes at a time: they wait for the API server, and pods never wait for them.
const MOST_MESHES: usize = 4;

/// How long a review may wait for its turn, and how long its body may take: an API server sends it at
/// once.
const PATIENCE: Duration = Duration::from_millis(400);

/// Deadline of a pod's answer from its first byte on; the API server gives it 2 s.
const POD_DEADLINE: Duration = Duration::from_millis(1_500);

/// Deadline of a mesh's answer from its first byte on; the API server gives it 10 s.
const MESH_DEADLINE: Duration = Duration::from_secs(8);

/// Connections at a time: each request in flight of each API server has one.
pub(crate) const MOST_CONNECTIONS: usize = 1_024;

/// How long a connection may be idle: longer than the 90 s after which Go's client closes it itself,
/// so that none is closed under a request.
pub(crate) const IDLE: Duration = Duration::from_secs(100);

/// How long a connection may live, so that API servers spread over the replicas again.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// What answers.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    events: Events,
    agent_image: String,
    metrics: WebhookMetrics,
    mesh_turns: Semaphore,
    pod_turns: Semaphore,
}

type Request = AdmissionRequest<DynamicObject>;

/// No review that could be answered: status and sentence.
type Unread = (StatusCode, String);

// === impl Admission ===

impl Admission {
    /// Answers by what the cluster says.
    pub(crate) fn new(
        cluster: Cluster,
        events: Events,
        agent_image: String,
        metrics: WebhookMetrics,
    ) -> Self {
        Self(Arc::new(Inner {
            cluster,
            events,
            agent_image,
            metrics,
            mesh_turns: Semaphore::new(MOST_MESHES),
            pod_turns: Semaphore::new(MOST_PODS),
        }))
    }
}

/// The routes.
pub(crate) fn router(admission: Admission) -> Router {
    Router::new()
        .route(MESHES, post(meshes))
        .route(PODS, post(pods))
        .with_state(admission)
}

async fn meshes(State(Admission(inner)): State<Admission>, body: Body) -> Response {
    let begun = Instant::now();
    let (response, outcome) = match read(&inner.mesh_turns, body, "swarmmeshes").await {
        Ok((request, _turn)) => {
            let judged = mesh::judge(&request, &inner.cluster);
            let judged = timeout_at(begun + MESH_DEADLINE, judged).await;
            let ruling = judged.unwrap_or_else(|_| {
                Ruling::Refused(
                    "the API server did not answer the webhook in time: try again".to_owned(),
                )
            });
            answer::mesh(&request, ruling)
        }
        Err(unread) => (unread.into_response(), Outcome::Failed),
    };
    inner.metrics.answered(Hook::Mesh, outcome, begun.elapsed());
    response
}

async fn pods(State(Admission(inner)): State<Admission>, body: Body) -> Response {
    let begun = Instant::now();
    let (response, outcome) = match read(&inner.pod_turns, body, "pods").await {
        Ok((request, _turn)) => {
            let admitting = pod::admit(&request, &inner.cluster, &inner.agent_image);
            let admitted = timeout_at(begun + POD_DEADLINE, admitting).await;
            let admitted = admitted.unwrap_or_else(|_| {
                let note =
                    "the API server did not answer the webhook in time: the pod is as it was";
                Admitted::without(vec![Skipped::new("TooLate", note.to_owned())])
            });
            if !request.dry_run {
                answer::events(&request, &admitted.skipped, &inner.events);
            }
            answer::pod(&request, admitted)
        }
        Err(unread) => (unread.into_response(), Outcome::Failed),
    };
    inner.metrics.answered(Hook::Pod, outcome, begun.elapsed());
    response
}

/// Reads a review about one kind, once it is its turn.
async fn read<'t>(
    turns: &'t Semaphore,
    body: Body,
    resource: &str,
) -> Result<(Request, SemaphorePermit<'t>), Unread> {
    let Ok(Ok(turn)) = timeout(PATIENCE, turns.acquire()).await else {
        let why = "too many reviews are being answered: ask again".to_owned();
        return Err((StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let bytes = match timeout(PATIENCE, to_bytes(body, MOST_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            let why = format!("the body is larger than {MOST_BYTES} bytes, or broken off: {error}");
            return Err((StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        Err(_) => {
            let why = "the body did not come in time".to_owned();
            return Err((StatusCode::REQUEST_TIMEOUT, why));
        }
    };
    Ok((review(&bytes, resource)?, turn))
}

fn review(bytes: &[u8], resource: &str) -> Result<Request, Unread> {
    let bad = |why: String| (StatusCode::BAD_REQUEST, why);
    let review: AdmissionReview<DynamicObject> = serde_json::from_slice(bytes)
        .map_err(|error| bad(format!("the body is no AdmissionReview: {error}")))?;
    if review.types.api_version != "admission.k8s.io/v1" {
        return Err(bad(format!(
            "the review is of version {:.80}: admission.k8s.io/v1 is answered",
            review.types.api_version
        )));
    }
    let request: Request = review
        .try_into()
        .map_err(|_| bad("the review has no request".to_owned()))?;
    if request.resource.resource == resource {
        Ok(request)
    } else {
        Err(bad(format!(
            "the review is about {:.80}: this path answers those about {resource}",
            request.resource.resource
        )))
    }
}

#[cfg(test)]
mod tests;
