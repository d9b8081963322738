//! What the dashboard asks Prometheus for.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The dashboard.
const BOARD: &str = include_str!("../../../dashboards/kubomesh.json");

/// What Grafana puts for the interval of a rate: four scrapes at least. Here more, as a scrape of a
/// busy machine may be late.
const RATE_INTERVAL: &str = "10s";

/// Every query of the dashboard.
#[derive(Debug)]
pub(crate) struct Board {
    /// The panels' queries: title of the panel and expression.
    pub(crate) queries: Vec<(String, String)>,
    /// The variables' queries.
    pub(crate) choices: Vec<Choice>,
}

/// A variable that is chosen from the values of a label.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) variable: String,
    pub(crate) selector: String,
    pub(crate) label: String,
}

/// What is chosen in Grafana: regular expressions of namespaces and meshes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) mesh: &'a str,
}

/// What `All` stands for.
pub(crate) const ALL: Chosen<'static> = Chosen {
    namespace: ".*",
    mesh: ".*",
};

// === impl Board ===

impl Board {
    /// Reads the dashboard.
    pub(crate) fn read() -> Result<Self> {
        let board: Value = serde_json::from_str(BOARD)?;
        let panels = board["panels"].as_array().context("no panels")?;
        let mut queries = Vec::new();
        for panel in panels {
            let title = panel["title"].as_str().context("a panel without title")?;
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expr = target["expr"].as_str();
                let expr = expr.with_context(|| format!("`{title}`: a target without expr"))?;
                queries.push((title.to_owned(), expr.to_owned()));
            }
        }
        let variables = board["templating"]["list"]
            .as_array()
            .context("no variables")?;
        let choices = variables.iter().filter(|it| it["type"] == "query");
        let choices = choices.map(Choice::read).collect::<Result<Vec<_>>>()?;
        ensure!(!queries.is_empty() && !choices.is_empty(), "it is empty");
        Ok(Self { queries, choices })
    }
}

// === impl Choice ===

impl Choice {
    fn read(variable: &Value) -> Result<Self> {
        let query = variable["query"]["query"].as_str().unwrap_or_default();
        let inner = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')'));
        let (selector, label) = inner
            .and_then(|inner| inner.rsplit_once(", "))
            .with_context(|| format!("`{query}` is not `label_values(selector, label)`"))?;
        Ok(Self {
            variable: variable["name"].as_str().unwrap_or_default().to_owned(),
            selector: selector.to_owned(),
            label: label.to_owned(),
        })
    }
}

// === impl Chosen ===

impl Chosen<'_> {
    /// The expression as Prometheus gets it.
    pub(crate) fn put_into(self, expr: &str) -> Result<String> {
        let put = expr
            .replace("$namespace", self.namespace)
            .replace("$mesh", self.mesh)
            .replace("$__rate_interval", RATE_INTERVAL);
        ensure!(!put.contains('$'), "an unknown variable is left in `{put}`");
        Ok(put)
    }
}
