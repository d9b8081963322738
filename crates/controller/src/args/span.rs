//! A length of time as a flag takes it and as it is shown: with its unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kubomesh_core::SpanText;
use serde::{Serialize, Serializer};

/// A length of time above zero: `500ms`, `30s`, `5m`, `24h`, `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

// === impl Span ===

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let help =
            || format!("`{text}` is not a duration above zero; write it as 500ms, 30s, 5m or 24h");
        let parsed: jiff::SignedDuration = text.parse().map_err(|_| help())?;
        let span = Duration::try_from(parsed).map_err(|_| help())?;
        if span.is_zero() {
            Err(help())
        } else {
            Ok(Self(span))
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SpanText(self.0), f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
