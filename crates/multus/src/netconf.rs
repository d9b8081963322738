//! The CNI config of a NetworkAttachmentDefinition.

mod difference;
mod warning;

use ipnet::IpNet;
use serde_json::Value;

use crate::ipam::Ipam;
use crate::{Malformed, Place};

pub use warning::Warning;

/// `spec.config` of a NetworkAttachmentDefinition: one plugin, or a list of them. Multus allows it to
/// be empty and reads a file on the node then, of which nothing is known here.
#[derive(Debug, Clone, PartialEq)]
pub struct NetConf {
    /// The whole config; `Null` when it is empty.
    whole: Value,
    /// Of the first plugin that has one.
    ipam: Option<Ipam>,
}

// === impl NetConf ===

impl NetConf {
    /// Reads `spec.config`.
    ///
    /// # Errors
    /// When it is too long, no JSON object, names no plugin, or its IPAM (host-local, whereabouts,
    /// static) has a range that is none.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Malformed::bounded(Place::Config, text)?;
        if text.trim().is_empty() {
            return Ok(Self {
                whole: Value::Null,
                ipam: None,
            });
        }
        let whole: Value =
            serde_json::from_str(text).map_err(|e| Malformed::json(Place::Config, text, &e))?;
        let refused = |why: &str| Malformed::value(Place::Config, text, why);
        let Value::Object(fields) = &whole else {
            return Err(refused("is no object"));
        };
        let plugins = match fields.get("plugins") {
            None => std::slice::from_ref(&whole),
            Some(Value::Array(plugins)) if !plugins.is_empty() => plugins.as_slice(),
            Some(_) => return Err(refused("has `plugins` that are no list with at least one")),
        };
        let typed = |plugin: &Value| text_of(plugin.get("type")).is_some();
        if !plugins.iter().all(typed) {
            return Err(refused("has no `type`, which names the plugin"));
        }
        for field in ["name", "cniVersion"] {
            if fields.get(field).is_some_and(|value| !value.is_string()) {
                return Err(refused(&format!("has a `{field}` that is no text")));
            }
        }
        let ipam = plugins.iter().find_map(|plugin| plugin.get("ipam"));
        let ipam = ipam.map(Ipam::parse).transpose()?.flatten();
        Ok(Self { whole, ipam })
    }

    /// The config as compact JSON, its keys in order: two that mean the same have the same text. Empty
    /// where the config is.
    #[must_use]
    pub fn text(&self) -> String {
        if self.is_empty() {
            String::new()
        } else {
            self.whole.to_string()
        }
    }

    /// Whether it is empty: each node has a file of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole.is_null()
    }

    /// `ipam.type`; `None` where there is no IPAM.
    #[must_use]
    pub fn ipam_type(&self) -> Option<&str> {
        self.ipam.as_ref().map(Ipam::kind)
    }

    /// The networks that addresses come from, in order, each once; none where that is not in the
    /// config (DHCP, an IPAM of another kind, an empty config).
    #[must_use]
    pub fn ranges(&self) -> Vec<IpNet> {
        self.ipam.as_ref().map(Ipam::networks).unwrap_or_default()
    }

    /// How many pods the IPAM can give an address of each of its families to; `None` where that is
    /// not in the config.
    #[must_use]
    pub fn capacity(&self) -> Option<u128> {
        self.ipam.as_ref().and_then(Ipam::capacity)
    }

    /// What differs in meaning, in one sentence: up to three JSON paths, each with the old and the new
    /// value. `None` if nothing does; the order of keys and white space mean nothing.
    #[must_use]
    pub fn difference(&self, present: &Self) -> Option<String> {
        difference::sentence(&self.whole, &present.whole)
    }
}

fn text_of(value: Option<&Value>) -> Option<&str> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
