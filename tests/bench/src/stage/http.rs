//! Questions over HTTP: to the fakes' control API, to the nodes, to the controller's pages.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A page of thousands of members takes a moment on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// More than any answer has.
const MAX_BODY: u64 = 256 << 20;

/// Asks with a deadline, without proxies. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Http {
    agent: ureq::Agent,
}

// === impl Http ===

impl Http {
    pub(super) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(DEADLINE))
            .proxy(None);
        Self {
            agent: config.build().into(),
        }
    }

    pub(super) fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        read(url, self.agent.get(url).call())
    }

    /// A page that is no JSON.
    pub(super) fn page(&self, url: &str) -> Result<String> {
        text(url, self.agent.get(url).call())
    }

    /// POST without a body, as Kubo's RPC wants it.
    pub(super) fn post<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        read(url, self.agent.post(url).send_empty())
    }

    /// POST with a JSON body, as the control API wants it.
    pub(super) fn order(&self, url: &str, body: &Value) -> Result<()> {
        read::<Value>(url, self.agent.post(url).send(body.to_string())).map(drop)
    }
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn read<T: DeserializeOwned>(url: &str, answer: Answer) -> Result<T> {
    let text = text(url, answer)?;
    serde_json::from_str(&text).with_context(|| format!("the answer of {url} is not as expected"))
}

fn text(url: &str, answer: Answer) -> Result<String> {
    let mut answer = answer.with_context(|| url.to_owned())?;
    let mut text = String::new();
    let mut body = answer.body_mut().as_reader().take(MAX_BODY);
    body.read_to_string(&mut text)
        .with_context(|| url.to_owned())?;
    Ok(text)
}
