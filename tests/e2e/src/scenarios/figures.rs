//! What people look at: the dashboard and the alerts, on a real Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::dashboard::{ALL, Board, Chosen};
use crate::judge::{MESH, SOON};
use crate::prometheus::{Prometheus, Rule};
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario::mesh(
    "dashboard_queries_return_series",
    "a Prometheus that scrapes two replicas answers every query of the dashboard; alerts are quiet",
    |world| Box::pin(dashboard_queries_return_series(world)),
)];

/// The alert rules.
const RULES: &str = include_str!("../../../../dashboards/alerts.yaml");

const FOUR: [&str; 4] = ["a", "b", "c", "d"];

async fn dashboard_queries_return_series(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.start_controller("one", &[]).await?;
    world.start_controller("two", &[]).await?;
    let prometheus = world.start_prometheus(RULES).await?;
    world.create_mesh(json!({})).await?;
    world.healthy(&FOUR).await?;
    let namespace = world.namespace().to_owned();
    choices_are(&prometheus, &namespace).await?;
    alerts_are(&prometheus, &BTreeMap::new()).await?;

    // A node that dies is told of, and the links that it takes with it are not told of apart. That
    // the mesh is degraded is said too if it stays so.
    world.member_mut("b")?.node.kill().await?;
    let told = ["KubomeshMembersUnreachable", "KubomeshDegraded"];
    let told = told.map(|alert| (alert.to_owned(), "pending".to_owned()));
    let told = BTreeMap::from(told);
    alerts_are(&prometheus, &told).await?;

    let cluster = world.cluster_shared();
    let member = world.member_mut("b")?;
    member.node.start().await?;
    member.pod.restarted(&cluster).await?;
    world.healthy(&FOUR).await?;
    alerts_are(&prometheus, &BTreeMap::new()).await?;
    // By now the mesh has converged before Prometheus' eyes: every figure has a value.
    let chosen = Chosen {
        namespace: &namespace,
        mesh: MESH,
    };
    for chosen in [ALL, chosen] {
        queries_answer(&prometheus, chosen).await?;
    }
    prometheus.end().await
}

/// Waits until each query has at least one series that is a number.
async fn queries_answer(prometheus: &Prometheus, chosen: Chosen<'_>) -> Result<()> {
    for (panel, expr) in Board::read()?.queries {
        let put = chosen.put_into(&expr)?;
        until(&format!("panel `{panel}` has values"), SOON, async || {
            let values = prometheus.query(&put).await?;
            ensure!(!values.is_empty(), "`{put}` returns no series");
            let any = values.iter().any(|value| value.is_finite());
            ensure!(any, "`{put}` returns no number: {values:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Waits until the dashboard's variables offer the scenario's mesh, under its own namespace.
async fn choices_are(prometheus: &Prometheus, namespace: &str) -> Result<()> {
    for choice in Board::read()?.choices {
        let wanted = match choice.variable.as_str() {
            "namespace" => namespace,
            "mesh" => MESH,
            other => anyhow::bail!("what should `{other}` offer?"),
        };
        let selector = ALL.put_into(&choice.selector)?;
        let what = format!("variable `{}` offers {wanted}", choice.variable);
        until(&what, SOON, async || {
            let offered = prometheus.label_values(&choice.label, &selector).await?;
            let is = offered == BTreeSet::from([wanted.to_owned()]);
            ensure!(is, "it offers {offered:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Waits until every alert is judged without an error and exactly these are pending or firing.
async fn alerts_are(prometheus: &Prometheus, wanted: &BTreeMap<String, String>) -> Result<()> {
    let names = names()?;
    until(
        &format!("of the alerts {wanted:?} are on"),
        SOON,
        async || {
            let rules = prometheus.rules().await?;
            for Rule {
                name,
                health,
                last_error,
                ..
            } in &rules
            {
                ensure!(health == "ok", "{name} is {health}: {last_error}");
            }
            let judged: BTreeSet<String> = rules.iter().map(|rule| rule.name.clone()).collect();
            ensure!(judged == names, "{judged:?} are loaded");
            let on = rules.into_iter().filter(|rule| rule.state != "inactive");
            let on: BTreeMap<String, String> = on.map(|rule| (rule.name, rule.state)).collect();
            ensure!(on == *wanted, "{on:?}");
            Ok(())
        },
    )
    .await
}

/// The alerts' names.
fn names() -> Result<BTreeSet<String>> {
    let file: Value = serde_saphyr::from_str(RULES)?;
    let groups = file["groups"].as_array().context("no groups")?;
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array())
        .flatten();
    let names = rules.map(|rule| rule["alert"].as_str().map(str::to_owned));
    names.collect::<Option<_>>().context("a rule without name")
}
