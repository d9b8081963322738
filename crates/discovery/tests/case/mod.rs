//! Discovery against an API server in memory, and waiting for what it finds.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::sync::Arc;
use std::time::Duration;

use kubomesh_discovery::{
    DiscoveryMetrics, DiscoveryTimings, Fleet, Found, MeshView, Settings, kubernetes,
};
use kubomesh_process::Clock;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::ApiServer;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::objects::{mesh, node};

/// Discovery on an API server in memory.
pub struct Case {
    pub server: ApiServer,
    pub found: Found,
    pub metrics: DiscoveryMetrics,
    /// Ends with the case.
    pub tasks: JoinSet<()>,
}

impl Case {
    /// A mesh `kubo` in namespace `apps`, one node, and these pods.
    pub fn with(pods: &[Value]) -> Self {
        let server = ApiServer::new();
        server.put("nodes", node("node-a", "zone-a"));
        server.put("swarmmeshes", mesh("kubo", json!({})));
        for pod in pods {
            server.put("pods", pod.clone());
        }
        Self::on(server)
    }

    pub fn on(server: ApiServer) -> Self {
        let metrics = DiscoveryMetrics::register(&Catalog::new().unwrap()).unwrap();
        let settings = Settings {
            timings: DiscoveryTimings::default(),
            clock: Clock::start(),
            metrics: metrics.clone(),
        };
        let (found, work) = kubernetes(kube::Client::new(server.service(), "default"), settings);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(work.await) });
        Self {
            server,
            found,
            metrics,
            tasks,
        }
    }

    /// Waits until the fleet is as wanted; in paused time an hour passes at once.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        let fleet = self.found.fleet.clone();
        let mut fleet = fleet;
        let waited = timeout(
            Duration::from_secs(3_600),
            fleet.wait_for(|fleet| wanted(fleet)),
        );
        match waited.await {
            Ok(Ok(fleet)) => Arc::clone(&fleet),
            _ => panic!("{what} never came: {:#?}", self.found.fleet.borrow()),
        }
    }

    pub async fn synced(&mut self) -> Arc<Fleet> {
        self.until("a synced fleet", |fleet| fleet.synced).await
    }

    pub async fn members(&mut self, wanted: &[&str]) -> Arc<Fleet> {
        self.until(&format!("members {wanted:?}"), |fleet| {
            let names = |view: &MeshView| {
                let members = view.membership.members.keys();
                let names = members.map(kubomesh_core::MemberName::as_str);
                names.eq(wanted.iter().copied())
            };
            fleet.synced && names(view(fleet, "kubo"))
        })
        .await
    }

    pub async fn trouble(&mut self, what: &str, sentence: &str) {
        self.until(&format!("the sentence {sentence:?}"), |fleet| {
            fleet
                .troubles
                .get(what)
                .is_some_and(|trouble| trouble.contains(sentence))
        })
        .await;
    }
}

/// A mesh of a fleet.
pub fn view<'a>(fleet: &'a Fleet, mesh: &str) -> &'a MeshView {
    fleet
        .meshes
        .values()
        .find(|view| *view.id.name == *mesh)
        .expect("the mesh")
}
