//! The few questions that the demo asks over HTTP.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Nobody here takes longer unless something is wrong.
const DEADLINE: Duration = Duration::from_secs(2);

/// More than any answer has.
const MAX_BODY: u64 = 64 << 20;

/// Asks with a deadline, without proxies.
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

    /// GET, as the controller's pages want it.
    ///
    /// # Errors
    /// When there is no answer, or not that one.
    pub(super) fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        read(url, self.agent.get(url).call())
    }

    /// POST without a body, as Kubo's RPC wants it.
    ///
    /// # Errors
    /// When there is no answer, or not that one.
    pub(super) fn post<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        read(url, self.agent.post(url).send_empty())
    }

    /// POST with a JSON body, as fakefleet's control API wants it.
    ///
    /// # Errors
    /// When there is no answer, or not that one.
    pub(super) fn post_json<T: DeserializeOwned>(&self, url: &str, body: &Value) -> Result<T> {
        read(url, self.agent.post(url).send(body.to_string()))
    }
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn read<T: DeserializeOwned>(url: &str, answer: Answer) -> Result<T> {
    let mut answer = answer.with_context(|| url.to_owned())?;
    let mut text = String::new();
    let mut body = answer.body_mut().as_reader().take(MAX_BODY);
    body.read_to_string(&mut text)
        .with_context(|| url.to_owned())?;
    serde_json::from_str(&text).with_context(|| format!("the answer of {url} is not as expected"))
}
