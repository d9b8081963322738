//! What the CRD's schema cannot say of a `SwarmMesh`.

mod network;
mod rollout;

use kube::api::DynamicObject;
use kube::core::admission::{AdmissionRequest, Operation};
use kubomesh_api::{SwarmMeshSpec, SwarmMeshStatus, peers, translate};
use kubomesh_core::NetworkPolicy;
use serde_json::Value;

use crate::cluster::Cluster;

/// What becomes of a mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It is admitted, with what the writer should know.
    Allowed(Vec<String>),
    /// It is refused: what is wrong and what would be right.
    Refused(String),
}

/// Judges a request. Whatever does not change the policy passes, and so does whatever is on its way
/// out: nothing of ours holds up a deletion.
pub(crate) async fn judge(request: &AdmissionRequest<DynamicObject>, cluster: &Cluster) -> Ruling {
    let Some(new) = &request.object else {
        return Ruling::Allowed(Vec::new());
    };
    let creates = request.operation == Operation::Create;
    let unchanged = request
        .old_object
        .as_ref()
        .is_some_and(|old| old.data.get("spec") == new.data.get("spec"));
    let changes = creates || (request.operation == Operation::Update && !unchanged);
    if !changes || new.metadata.deletion_timestamp.is_some() {
        return Ruling::Allowed(Vec::new());
    }
    match policy(request, new, cluster).await {
        Ok(warnings) => Ruling::Allowed(warnings),
        Err(why) => Ruling::Refused(why),
    }
}

async fn policy(
    request: &AdmissionRequest<DynamicObject>,
    new: &DynamicObject,
    cluster: &Cluster,
) -> Result<Vec<String>, String> {
    let spec: SwarmMeshSpec = part(new, "spec").map_err(|error| {
        format!("the object cannot be read ({error}): compare it with the CRD's schema")
    })?;
    let policy = translate(&spec).map_err(|error| error.to_string())?;
    peers(&spec).map_err(|error| error.to_string())?;
    // What stood there before is not judged again: what cannot be read was no network.
    let before = request.old_object.as_ref().map(|old| {
        let spec: Option<SwarmMeshSpec> = part(old, "spec").ok();
        let policy = spec.and_then(|spec| translate(&spec).ok());
        policy.map_or_else(NetworkPolicy::default, |policy| policy.network)
    });
    let status = request.old_object.as_ref();
    let status: SwarmMeshStatus = status
        .and_then(|old| part(old, "status").ok())
        .unwrap_or_default();
    let before = before.unwrap_or_default();
    rollout::check(&before, &policy.network, &status)?;
    let namespace = request.namespace.as_deref().unwrap_or_default();
    let mesh = network::Mesh {
        namespace,
        name: &request.name,
        members: usize::try_from(status.members).unwrap_or(0),
    };
    network::check(&before, &policy.network, mesh, cluster).await
}

fn part<T: serde::de::DeserializeOwned>(
    object: &DynamicObject,
    field: &str,
) -> Result<T, serde_json::Error> {
    serde_json::from_value(object.data.get(field).cloned().unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests;
