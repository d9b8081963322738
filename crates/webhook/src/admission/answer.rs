//! Answers in the form of the API.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse};

use crate::cluster::{Events, Told};
use crate::mesh::Ruling;
use crate::metrics::Outcome;
use crate::pod::{Admitted, Skipped};

/// Bytes of a warning, at most: the API server cuts off or drops what is longer.
const MOST_WARNING: usize = 256;

/// Warnings of one answer, at most.
const MOST_WARNINGS: usize = 8;

/// About a mesh.
pub(super) fn mesh(
    request: &AdmissionRequest<DynamicObject>,
    ruling: Ruling,
) -> (Response, Outcome) {
    let response = AdmissionResponse::from(request);
    match ruling {
        Ruling::Allowed(said) => (send(warned(response, said)), Outcome::Allowed),
        Ruling::Refused(why) => (send(response.deny(why)), Outcome::Refused),
    }
}

/// About a pod: never refused.
pub(super) fn pod(
    request: &AdmissionRequest<DynamicObject>,
    admitted: Admitted,
) -> (Response, Outcome) {
    let Admitted { changed, skipped } = admitted;
    let before = request.object.as_ref().map(serde_json::to_value);
    let patch = match (before, changed) {
        (Some(Ok(before)), Some(after)) => Some(json_patch::diff(&before, &after)),
        _ => None,
    };
    let outcome = match &patch {
        _ if !skipped.is_empty() => Outcome::Skipped,
        Some(_) => Outcome::Changed,
        None => Outcome::Allowed,
    };
    let said = skipped.into_iter().map(|skipped| skipped.note).collect();
    let response = AdmissionResponse::from(request);
    let response = match patch {
        Some(patch) => response
            .with_patch(patch)
            .unwrap_or_else(|_| AdmissionResponse::from(request)),
        None => response,
    };
    (send(warned(response, said)), outcome)
}

/// Leaves an event for each thing that a pod does not get. A pod of a workload has no name yet, and
/// none that people look for: what makes it is named instead.
pub(super) fn events(
    request: &AdmissionRequest<DynamicObject>,
    skipped: &[Skipped],
    events: &Events,
) {
    let Some(pod) = request.object.as_ref().filter(|_| !skipped.is_empty()) else {
        return;
    };
    let namespace = request.namespace.clone();
    let owners = pod.metadata.owner_references.iter().flatten();
    let owner = owners.clone().find(|owner| owner.controller == Some(true));
    let regarding = match owner {
        Some(owner) => ObjectReference {
            api_version: Some(owner.api_version.clone()),
            kind: Some(owner.kind.clone()),
            name: Some(owner.name.clone()),
            uid: Some(owner.uid.clone()),
            namespace,
            ..ObjectReference::default()
        },
        None => ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: pod
                .metadata
                .name
                .clone()
                .or(pod.metadata.generate_name.clone()),
            namespace,
            ..ObjectReference::default()
        },
    };
    for skipped in skipped {
        events.say(Told {
            regarding: regarding.clone(),
            request: request.uid.clone(),
            reason: skipped.reason,
            note: skipped.note.clone(),
        });
    }
}

fn warned(mut response: AdmissionResponse, said: Vec<String>) -> AdmissionResponse {
    let cut = |text: String| kubomesh_core::one_line(&text, MOST_WARNING);
    let said: Vec<_> = said.into_iter().take(MOST_WARNINGS).map(cut).collect();
    response.warnings = Some(said).filter(|said| !said.is_empty());
    response
}

fn send(response: AdmissionResponse) -> Response {
    Json(response.into_review()).into_response()
}
