//! A request's query: positional `arg=`s and options (kubo.md 1.1).

use std::time::Duration;

use super::reply::Reply;

/// The decoded query.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) arguments: Vec<String>,
    options: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if name == "arg" {
                query.arguments.push(value.into_owned());
            } else {
                query.options.push((name.into_owned(), value.into_owned()));
            }
        }
        query
    }

    /// The arguments, of which at least one is required.
    pub(crate) fn required(&self, name: &str) -> Result<Vec<&str>, Reply> {
        if self.arguments.is_empty() {
            return Err(Reply::bad_request(format!(
                "argument \"{name}\" is required"
            )));
        }
        Ok(self.arguments.iter().map(String::as_str).collect())
    }

    /// A flag; absent is false. An unknown option is never looked at, so it is ignored.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Reply> {
        match self.option(name) {
            None => Ok(false),
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
            Some(value) => Err(unconvertible(value, "bool", name)),
        }
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, Reply> {
        let Some(value) = self.option(name) else {
            return Ok(default);
        };
        value.parse().map_err(|_| unconvertible(value, "int", name))
    }

    /// The global option `timeout`, a Go duration; the friendly format of `jiff` reads those.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Reply> {
        let Some(value) = self.option("timeout") else {
            return Ok(None);
        };
        let parsed: Option<jiff::SignedDuration> = value.parse().ok();
        match parsed.and_then(|span| Duration::try_from(span).ok()) {
            Some(span) => Ok(Some(span)),
            None => Err(Reply::bad_request(format!(
                "time: invalid duration \"{value}\""
            ))),
        }
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Recording `bad-option`.
fn unconvertible(value: &str, kind: &str, name: &str) -> Reply {
    Reply::bad_request(format!(
        "could not convert value \"{value}\" to type \"{kind}\" (for option \"-{name}\")"
    ))
}
