//! Spans of time as text in Go's form, as Kubernetes writes them: `500ms`, `15s`, `1m30s`, `24h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Spacing, SpanPrinter};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time that shows itself in Go's form: `500ms`, `15s`, `1m30s`, `24h`. Read as a flag takes
/// it: above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanText(pub Duration);

/// A text that is no span of time above zero.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration above zero; write it as 500ms, 30s, 5m or 24h")]
pub struct SpanError(String);

// === impl SpanText ===

impl FromStr for SpanText {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let refused = || SpanError(text.to_owned());
        let parsed: SignedDuration = text.parse().map_err(|_| refused())?;
        let span = Duration::try_from(parsed).map_err(|_| refused())?;
        match span.is_zero() {
            true => Err(refused()),
            false => Ok(Self(span)),
        }
    }
}

impl Serialize for SpanText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for SpanText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = SpanPrinter::new().spacing(Spacing::None);
        f.write_str(&printer.unsigned_duration_to_string(&self.0))
    }
}

/// For `#[serde(with = "crate::span")]`.
pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&SpanText(*span))
}

/// For `#[serde(with = "crate::span")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let span: SignedDuration = String::deserialize(deserializer)?
        .parse()
        .map_err(de::Error::custom)?;
    Duration::try_from(span).map_err(de::Error::custom)
}

/// The same where there may be none.
pub(crate) mod optional {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Text(#[serde(with = "super")] Duration);

    /// For `#[serde(with = "crate::span::optional")]`.
    pub(crate) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        span.map(Text).serialize(serializer)
    }

    /// For `#[serde(with = "crate::span::optional")]`.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text: Option<Text> = Option::deserialize(deserializer)?;
        Ok(text.map(|text| text.0))
    }
}
