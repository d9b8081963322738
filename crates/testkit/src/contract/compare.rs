//! One answer against its recording.

use std::collections::BTreeMap;
use std::fmt;

use super::Blur;
use super::shape::{Shape, substituted};
use super::wire::{Answer, Framing};

/// One respect in which an answer is not as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The respect: `status`, `header vary`, `chunking`, `body` and so on.
    pub what: String,
    /// What was recorded.
    pub recorded: String,
    /// What the node said.
    pub answered: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            recorded,
            answered,
        } = self;
        write!(f, "{what}: recorded {recorded}, answered {answered}")
    }
}

/// Headers that say nothing of the node: the time, and how this one connection is kept and framed.
const OTHERS: [&str; 4] = ["date", "connection", "content-length", "transfer-encoding"];

/// Compares in all respects but those that are blurred.
pub(super) fn differences(recorded: &Answer, answered: &Answer, blurs: &[Blur]) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |what: &str, recorded: String, answered: String| {
        if recorded != answered {
            found.push(Difference {
                what: what.to_owned(),
                recorded,
                answered,
            });
        }
    };
    note(
        "status",
        recorded.status.to_string(),
        answered.status.to_string(),
    );
    note("chunking", framing(recorded), framing(answered));
    let (old, new) = (headers(&recorded.headers), headers(&answered.headers));
    for name in old.keys().chain(new.keys()) {
        let value = |of: &BTreeMap<&str, String>| of.get(name).cloned().unwrap_or("nothing".into());
        note(&format!("header {name}"), value(&old), value(&new));
    }
    note("trailers", trailers(recorded), trailers(answered));
    note("body", body(recorded, blurs), body(answered, blurs));
    found.dedup();
    found
}

/// Length, or chunks of which each is one line.
fn framing(answer: &Answer) -> String {
    let Framing::Chunked(sizes) = &answer.framing else {
        return "length".into();
    };
    let mut at = 0;
    let ends_line = |size: &usize| {
        at += size;
        answer.body.get(at - 1) == Some(&b'\n')
    };
    if sizes.iter().all(ends_line) {
        "chunked, a line each".into()
    } else {
        "chunked, lines torn".into()
    }
}

fn headers(of: &[(String, String)]) -> BTreeMap<&str, String> {
    let relevant = of
        .iter()
        .filter(|(name, _)| !OTHERS.contains(&name.as_str()));
    relevant
        .map(|(name, value)| (name.as_str(), substituted(value)))
        .collect()
}

fn trailers(answer: &Answer) -> String {
    let lines = answer
        .trailers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    lines.collect::<Vec<_>>().join(", ")
}

fn body(answer: &Answer, blurs: &[Blur]) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let json = answer
        .headers
        .iter()
        .any(|(n, v)| n == "content-type" && v == "application/json");
    if !json {
        return substituted(&text);
    }
    match Shape::of(&answer.body) {
        Ok(shapes) => {
            let shapes: Vec<_> = shapes
                .into_iter()
                .map(|shape| shape.blurred(blurs))
                .collect();
            format!("{shapes:?}, ends in a newline: {}", text.ends_with('\n'))
        }
        Err(error) => format!("no JSON ({error}): {text}"),
    }
}
