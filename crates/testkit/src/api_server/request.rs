//! A request, read: verb, kind, object, parameters.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use serde_json::Value;

/// What is asked.
#[derive(Debug)]
pub struct Asked {
    pub verb: &'static str,
    /// Plural of the kind; with `/status` behind it for that subresource.
    pub plural: String,
    pub namespace: String,
    pub name: String,
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

impl Asked {
    pub async fn read(request: Request<Body>) -> Self {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 24).await.unwrap();
        let mut path = parts.uri.path().trim_matches('/').split('/');
        if path.next() == Some("apis") {
            path.next();
        }
        path.next();
        let mut rest: Vec<_> = path.collect();
        let mut namespace = String::new();
        if rest.first() == Some(&"namespaces") && rest.len() > 2 {
            namespace = rest[1].to_owned();
            rest.drain(..2);
        }
        let name = rest.get(1).copied().unwrap_or_default().to_owned();
        let plural = match rest.get(2) {
            Some(subresource) => format!("{}/{subresource}", rest[0]),
            None => rest[0].to_owned(),
        };
        let query = query(parts.uri.query().unwrap_or_default());
        let verb = match parts.method.as_str() {
            "GET" if query.get("watch").is_some_and(|watch| watch == "true") => "watch",
            "GET" if name.is_empty() => "list",
            "GET" => "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            other => panic!("method {other}"),
        };
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Self {
            verb,
            plural,
            namespace,
            name,
            query,
            body,
        }
    }

    pub fn param(&self, name: &str) -> &str {
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

fn query(text: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((
            name.to_owned(),
            value
                .replace("%3D", "=")
                .replace("%2C", ",")
                .replace('+', " "),
        ))
    };
    text.split('&').filter_map(pair).collect()
}
