//! All `SwarmMesh` objects, kept by a watch: pods are created many a second, and a question each
//! would cost the API server as many.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::{Selector, SelectorExt as _};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use kubomesh_api::{SwarmMesh, SwarmMeshSpec};
use kubomesh_process::Readiness;

/// Name in `/readyz` of what is missing before the first list.
const BLOCKER: &str = "meshes";

/// The meshes as they were last heard of. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Meshes {
    store: Store<DynamicObject>,
}

/// A mesh, as far as a pod is concerned.
#[derive(Debug, Clone)]
pub(crate) struct MeshView {
    /// Its name.
    pub(crate) name: String,
    /// Its policy.
    pub(crate) spec: SwarmMeshSpec,
}

// === impl Meshes ===

impl Meshes {
    /// Begins nothing: the future does, and keeps at it.
    pub(super) fn watch(
        client: Client,
        readiness: &Readiness,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let kind = ApiResource::erase::<SwarmMesh>(&());
        let writer = reflector::store::Writer::new(kind.clone());
        let store = writer.as_reader();
        let api = Api::<DynamicObject>::all_with(client, &kind);
        let blocker = readiness.block(BLOCKER);
        let ready = store.clone();
        let watching = async move {
            let events = watcher(api, watcher::Config::default())
                .default_backoff()
                .modify(|mesh| mesh.metadata.managed_fields = None);
            let keeping = reflector::reflector(writer, events)
                .inspect_err(|error| tracing::warn!(%error, "the meshes cannot be watched"))
                .for_each(|_| std::future::ready(()));
            let first = async move {
                if ready.wait_until_ready().await.is_ok() {
                    blocker.release();
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = keeping => {}
                () = first => {}
            }
        };
        (Self { store }, watching)
    }

    /// The mesh of a namespace that has a pod with these labels: of several the oldest, as for the
    /// controller. Waits a while for the first list.
    ///
    /// # Errors
    /// When there is no list yet.
    pub(crate) async fn of_pod(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
        within: Duration,
    ) -> Result<Option<MeshView>, &'static str> {
        let listed = tokio::time::timeout(within, self.store.wait_until_ready()).await;
        if !matches!(listed, Ok(Ok(()))) {
            return Err("the webhook has not heard of the SwarmMeshes yet");
        }
        Ok(oldest(&self.store.state(), namespace, labels))
    }
}

/// By creation, then by UID. One that cannot be read, or whose selector cannot, has no pods.
fn oldest(
    meshes: &[std::sync::Arc<DynamicObject>],
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> Option<MeshView> {
    let of_namespace = meshes
        .iter()
        .filter(|mesh| mesh.namespace().as_deref() == Some(namespace));
    let selecting = of_namespace.filter_map(|mesh| {
        let spec: SwarmMeshSpec = serde_json::from_value(mesh.data.get("spec")?.clone()).ok()?;
        let selector = Selector::try_from(spec.peers.selector.clone()).ok()?;
        let selects = !selector.selects_all() && selector.matches(labels);
        let created = mesh.metadata.creation_timestamp.clone();
        selects.then(|| (created.map(|Time(at)| at), mesh, spec))
    });
    let (_, mesh, spec) = selecting.min_by_key(|(created, mesh, _)| (*created, mesh.uid()))?;
    Some(MeshView {
        name: mesh.name_any(),
        spec,
    })
}
