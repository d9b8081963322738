//! Flags that are texts of a form: addresses and names.

use std::net::SocketAddr;

/// Longest DNS-1123 label.
const MAX_LABEL: usize = 63;

/// Longest DNS-1123 subdomain.
const MAX_SUBDOMAIN: usize = 253;

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write it as IP:PORT, such as 0.0.0.0:8080, 127.0.0.1:8080 or [::]:8080".to_owned()
    })
}

/// The name of a namespace.
pub(super) fn label(text: &str) -> Result<String, String> {
    if is_label(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "write the name of a namespace: at most {MAX_LABEL} of a-z, 0-9 and `-`, first and last a \
         letter or digit"
    ))
}

/// The name of an object.
pub(super) fn subdomain(text: &str) -> Result<String, String> {
    if text.len() <= MAX_SUBDOMAIN && text.split('.').all(is_part) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "write the name of an object: at most {MAX_SUBDOMAIN} of a-z, 0-9, `-` and `.`, first and \
         last a letter or digit"
    ))
}

/// A name for people.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("write a name of one line, such as the pod's".to_owned());
    }
    Ok(text.to_owned())
}

fn is_label(text: &str) -> bool {
    text.len() <= MAX_LABEL && is_part(text)
}

/// A label of any length: Kubernetes bounds a subdomain as a whole only.
fn is_part(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}
