//! Meshes and records: making them, and what their status says.

use anyhow::{Context, Result, ensure};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{SOON, condition};
use crate::cluster::Resource;
use crate::pods::APP;
use crate::wait::until;
use crate::world::World;

/// Name of a scenario's mesh, unless it has several in one namespace.
pub(crate) const MESH: &str = "kubo";

/// A mesh object by its place.
#[derive(Debug, Clone)]
pub(crate) struct Mesh {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

// === impl Mesh ===

impl Mesh {
    /// `namespace/name`, as the debug pages name it.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

// === impl World ===

impl World {
    /// The scenario's mesh.
    pub(crate) fn mesh(&self) -> Mesh {
        Mesh {
            namespace: self.namespace().to_owned(),
            name: MESH.to_owned(),
        }
    }

    /// Makes the scenario's mesh of all its pods, with `spec` on top.
    pub(crate) async fn create_mesh(&self, spec: Value) -> Result<()> {
        self.create(&self.mesh(), spec).await
    }

    /// Makes a mesh of all pods of its namespace, swept every second and quick to forget, with
    /// `spec` on top.
    pub(crate) async fn create(&self, mesh: &Mesh, spec: Value) -> Result<()> {
        let mut own = json!({
            "peers": {"selector": {"matchLabels": {APP.0: APP.1}}},
            "resyncInterval": "1s",
            "links": {"forgetAfter": "1s"},
        });
        if let (Some(own), Value::Object(spec)) = (own.as_object_mut(), spec) {
            own.extend(spec);
        }
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "kubomesh.dev/v1alpha1",
            "kind": "SwarmMesh",
            "metadata": {"name": mesh.name, "namespace": mesh.namespace},
            "spec": own,
        }))?;
        let meshes = self.cluster().api(Resource::SwarmMesh, &mesh.namespace);
        meshes.create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Changes the scenario's mesh.
    pub(crate) async fn patch_mesh(&self, spec: Value) -> Result<()> {
        let meshes = self.cluster().api(Resource::SwarmMesh, self.namespace());
        let patch = Patch::Merge(json!({"spec": spec}));
        meshes.patch(MESH, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Has every node asked so often from now on, and waits until that holds. In an hour nothing but
    /// what happens wakes the loop.
    pub(crate) async fn sweep_every(&self, interval: &str) -> Result<()> {
        self.patch_mesh(json!({"resyncInterval": interval})).await?;
        let meshes = self.cluster().api(Resource::SwarmMesh, self.namespace());
        let wanted = meshes.get(MESH).await?.metadata.generation;
        until("the mesh's status is of its spec", SOON, async || {
            let seen = &self.status(Resource::SwarmMesh, MESH).await?["observedGeneration"];
            ensure!(seen.as_i64() == wanted, "{seen} of {wanted:?}");
            Ok(())
        })
        .await
    }

    /// Deletes the scenario's mesh.
    pub(crate) async fn delete_mesh(&self) -> Result<()> {
        let meshes = self.cluster().api(Resource::SwarmMesh, self.namespace());
        meshes.delete(MESH, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The status of an object in the scenario's namespace.
    pub(crate) async fn status(&self, of: Resource, name: &str) -> Result<Value> {
        let object = self.cluster().api(of, self.namespace()).get(name).await?;
        Ok(object.data.get("status").cloned().unwrap_or_default())
    }

    /// The record of a member; `None` if there is none.
    pub(crate) async fn record(&self, name: &str) -> Result<Option<Value>> {
        let records = self.cluster().api(Resource::SwarmPeer, self.namespace());
        Ok(records.get_opt(name).await?.map(|record| record.data))
    }

    /// Waits until a member has no record any more.
    pub(crate) async fn record_gone(&self, name: &str) -> Result<()> {
        until(&format!("the record of {name} is gone"), SOON, async || {
            let record = self.record(name).await?;
            ensure!(record.is_none(), "{record:?}");
            Ok(())
        })
        .await
    }

    /// Waits until the record of a member is a mesh's.
    pub(crate) async fn record_of(&self, name: &str, mesh: &str) -> Result<()> {
        let what = format!("the record of {name} is the mesh {mesh}'s");
        until(&what, SOON, async || {
            let record = self.record(name).await?.unwrap_or_default();
            ensure!(record["spec"]["mesh"] == mesh, "{record}");
            Ok(())
        })
        .await
    }

    /// Waits until a condition of the scenario's mesh has this status and reason. Its message.
    pub(crate) async fn mesh_says(&self, wanted: (&str, &str, &str)) -> Result<String> {
        self.says((Resource::SwarmMesh, MESH), wanted).await
    }

    /// Waits until a condition of a member has this status and reason. Its message.
    pub(crate) async fn member_says(
        &self,
        name: &str,
        wanted: (&str, &str, &str),
    ) -> Result<String> {
        self.says((Resource::SwarmPeer, name), wanted).await
    }

    /// Waits until a condition, given as type, status and reason, is there. Its message.
    pub(crate) async fn says(
        &self,
        (of, name): (Resource, &str),
        (kind, status, reason): (&str, &str, &str),
    ) -> Result<String> {
        let what = format!("{of:?} {name} says {kind}={status}, {reason}");
        until(&what, SOON, async || {
            let found = self.status(of, name).await?;
            let condition = condition(&found, kind).with_context(|| found.to_string())?;
            let is = condition["status"] == status && condition["reason"] == reason;
            ensure!(is, "{condition}");
            Ok(condition["message"].as_str().unwrap_or_default().to_owned())
        })
        .await
    }

    /// Waits until an event says that a condition of an object changed: its type (`Normal` or
    /// `Warning`), the condition, and the reason.
    pub(crate) async fn event(
        &self,
        about: &str,
        (kind, condition, reason): (&str, &str, &str),
    ) -> Result<()> {
        let events = self.cluster().api(Resource::Event, self.namespace());
        let what = format!("{kind} event {condition}, {reason} about {about}");
        until(&what, SOON, async || {
            let events = events.list(&ListParams::default()).await?;
            let found = events.items.iter().any(|event| {
                let data = &event.data;
                data["regarding"]["name"] == about
                    && data["type"] == kind
                    && data["action"] == condition
                    && data["reason"] == reason
            });
            let all = events.items.iter().map(|event| &event.data["note"]);
            ensure!(found, "there are {:?}", all.collect::<Vec<_>>());
            Ok(())
        })
        .await
    }

    /// Waits until a mesh's status is Ready with so many members, all pairs linked.
    pub(crate) async fn ready(&self, mesh: &Mesh, members: usize) -> Result<()> {
        let pairs = members * members.saturating_sub(1) / 2;
        let links = format!("{pairs}/{pairs}");
        let what = format!(
            "{} is Ready with {members} members and {links} links",
            mesh.id()
        );
        let meshes = self.cluster().api(Resource::SwarmMesh, &mesh.namespace);
        until(&what, SOON, async || {
            let object = meshes.get(&mesh.name).await?;
            let status = &object.data["status"];
            let ready = condition(status, "Ready").is_some_and(|c| c["status"] == "True");
            let counts = status["linksSummary"] == *links && status["members"] == members;
            ensure!(ready && counts, "{status}");
            Ok(())
        })
        .await
    }
}
