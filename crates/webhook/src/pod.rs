//! What a pod gets when it is created. A pod that asks for something that cannot be had is admitted
//! without it, and a warning and an event say why.

mod agent;
mod fields;
mod network;
mod prepare;

use kube::api::DynamicObject;
use kube::core::admission::{AdmissionRequest, Operation};
use kubomesh_core::NetworkPolicy;
use serde_json::Value;

use crate::cluster::{Cluster, MeshView};
use fields::{annotation, is_true};

/// Pod annotation that asks for the start script.
pub(crate) const PREPARE: &str = "kubomesh.dev/prepare-kubo";

/// Pod annotation that asks for the agent.
pub(crate) const INJECT_AGENT: &str = "kubomesh.dev/inject-agent";

/// How long the first list of the meshes is waited for.
const FIRST_LIST: std::time::Duration = std::time::Duration::from_millis(800);

/// What becomes of a pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Admitted {
    /// The pod as it should be; `None`: as it is.
    pub(crate) changed: Option<Value>,
    /// What it asked for and does not get.
    pub(crate) skipped: Vec<Skipped>,
}

/// Something that a pod does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// One word, the reason of the event.
    pub(crate) reason: &'static str,
    /// Why, and what to do.
    pub(crate) note: String,
}

/// What a pod gets, whose namespace the request has: its name may not be known yet.
pub(crate) async fn admit(
    request: &AdmissionRequest<DynamicObject>,
    cluster: &Cluster,
    agent_image: &str,
) -> Admitted {
    let Some(object) = request
        .object
        .as_ref()
        .filter(|_| request.operation == Operation::Create)
    else {
        return Admitted::default();
    };
    let namespace = request.namespace.as_deref().unwrap_or_default();
    let labels = object.metadata.labels.clone().unwrap_or_default();
    let mesh = match cluster.meshes.of_pod(namespace, &labels, FIRST_LIST).await {
        Ok(Some(mesh)) => mesh,
        Ok(None) => return Admitted::default(),
        Err(why) => return Admitted::without(vec![Skipped::new("NotReady", why.to_owned())]),
    };
    let Ok(pod) = serde_json::to_value(object) else {
        return Admitted::default();
    };
    let agent = if is_true(annotation(&pod, INJECT_AGENT)) {
        Some(agent::secret(cluster, namespace).await)
    } else {
        None
    };
    mutate(&pod, namespace, &mesh, (agent_image, agent))
}

/// The same without the questions: a function of the pod, its mesh, and whether the agents' Secret is
/// there if an agent is asked for.
fn mutate(
    pod: &Value,
    namespace: &str,
    mesh: &MeshView,
    (image, agent): (&str, Option<Result<(), Skipped>>),
) -> Admitted {
    let (mut changed, mut skipped) = (pod.clone(), Vec::new());
    let mut step = |done: Result<(), Skipped>| skipped.extend(done.err());
    match kubomesh_api::translate(&mesh.spec) {
        Ok(policy) => {
            let attached = network::attach(&mut changed, namespace, &policy.network);
            let on_network = attached == Ok(true);
            step(attached.map(drop));
            step(prepared(&mut changed, &policy.network, mesh, on_network));
        }
        Err(error) => step(Err(Skipped::new(
            "MeshInvalid",
            format!("the SwarmMesh {} cannot be acted on: {error}", mesh.name),
        ))),
    }
    if let Some(secret) = agent {
        step(secret.and_then(|()| agent::inject(&mut changed, namespace, mesh, image)));
    }
    Admitted {
        changed: (changed != *pod).then_some(changed),
        skipped,
    }
}

/// The start script, for a pod that asks for it and is on the network.
fn prepared(
    pod: &mut Value,
    network: &NetworkPolicy,
    mesh: &MeshView,
    on_network: bool,
) -> Result<(), Skipped> {
    if on_network && is_true(annotation(pod, PREPARE)) {
        prepare::inject(pod, network, mesh)
    } else {
        Ok(())
    }
}

// === impl Admitted ===

impl Admitted {
    /// As it is, and why.
    pub(crate) fn without(skipped: Vec<Skipped>) -> Self {
        Self {
            changed: None,
            skipped,
        }
    }
}

// === impl Skipped ===

impl Skipped {
    pub(crate) fn new(reason: &'static str, note: String) -> Self {
        Self { reason, note }
    }
}

#[cfg(test)]
mod tests;
