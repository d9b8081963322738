//! A real Prometheus that scrapes the controllers as the PodMonitor component has it done, but every
//! second, and judges the alert rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use form_urlencoded::Serializer;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cluster::CONTROLLER_NAMESPACE;
use crate::http::request;
use crate::process::{Running, command};
use crate::wait::until;

/// Its port.
const PORT: u16 = 9090;

/// How long it may take to serve.
const STARTED: Duration = Duration::from_secs(15);

/// How long it may take to end.
const STOP: Duration = Duration::from_secs(10);

/// How often it scrapes and judges.
const INTERVAL: &str = "1s";

/// A running Prometheus. Dropping it kills it.
pub(crate) struct Prometheus {
    running: Running,
    at: SocketAddr,
}

/// An alert rule as it is judged now.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// `ok` unless it could not be judged, or was not yet.
    pub(crate) health: String,
    /// `inactive`, `pending` or `firing`.
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) last_error: String,
}

/// What every answer is wrapped in.
#[derive(Debug, Deserialize)]
struct Answered<T> {
    data: T,
}

#[derive(Debug, Deserialize)]
struct Vector {
    result: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
struct Sample {
    /// When, and the value as text.
    value: (f64, String),
}

#[derive(Debug, Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

// === impl Prometheus ===

impl Prometheus {
    /// Starts it with these rules, to scrape replicas given by name and address, and waits until it
    /// serves.
    pub(crate) async fn start(
        program: &Path,
        ip: Ipv4Addr,
        folder: &Path,
        rules: &str,
        replicas: &BTreeMap<&str, SocketAddr>,
    ) -> Result<Self> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("alerts.yaml"), rules)?;
        let config = folder.join("prometheus.json");
        fs::write(&config, config_of(replicas).to_string())?;
        let at = SocketAddr::new(IpAddr::V4(ip), PORT);
        let mut run = command(program);
        run.arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={at}"))
            .arg("--log.level=warn");
        let running = Running::start("prometheus", &mut run, &folder.join("prometheus.log"))?;
        let mut prometheus = Self { running, at };
        until("Prometheus serves", STARTED, async || {
            prometheus.running.check()?;
            let answer = request(Method::GET, at, None, "/-/ready", None).await?;
            ensure!(answer.status == StatusCode::OK, "{}", answer.status);
            Ok(())
        })
        .await?;
        Ok(prometheus)
    }

    /// The values of the series that an expression has now.
    pub(crate) async fn query(&self, expr: &str) -> Result<Vec<f64>> {
        let answer: Vector = self.get("query", &[("query", expr)]).await?;
        let values = answer.result.into_iter().map(|sample| sample.value.1);
        values
            .map(|text| {
                text.parse()
                    .with_context(|| format!("`{text}` is no value"))
            })
            .collect()
    }

    /// The values that a label has on the series that a selector matches.
    pub(crate) async fn label_values(
        &self,
        label: &str,
        selector: &str,
    ) -> Result<BTreeSet<String>> {
        let path = format!("label/{label}/values");
        self.get(&path, &[("match[]", selector)]).await
    }

    /// Every alert rule.
    pub(crate) async fn rules(&self) -> Result<Vec<Rule>> {
        let answer: Groups = self.get("rules", &[("type", "alert")]).await?;
        let groups = answer.groups.into_iter();
        Ok(groups.flat_map(|group| group.rules).collect())
    }

    /// Ends it.
    pub(crate) async fn end(self) -> Result<()> {
        let status = self.running.stop(STOP).await?;
        ensure!(status.success(), "Prometheus ended: {status}");
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let path = format!("/api/v1/{path}?{query}");
        let answer = request(Method::GET, self.at, None, &path, None).await?;
        let answered: Answered<T> = answer.json()?;
        Ok(answered.data)
    }
}

/// As manifests/components/pod-monitor has it: labels of the pod on every series, those of the
/// series itself first.
fn config_of(replicas: &BTreeMap<&str, SocketAddr>) -> Value {
    let target = |(name, at): (&&str, &SocketAddr)| {
        let labels =
            json!({"namespace": CONTROLLER_NAMESPACE, "pod": name, "container": "kubomesh"});
        json!({"targets": [at.to_string()], "labels": labels})
    };
    json!({
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL},
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [{
            "job_name": "kubomesh-system/kubomesh",
            "honor_labels": true,
            "static_configs": replicas.iter().map(target).collect::<Vec<_>>(),
        }],
    })
}
