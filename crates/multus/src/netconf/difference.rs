//! What differs between two JSON values, by path.

use std::collections::BTreeSet;

use kubomesh_core::one_line;
use serde_json::Value;

/// Differences that are told; of the others their number.
const TOLD: usize = 3;

/// Most characters of a value and of a path.
const SHOWN: usize = 60;

/// One value that is not the same.
struct Difference {
    path: String,
    /// `None`: it was not there.
    old: Option<String>,
    /// `None`: it is not there any more.
    new: Option<String>,
}

/// All differences in one sentence; `None` if there is none.
pub(super) fn sentence(old: &Value, new: &Value) -> Option<String> {
    let mut found = Vec::new();
    compare("", Some(old), Some(new), &mut found);
    let told: Vec<_> = found.iter().take(TOLD).map(Difference::told).collect();
    if told.is_empty() {
        return None;
    }
    let more = match found.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{}{more}", told.join(", ")))
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", one_line(key, SHOWN));
                compare(&path, old.get(key), new.get(key), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                compare(&format!("{path}[{at}]"), old.get(at), new.get(at), found);
            }
        }
        (old, new) if old != new => found.push(Difference {
            path: path.to_owned(),
            old: old.map(shown),
            new: new.map(shown),
        }),
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let short = one_line(&text, SHOWN);
    let cut = if short.len() < text.len() { "…" } else { "" };
    format!("{short}{cut}")
}

// === impl Difference ===

impl Difference {
    fn told(&self) -> String {
        let path = match one_line(&self.path, 2 * SHOWN) {
            path if path.is_empty() => "the config".to_owned(),
            path => path,
        };
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => format!("{path} was {old} and is {new}"),
            (Some(old), None) => format!("{path} was {old} and is not set"),
            (None, new) => {
                let new = new.as_deref().unwrap_or_default();
                format!("{path} was not set and is {new}")
            }
        }
    }
}
