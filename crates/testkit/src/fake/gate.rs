//! The checks before a command, in Kubo's order: version, authorization, method, origin.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, ORIGIN, REFERER, USER_AGENT};
use http::{Method, StatusCode};

use super::VERSION;
use super::reply::{Check, Reply};

/// One entry of `API.Authorizations` (kubo.md 1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    header: String,
    allowed_paths: Vec<String>,
}

const ACCESS_DENIED: &str = "Kubo RPC Access Denied: Please provide a valid authorization token as \
                             defined in the API.Authorizations configuration.";

impl Authorization {
    /// A secret as Kubo's `AuthSecret` has it (`bearer:T`, `T`, `basic:user:password`, `basic:B64`)
    /// and the prefixes of the paths that it opens.
    #[must_use]
    pub fn new(secret: &str, allowed_paths: &[&str]) -> Self {
        let header = match secret.split_once(':') {
            Some(("basic", pair)) if pair.contains(':') => {
                format!("Basic {}", STANDARD.encode(pair))
            }
            Some(("basic", encoded)) => format!("Basic {encoded}"),
            Some(("bearer", token)) => format!("Bearer {token}"),
            _ => format!("Bearer {secret}"),
        };
        let allowed_paths = allowed_paths
            .iter()
            .map(|path| (*path).to_owned())
            .collect();
        Self {
            header,
            allowed_paths,
        }
    }

    fn opens(&self, path: &str) -> bool {
        path == "/api/v0/version"
            || self
                .allowed_paths
                .iter()
                .any(|p| path.starts_with(p.as_str()))
    }
}

/// Lets a request through, or answers it.
pub(super) fn check(
    authorizations: &[Authorization],
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<(), Reply> {
    let agent = text(headers.get(USER_AGENT));
    let own = format!("/kubo/{VERSION}/");
    let foreign = agent != own && (agent.contains("/kubo/") || agent.contains("/go-ipfs/"));
    if foreign && !path.starts_with("/api/v0/version") {
        let text = format!("api version mismatch ({own} != {agent})");
        let checked_by = Check::Daemon;
        return Err(Reply::Text {
            status: StatusCode::BAD_REQUEST,
            text,
            checked_by,
        });
    }
    if !authorizations.is_empty() {
        let header = text(headers.get(AUTHORIZATION));
        let known = authorizations.iter().find(|a| a.header == header);
        if !known.is_some_and(|authorization| authorization.opens(path)) {
            let checked_by = Check::Daemon;
            let text = ACCESS_DENIED.into();
            return Err(Reply::Text {
                status: StatusCode::FORBIDDEN,
                text,
                checked_by,
            });
        }
    }
    if *method != Method::POST {
        let text = "405 - Method Not Allowed".into();
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(Reply::Text {
            status,
            text,
            checked_by: Check::Method,
        });
    }
    from_a_page(headers, agent)
}

/// A browser's page may not call (kubo.md 1.1, CSRF checks). Own origins are not told apart: no test
/// needs a page.
fn from_a_page(headers: &HeaderMap, agent: &str) -> Result<(), Reply> {
    let from = headers.contains_key(ORIGIN) || headers.contains_key(REFERER);
    let browser = agent.starts_with("Mozilla") && !agent.contains("Electron");
    if from || browser {
        let text = "403 - Forbidden".into();
        let checked_by = Check::Commands;
        return Err(Reply::Text {
            status: StatusCode::FORBIDDEN,
            text,
            checked_by,
        });
    }
    Ok(())
}

fn text(value: Option<&http::HeaderValue>) -> &str {
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
