//! A request, read: verb, kind, object, parameters.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use serde_json::Value;

/// Bytes of a body that are read at most.
const MOST_BYTES: usize = 1 << 24;

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// As RBAC names it; empty for a method that has none.
    pub(super) verb: &'static str,
    /// Plural of the kind; with `/status` behind it for that subresource.
    pub(super) plural: String,
    /// Empty for all of them, and for kinds that have none.
    pub(super) namespace: String,
    /// Empty when a whole kind is asked about.
    pub(super) name: String,
    /// Null when it is no JSON.
    pub(super) body: Value,
    query: BTreeMap<String, String>,
}

// === impl Asked ===

impl Asked {
    /// Reads a request to its end.
    pub(super) async fn read(request: Request<Body>) -> Self {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, MOST_BYTES).await.unwrap_or_default();
        let mut path = parts.uri.path().trim_matches('/').split('/');
        if path.next() == Some("apis") {
            path.next();
        }
        path.next();
        let rest: Vec<_> = path.collect();
        let (namespace, rest) = match rest[..] {
            ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() => (namespace, rest),
            ref rest => ("", rest),
        };
        let part = |index: usize| rest.get(index).copied().unwrap_or_default();
        let (kind, name) = (part(0), part(1));
        let plural = match rest.get(2) {
            Some(subresource) => format!("{kind}/{subresource}"),
            None => kind.to_owned(),
        };
        let query = parts.uri.query().unwrap_or_default();
        let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let verb = match parts.method.as_str() {
            "GET" if query.get("watch").is_some_and(|watch| watch == "true") => "watch",
            "GET" if name.is_empty() => "list",
            "GET" => "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "",
        };
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Self {
            verb,
            plural,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            body,
            query,
        }
    }

    /// A parameter; empty when it is not given.
    pub(super) fn param(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {}/{}",
            self.verb, self.plural, self.namespace, self.name
        )
    }
}
