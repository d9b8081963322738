//! What is printed of a world in which a scenario failed.

use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::Resource;
use crate::process::tail;
use crate::world::World;

/// Lines of each controller's log.
const LOG_LINES: usize = 40;

// === impl World ===

impl World {
    /// Prints pods, meshes, the report of the acting controller, and the controllers' last words.
    /// It never fails: what cannot be had is said.
    pub(crate) async fn tell(&self) {
        for namespace in self.namespaces() {
            self.tell_of(namespace).await;
        }
        self.tell_report().await;
        for log in self.controller_logs() {
            println!(
                "--- the last of {}\n{}",
                log.display(),
                tail(log, LOG_LINES)
            );
        }
        println!("--- all logs are in {}", self.folder().display());
    }

    async fn tell_of(&self, namespace: &str) {
        for kind in [Resource::Pod, Resource::SwarmMesh, Resource::SwarmPeer] {
            println!("--- {kind:?} in {namespace}");
            let listed = self
                .cluster()
                .api(kind, namespace)
                .list(&ListParams::default())
                .await;
            match listed {
                Ok(list) => list.items.iter().for_each(|object| {
                    let name = object.metadata.name.as_deref().unwrap_or_default();
                    let dying = match object.metadata.deletion_timestamp {
                        Some(_) => " terminating",
                        None => "",
                    };
                    println!("{name}{dying}: {}", short(kind, &object.data));
                }),
                Err(error) => println!("cannot be listed: {error}"),
            }
        }
    }

    async fn tell_report(&self) {
        println!("--- /debug/report");
        let report = match self.holder().await {
            Ok((_, controller)) => controller.report().await,
            Err(error) => Err(error),
        };
        match report {
            Ok(report) => println!("{report}"),
            Err(error) => println!("there is none: {error:#}"),
        }
    }
}

/// What matters of an object.
fn short(kind: Resource, data: &Value) -> Value {
    let (spec, status) = (&data["spec"], &data["status"]);
    match kind {
        Resource::Pod => {
            let ready = &status["conditions"][0]["status"];
            serde_json::json!({"phase": status["phase"], "ip": status["podIP"], "ready": ready})
        }
        Resource::SwarmPeer => serde_json::json!({
            "spec": spec, "links": status["linksSummary"], "conditions": status["conditions"],
        }),
        _ => status.clone(),
    }
}
