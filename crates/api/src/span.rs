//! Spans of time as people write them: `30s`, `2m`, `1h30m`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A span of time as text in Go's form: numbers with the units `h`, `m`, `s`, `ms`. It stays text
/// until it is translated, so that a bad one gets a sentence and not a decoding error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub String);

impl Span {
    /// What the text must match; the same in the CEL rules.
    pub const PATTERN: &'static str = "^([0-9]+([.][0-9]+)?(ms|s|m|h))+$";

    /// Longest text, which also bounds what a CEL rule costs.
    pub const MAX_TEXT: u64 = 32;

    /// The span in whole seconds.
    #[must_use]
    pub fn secs(seconds: u64) -> Self {
        if seconds > 0 && seconds.is_multiple_of(60) {
            Self(format!("{}m", seconds / 60))
        } else {
            Self(format!("{seconds}s"))
        }
    }

    /// The span; `None` when the text is not one.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let plain = |c: char| c.is_ascii_digit() || c == '.' || "hms".contains(c);
        if self.0.is_empty() || self.0.len() > 32 || !self.0.chars().all(plain) {
            return None;
        }
        let span: jiff::SignedDuration = self.0.parse().ok()?;
        Duration::try_from(span).ok()
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": Self::MAX_TEXT })
    }
}
