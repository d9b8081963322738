//! What is stored: objects, versions, and the events that watches are told.

use std::collections::BTreeMap;

use json_patch::merge;
use serde_json::{Value, json};

use super::request::Asked;

/// Plural, namespace, name.
type Key = (String, String, String);

/// Everything that is stored. A copy of it is a backup.
#[derive(Debug, Clone, Default)]
pub struct Store {
    version: u64,
    uids: u64,
    objects: BTreeMap<Key, Value>,
    /// Version, key, before, after.
    pub(super) events: Vec<(u64, Key, Option<Value>, Option<Value>)>,
    /// A watch from before this version has missed something.
    pub(super) compacted: u64,
}

/// The object, or status code and message.
type Outcome = Result<Value, (u16, String)>;

// === impl Store ===

impl Store {
    /// The `resourceVersion` of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version + 1_000
    }

    pub(super) fn compact(&mut self) {
        self.compacted = self.version();
        self.events.clear();
    }

    pub(super) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects
            .get(&(plural.into(), namespace.into(), name.into()))
    }

    pub(super) fn all(&self, plural: &str) -> Vec<Value> {
        let of_kind = self.objects.iter().filter(|(key, _)| key.0 == plural);
        of_kind.map(|(_, object)| object.clone()).collect()
    }

    /// Creates or replaces without any precondition.
    pub(super) fn put(&mut self, plural: &str, mut object: Value) -> Value {
        let text = |field: &str| {
            object["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let key = (plural.to_owned(), text("namespace"), text("name"));
        self.version += 1;
        let before = self.objects.get(&key).cloned();
        if object["metadata"]["uid"].is_null() {
            self.uids += 1;
            let uid = before.as_ref().map(|b| b["metadata"]["uid"].clone());
            object["metadata"]["uid"] = uid.unwrap_or_else(|| json!(format!("uid-{}", self.uids)));
        }
        if object["metadata"]["creationTimestamp"].is_null() {
            object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        object["metadata"]["resourceVersion"] = json!(self.version().to_string());
        self.events
            .push((self.version(), key.clone(), before, Some(object.clone())));
        self.objects.insert(key, object.clone());
        object
    }

    pub(super) fn delete(&mut self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let key: Key = (plural.into(), namespace.into(), name.into());
        let mut before = self.objects.remove(&key)?;
        self.version += 1;
        before["metadata"]["resourceVersion"] = json!(self.version().to_string());
        self.events
            .push((self.version(), key, Some(before.clone()), None));
        Some(before)
    }

    /// Deletes without an event.
    pub(super) fn lose(&mut self, plural: &str, namespace: &str, name: &str) {
        self.version += 1;
        self.objects
            .remove(&(plural.into(), namespace.into(), name.into()));
    }

    /// Does what is asked; watches are not for here.
    pub(super) fn answer(&mut self, asked: &Asked) -> Outcome {
        let Asked {
            plural,
            namespace,
            name,
            ..
        } = asked;
        let missing = || (404, format!("{plural} \"{name}\" not found"));
        match asked.verb {
            "list" => self.list(asked),
            "get" => self
                .get(plural, namespace, name)
                .cloned()
                .ok_or_else(missing),
            "create" if self.get(plural, namespace, &named(asked)).is_some() => {
                Err((409, format!("{plural} \"{}\" already exists", named(asked))))
            }
            "create" => Ok(self.put(plural, without_status(&asked.body, None))),
            "update" => {
                let before = self
                    .get(plural, namespace, name)
                    .cloned()
                    .ok_or_else(missing)?;
                let stated = &asked.body["metadata"];
                // As of leases and custom resources.
                if stated["resourceVersion"].is_null() {
                    return Err((422, "metadata.resourceVersion: must be specified".into()));
                }
                precondition(stated, &before)?;
                Ok(self.put(plural, without_status(&asked.body, Some(&before))))
            }
            "patch" => self.patch(asked),
            "delete" => {
                let before = self
                    .get(plural, namespace, name)
                    .cloned()
                    .ok_or_else(missing)?;
                precondition(&asked.body["preconditions"], &before)?;
                self.delete(plural, namespace, name);
                Ok(json!({ "apiVersion": "v1", "kind": "Status", "status": "Success" }))
            }
            other => Err((405, format!("verb `{other}` is not known here"))),
        }
    }

    /// A merge patch, of a status or of all but that.
    fn patch(&mut self, asked: &Asked) -> Outcome {
        let status = asked.plural.strip_suffix("/status");
        let plural = status.unwrap_or(&asked.plural);
        let before = self.get(plural, &asked.namespace, &asked.name).cloned();
        let before = before.ok_or((404, "not found".to_owned()))?;
        // As the real one: the version counts; the UID is no precondition, but nobody may change it.
        let stated = json!({ "resourceVersion": asked.body["metadata"]["resourceVersion"] });
        precondition(&stated, &before)?;
        let mut object = before.clone();
        if status.is_some() {
            merge(&mut object["status"], &asked.body["status"]);
        } else {
            merge(&mut object, &asked.body);
            if object["metadata"]["uid"] != before["metadata"]["uid"] {
                return Err((422, "metadata.uid: field is immutable".to_owned()));
            }
            object = without_status(&object, Some(&before));
        }
        Ok(self.put(plural, object))
    }

    fn list(&self, asked: &Asked) -> Outcome {
        // Such a list may be answered from an old cache: the product never asks for one.
        if !asked.param("resourceVersion").is_empty() {
            return Err((400, "a list is to be consistent here".to_owned()));
        }
        let limit: usize = asked.param("limit").parse().unwrap_or(usize::MAX);
        let skip: usize = asked.param("continue").parse().unwrap_or(0);
        let of_kind = self.objects.iter().filter(|(key, object)| {
            key.0 == asked.plural
                && (asked.namespace.is_empty() || key.1 == asked.namespace)
                && selects(asked.param("labelSelector"), object)
                && has_name(asked.param("fieldSelector"), &key.2)
        });
        let all: Vec<_> = of_kind.map(|(_, object)| object.clone()).collect();
        let next = if all.len() > skip.saturating_add(limit) {
            (skip + limit).to_string()
        } else {
            String::new()
        };
        let items: Vec<_> = all.into_iter().skip(skip).take(limit).collect();
        Ok(json!({
            "apiVersion": "v1", "kind": "List", "items": items,
            "metadata": { "resourceVersion": self.version().to_string(), "continue": next },
        }))
    }
}

fn named(asked: &Asked) -> String {
    asked.body["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Neither creating nor replacing an object touches its status.
fn without_status(object: &Value, before: Option<&Value>) -> Value {
    let mut object = object.clone();
    let status = before.map_or(Value::Null, |before| before["status"].clone());
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
        if !status.is_null() {
            fields.insert("status".to_owned(), status);
        }
    }
    object
}

fn precondition(stated: &Value, stands: &Value) -> Result<(), (u16, String)> {
    for field in ["uid", "resourceVersion"] {
        let wanted = &stated[field];
        if !wanted.is_null() && *wanted != stands["metadata"][field] {
            return Err((409, format!("{field} is {}", stands["metadata"][field])));
        }
    }
    Ok(())
}

/// Whether a field selector matches an object of this name; only `metadata.name=` is known, anything
/// else matches nothing.
fn has_name(selector: &str, name: &str) -> bool {
    selector.is_empty() || selector.strip_prefix("metadata.name=") == Some(name)
}

/// Whether a label selector matches; only equality is known, anything else matches nothing.
pub(super) fn selects(selector: &str, object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    selector
        .split(',')
        .filter(|part| !part.is_empty())
        .all(|part| {
            part.split_once('=')
                .is_some_and(|(label, value)| labels[label] == value)
        })
}
