//! What the reporter is told: for each mesh of the fleet what its loop last found, or why it has none.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubomesh_core::MeshId;
use kubomesh_discovery::{Fleet, MeshView};
use kubomesh_process::Tasks;
use kubomesh_reporter::{MeshNews, News, Verdict};
use kubomesh_server::Snapshot;
use kubomesh_telemetry::MeshSeries;
use tokio::sync::watch;

/// Joins the fleet and the loops' snapshots into news, as they change.
pub(crate) fn news(
    mut fleet: watch::Receiver<Arc<Fleet>>,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    series: MeshSeries,
    work: &Tasks,
) -> watch::Receiver<Arc<News>> {
    let (sender, receiver) = watch::channel(Arc::default());
    let stop = work.stop();
    work.spawn("news", async move {
        let mut shown = BTreeSet::new();
        while !stop.is_cancelled() {
            let told = join(&fleet.borrow_and_update(), &snapshots.borrow_and_update());
            show(&series, &mut shown, &told);
            let _ = sender.send(Arc::new(told));
            tokio::select! {
                () = stop.cancelled() => {}
                () = crate::mesh_loop::changed(&mut fleet) => {}
                () = crate::mesh_loop::changed(&mut snapshots) => {}
            }
        }
    });
    receiver
}

/// Every mesh has its series while it is there, acted on or not.
fn show(series: &MeshSeries, shown: &mut BTreeSet<MeshId>, news: &News) {
    let meshes: BTreeSet<MeshId> = news.meshes.keys().cloned().collect();
    for gone in shown.difference(&meshes) {
        series.remove(&gone.namespace, &gone.name);
    }
    for mesh in &meshes {
        series.add(&mesh.namespace, &mesh.name);
    }
    *shown = meshes;
}

fn join(fleet: &Fleet, snapshots: &Snapshot) -> News {
    let meshes = fleet
        .meshes
        .values()
        .map(|view| (view.id.clone(), of_mesh(view, snapshots)));
    News {
        meshes: meshes.collect(),
    }
}

fn of_mesh(view: &MeshView, snapshots: &Snapshot) -> MeshNews {
    let limits = view
        .policy
        .as_ref()
        .map(|policy| policy.limits)
        .unwrap_or_default();
    let verdict = match &view.policy {
        Err(condition) => Verdict::Refused(condition.clone()),
        Ok(_) => match snapshots.meshes.get(&view.id.to_string()) {
            Some(snapshot) => Verdict::Planned(Arc::clone(&snapshot.report)),
            None => Verdict::Waiting,
        },
    };
    MeshNews {
        generation: view.generation,
        membership: Arc::clone(&view.membership),
        status_writes_per_second: limits.status_writes_per_second,
        verdict,
    }
}
