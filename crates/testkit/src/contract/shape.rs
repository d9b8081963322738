//! What of a body counts: keys and their order, types, and texts after substitution.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Blur;

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

    /// The same shape without what these blurs take away.
    #[must_use]
    pub fn blurred(self, blurs: &[Blur]) -> Self {
        let is = |blur| blurs.contains(&blur);
        match self {
            Self::Text(text) if is(Blur::Latency) && text == "n/a" => Self::Text("<time>".into()),
            Self::Text(text) if is(Blur::EndOrReset) => {
                let ended = "failed to negotiate security protocol: EOF";
                Self::Text(text.replace(ended, ANOTHER_KEY))
            }
            Self::List(list) => {
                let unwanted = |element: &Self| match element {
                    Self::Text(text) => is(Blur::WebSocket) && text.ends_with("/ws"),
                    _ => false,
                };
                let kept = list.into_iter().filter(|element| !unwanted(element));
                Self::List(kept.map(|element| element.blurred(blurs)).collect())
            }
            Self::Object(fields) => {
                let kept = fields
                    .into_iter()
                    .filter(|(key, _)| !is(Blur::Streams) || key != "Streams");
                Self::Object(
                    kept.map(|(key, value)| (key, value.blurred(blurs)))
                        .collect(),
                )
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
                // Protocols are the node's own; that it has some is not.
                Shape::List(some) if key == "Protocols" && !some.is_empty() => {
                    Shape::Text("<protocols>".into())
                }
                Shape::Text(_) if key == "Protocol" => Shape::Text("<protocol>".into()),
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

/// What stands for the ways in which a dial of a node with another swarm key fails.
const ANOTHER_KEY: &str = "<another swarm key>";

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
        (
            r"dial (tcp[46]) <socket>-><socket>: <unreachable>",
            "dial $1 <socket>: <unreachable>",
        ),
        (
            r"/quic-v1\] (context deadline exceeded|timeout: no recent network activity)",
            "/quic-v1] <unreachable>",
        ),
        // Another swarm key: as the first bytes happen to decrypt, somebody resets, waits or
        // complains. All that `lpReadBuf` of go-multistream 0.6.1 and `ReadUvarint` of go-varint
        // 0.1.0 can say of bytes that are noise, and no more.
        (
            "failed to negotiate security protocol: ((read|write) tcp4 .*(connection reset by \
             peer|broken pipe)|context deadline exceeded|EOF|unexpected EOF|incoming message was too \
             large|message did not have trailing newline|varint not minimally encoded|varints larger \
             than uint63 not supported)",
            ANOTHER_KEY,
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
    out
}

#[cfg(test)]
mod tests;
