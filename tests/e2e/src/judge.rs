//! What a scenario claims: first of all what the nodes themselves say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::cluster::Resource;
use crate::controller::PlanPage;
use crate::member::Member;
use crate::node::OUTBOUND;
use crate::pods::APP;
use crate::wait::until;
use crate::world::World;

/// Name of a scenario's mesh.
pub(crate) const MESH: &str = "kubo";

/// How long links may take to be made. A retry of Kubo's own peering service takes up to 12.5 s.
pub(crate) const SOON: Duration = Duration::from_secs(30);

// === impl World: meshes ===

impl World {
    /// Makes the scenario's mesh of all its pods, swept every second, with `spec` on top.
    pub(crate) async fn create_mesh(&self, spec: Value) -> Result<()> {
        let own = json!({
            "peers": {"selector": {"matchLabels": {APP.0: APP.1}}},
            "resyncInterval": "1s",
            "links": {"forgetAfter": "1s"},
        });
        self.create_mesh_in(self.namespace(), MESH, merged(own, &spec))
            .await
    }

    /// Makes a mesh exactly as said.
    pub(crate) async fn create_mesh_in(
        &self,
        namespace: &str,
        name: &str,
        spec: Value,
    ) -> Result<()> {
        let mesh: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "kubomesh.dev/v1alpha1",
            "kind": "SwarmMesh",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }))?;
        let meshes = self.cluster().api(Resource::SwarmMesh, namespace);
        meshes.create(&PostParams::default(), &mesh).await?;
        Ok(())
    }

    /// Changes the scenario's mesh.
    pub(crate) async fn patch_mesh(&self, spec: Value) -> Result<()> {
        let meshes = self.cluster().api(Resource::SwarmMesh, self.namespace());
        let patch = Patch::Merge(json!({"spec": spec}));
        meshes.patch(MESH, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// The status of the scenario's mesh.
    pub(crate) async fn mesh_status(&self) -> Result<Value> {
        self.status(Resource::SwarmMesh, self.namespace(), MESH)
            .await
    }

    /// The status of an object of ours.
    pub(crate) async fn status(&self, of: Resource, namespace: &str, name: &str) -> Result<Value> {
        let object = self.cluster().api(of, namespace).get(name).await?;
        Ok(object.data.get("status").cloned().unwrap_or_default())
    }

    /// The record of a member; `None` if there is none.
    pub(crate) async fn record(&self, name: &str) -> Result<Option<Value>> {
        let records = self.cluster().api(Resource::SwarmPeer, self.namespace());
        Ok(records.get_opt(name).await?.map(|record| record.data))
    }

    /// Waits until a condition of an object has this status and reason, and hands its message back.
    pub(crate) async fn condition(
        &self,
        (of, name): (Resource, &str),
        (kind, status, reason): (&str, &str, &str),
    ) -> Result<String> {
        let what = format!("{of:?} {name} has {kind}={status}, {reason}");
        until(&what, SOON, async || {
            let found = self.status(of, self.namespace(), name).await?;
            let condition = condition(&found, kind).with_context(|| format!("{found}"))?;
            let is = condition["status"] == status && condition["reason"] == reason;
            ensure!(is, "{condition}");
            Ok(condition["message"].as_str().unwrap_or_default().to_owned())
        })
        .await
    }

    /// `namespace/name` of the scenario's mesh, as the debug pages name it.
    pub(crate) fn mesh_id(&self) -> String {
        format!("{}/{MESH}", self.namespace())
    }

    /// `/debug/plan` of the scenario's mesh at the replica that acts.
    pub(crate) async fn plan(&self) -> Result<PlanPage> {
        let (_, controller) = self.holder().await?;
        controller.plan(&self.mesh_id()).await
    }
}

// === impl World: links ===

impl World {
    /// Converged: every pair of these members is linked and protected, as both ends say themselves,
    /// they have no other links, and two later passes do nothing.
    pub(crate) async fn converged<S: AsRef<str>>(&self, names: &[S]) -> Result<()> {
        self.linked(names).await?;
        self.quiet(&self.mesh_id()).await?;
        all_linked(&self.members(names)?).await
    }

    /// Converged, and the mesh's status says so.
    pub(crate) async fn healthy<S: AsRef<str>>(&self, names: &[S]) -> Result<()> {
        self.converged(names).await?;
        let pairs = names.len() * (names.len() - 1) / 2;
        let wanted = format!("{pairs}/{pairs}");
        until(
            &format!("the mesh is Ready with {wanted}"),
            SOON,
            async || {
                let status = self.mesh_status().await?;
                let ready = condition(&status, "Ready").is_some_and(|c| c["status"] == "True");
                let counts = status["linksSummary"] == *wanted && status["members"] == names.len();
                ensure!(ready && counts, "{status}");
                Ok(())
            },
        )
        .await
    }

    /// Waits until every pair of these members is linked and protected, and they have no others.
    pub(crate) async fn linked<S: AsRef<str>>(&self, names: &[S]) -> Result<()> {
        let members = self.members(names)?;
        let what = format!("{} members are linked with each other", members.len());
        until(&what, SOON, async || all_linked(&members).await).await
    }

    /// Waits for two later passes of a mesh that do nothing.
    pub(crate) async fn quiet(&self, mesh: &str) -> Result<()> {
        let mut first = None;
        let mut idle = BTreeSet::new();
        until("two later passes do nothing", SOON, async || {
            let (_, controller) = self.holder().await?;
            let page = controller.plan(mesh).await?;
            let later = page.pass > *first.get_or_insert(page.pass);
            if !page.actions.is_empty() || !page.records.is_empty() {
                idle.clear();
            } else if later {
                idle.insert(page.pass);
            }
            ensure!(idle.len() >= 2, "{} so far; the last: {page:?}", idle.len());
            Ok(())
        })
        .await
    }

    /// Waits for two more passes of the scenario's mesh, whatever they do: what was going to happen
    /// has happened by then.
    pub(crate) async fn two_passes(&self) -> Result<()> {
        let before = until("a pass", SOON, async || self.plan().await)
            .await?
            .pass;
        until("two more passes", SOON, async || {
            let now = self.plan().await?.pass;
            ensure!(now >= before + 2, "from {before} to {now}");
            Ok(())
        })
        .await
    }
}

/// An error unless every pair is linked and protected, and nobody has another link.
pub(crate) async fn all_linked(members: &[&Member]) -> Result<()> {
    try_join_all(members.iter().map(|member| linked_with(member, members))).await?;
    Ok(())
}

/// An error unless one member's own answers show what is wanted of it.
async fn linked_with(member: &Member, members: &[&Member]) -> Result<()> {
    let (node, name) = (&member.node, &member.pod.name);
    let others = members
        .iter()
        .filter(|other| other.node.peer_id() != node.peer_id());
    let wanted: BTreeMap<String, String> = others
        .map(|other| (other.node.peer_id().to_owned(), other.node.swarm_address()))
        .collect();
    let connections = node.connections().await?;
    let seen: BTreeSet<&str> = connections.iter().map(|c| c.peer.as_str()).collect();
    let asked: BTreeSet<&str> = wanted.keys().map(String::as_str).collect();
    ensure!(seen == asked, "{name} lists {seen:?}, wanted are {asked:?}");
    for connection in connections.iter().filter(|c| c.direction == OUTBOUND) {
        let address = wanted.get(&connection.peer);
        ensure!(
            address == Some(&connection.address),
            "{name} dialled {connection:?}"
        );
    }
    let peering = node.peering().await?;
    let wanted: BTreeMap<String, Vec<String>> = wanted
        .into_iter()
        .map(|(peer, address)| (peer, vec![address]))
        .collect();
    ensure!(
        peering == wanted,
        "{name} protects {peering:?}, wanted are {wanted:?}"
    );
    Ok(())
}

/// A condition of a status.
pub(crate) fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Two objects, the second on top of the first.
fn merged(mut under: Value, over: &Value) -> Value {
    if let (Some(under), Some(over)) = (under.as_object_mut(), over.as_object()) {
        for (key, value) in over {
            let both = under.get(key).cloned().unwrap_or_default();
            under.insert(key.clone(), merged(both, value));
        }
        return Value::Object(std::mem::take(under));
    }
    over.clone()
}
