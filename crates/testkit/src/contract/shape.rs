//! What of a body counts: keys and their order, types, and texts after substitution.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value without what differs between two nodes in the same state. Unlike `serde_json`'s it
/// keeps the order of keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number,
    /// A text after substitution.
    Text(String),
    /// A list: its different elements, sorted. How many there are differs between nodes.
    List(Vec<Shape>),
    /// An object: its keys in order; neighbours that differ only in what is substituted are one.
    Object(Vec<(String, Shape)>),
}

impl Shape {
    /// The values of a body: one, or a stream's several.
    ///
    /// # Errors
    /// When the body is not JSON.
    pub fn of(body: &[u8]) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::Deserializer::from_slice(body)
            .into_iter()
            .collect()
    }

    /// The same shape without the elements of lists that a test says are not of this node's kind.
    #[must_use]
    pub fn without(self, unwanted: &dyn Fn(&str) -> bool) -> Self {
        match self {
            Self::List(list) => {
                let kept = list.into_iter().filter(|element| match element {
                    Self::Text(text) => !unwanted(text),
                    _ => true,
                });
                Self::List(kept.map(|element| element.without(unwanted)).collect())
            }
            Self::Object(fields) => {
                let field = |(key, value): (String, Self)| (key, value.without(unwanted));
                Self::Object(fields.into_iter().map(field).collect())
            }
            other => other,
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Bool(value))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::Text(substituted(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        list.sort();
        list.dedup();
        Ok(Shape::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut fields: Vec<(String, Shape)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            // Limits are numbers or words of the resource manager, as the machine has it.
            let value = match map.next_value()? {
                Shape::Number | Shape::Text(_) if is_limit(&key) => Shape::Text("<limit>".into()),
                value => value,
            };
            let field = (name(&key), value);
            if fields.last() != Some(&field) {
                fields.push(field);
            }
        }
        Ok(Shape::Object(fields))
    }
}

/// Keys of `swarm/resources` whose value depends on the machine.
fn is_limit(key: &str) -> bool {
    let scopes = ["Memory", "FD", "Conns", "Streams"];
    scopes.iter().any(|scope| key.starts_with(scope))
}

/// A key; those that are data (services, protocols, peers) by their kind.
fn name(key: &str) -> String {
    if key.starts_with('/') || key.starts_with("libp2p.") {
        return "<name>".into();
    }
    substituted(key)
}

/// A substitution: what is found, and what stands for it. The order matters.
static SUBSTITUTIONS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    const PEER: &str = r"\b(12D3KooW[1-9A-HJ-NP-Za-km-z]{44}|Qm[1-9A-HJ-NP-Za-km-z]{44})\b";
    let table = [
        (PEER, "<id>"),
        (r"/ip4/\d+\.\d+\.\d+\.\d+", "/ip4/<ip>"),
        (r"/ip6/[0-9a-fA-F:]+", "/ip6/<ip>"),
        (r"\b\d+\.\d+\.\d+\.\d+:\d+", "<socket>"),
        (r"\b\d+\.\d+\.\d+\.\d+\b", "<ip>"),
        (r"/(tcp|udp)/\d+", "/$1/<port>"),
        (r"/ipcidr/\d+", "/ipcidr/<bits>"),
        (r"/dns4/[^/]+", "/dns4/<name>"),
        (r"\bCAES[A-Za-z0-9+/=]{40,}", "<key>"),
        (r"\bgo\d+\.\d+(\.\d+)?", "<go>"),
        (r"\b\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?", "<version>"),
        (r"\b\d+(\.\d+)?(ns|µs|ms|s)\b", "<time>"),
        (r"\b(amd64|arm64)/\w+", "<system>"),
        // Silence has the name that the network gives it.
        (
            "(i/o timeout|connect: no route to host|connect: network is unreachable)",
            "<unreachable>",
        ),
        // Another swarm key: the far end resets or waits, as the first bytes happen to decrypt.
        (
            "failed to negotiate security protocol: (read tcp4 .*connection reset by peer|context \
             deadline exceeded)",
            "<another swarm key>",
        ),
    ];
    table
        .into_iter()
        .filter_map(|(find, put)| Some((Regex::new(find).ok()?, put)))
        .collect()
});

/// A text after substitution. The lines of a failed dial are sorted, and equal ones are one: their
/// order is that of failing.
pub(super) fn substituted(text: &str) -> String {
    const LINE: &str = "\n  * ";
    let mut out = text.to_owned();
    for (find, put) in SUBSTITUTIONS.iter() {
        if let std::borrow::Cow::Owned(replaced) = find.replace_all(&out, *put) {
            out = replaced;
        }
    }
    if let Some((cause, lines)) = out.split_once(LINE) {
        let mut lines: Vec<&str> = lines.split(LINE).collect();
        lines.sort_unstable();
        lines.dedup();
        out = format!("{cause}{LINE}{}", lines.join(LINE));
    }
    if out.starts_with('/') && !out.contains("<") {
        // Protocols are the node's own.
        return "<protocol>".into();
    }
    out
}
