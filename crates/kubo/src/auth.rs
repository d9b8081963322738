//! Kubo's `AuthSecret` notation, turned into an `Authorization` header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubomesh_core::Redacted;

/// A secret that is not in Kubo's notation. No variant repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nothing there.
    #[error("the RPC secret is empty; {NOTATION}")]
    Empty,
    /// `bearer:` without a token.
    #[error("the RPC secret has no token behind `bearer:`; {NOTATION}")]
    NoToken,
    /// `basic:` with neither `user:password` nor their base64.
    #[error("the RPC secret has neither user:password nor its base64 behind `basic:`; {NOTATION}")]
    Basic,
    /// Another word before the first colon.
    #[error(
        "the RPC secret is of no known type: it starts with neither bearer: nor basic:; {NOTATION}"
    )]
    Scheme,
    /// A control character or a space where a header cannot have one.
    #[error("the RPC secret has a line break, a space or a control character in it; {NOTATION}")]
    Characters,
}

/// The notation, for people who got it wrong.
const NOTATION: &str =
    "write it as in Kubo's API.Authorizations: bearer:TOKEN, basic:USER:PASSWORD or basic:BASE64";

/// The `Authorization` header for a secret in Kubo's notation (kubo.md 1.1): `bearer:T` and a bare
/// `T` give `Bearer T`, `basic:user:password` and `basic:<base64 of it>` give `Basic <base64>`.
/// White space around the secret is not part of it: files end with a newline.
///
/// # Errors
/// When the secret is empty or not in that notation.
pub fn authorization(secret: &str) -> Result<Redacted<String>, AuthError> {
    let secret = secret.trim();
    let (scheme, value) = match secret.split_once(':') {
        Some(("basic", rest)) => ("Basic", basic(rest)?),
        Some(("bearer", token)) => ("Bearer", token.to_owned()),
        Some(_) => return Err(AuthError::Scheme),
        None if secret.is_empty() => return Err(AuthError::Empty),
        None => ("Bearer", secret.to_owned()),
    };
    if value.is_empty() {
        return Err(AuthError::NoToken);
    }
    if !value.chars().all(|c| c.is_ascii_graphic()) {
        return Err(AuthError::Characters);
    }
    Ok(Redacted::new(format!("{scheme} {value}")))
}

fn basic(rest: &str) -> Result<String, AuthError> {
    if rest.chars().any(char::is_control) {
        return Err(AuthError::Characters);
    }
    if rest.contains(':') {
        return Ok(STANDARD.encode(rest));
    }
    let decoded = STANDARD.decode(rest).map_err(|_| AuthError::Basic)?;
    if decoded.contains(&b':') {
        Ok(rest.to_owned())
    } else {
        Err(AuthError::Basic)
    }
}
