//! Numbers that are too large for any field.

use serde_saphyr::Error;

use super::document::document;
use super::{FileError, FileMesh};

/// What a field says of a number that no field can hold: the same as of the largest that one can,
/// and that names the bounds. `None`: that is not what is wrong.
pub(super) fn out_of_range(error: &Error, text: &str) -> Option<FileError> {
    let number = too_large(error, text)?;
    let largest = match number.starts_with('-') {
        true => i64::MIN.to_string(),
        false => i64::MAX.to_string(),
    };
    // Where it is: a part of the text.
    let at = number.as_ptr().addr() - text.as_ptr().addr();
    let (before, behind) = (&text[..at], &text[at + number.len()..]);
    let (document, unknown) = document(&format!("{before}{largest}{behind}")).ok()?;
    match FileMesh::of(&document, &unknown) {
        Err(FileError::Field {
            field,
            value,
            remedy,
        }) if value.contains(&largest) => {
            let shown: String = number.chars().take(40).collect();
            Some(FileError::field(
                &field,
                &value.replace(&largest, &shown),
                &remedy,
            ))
        }
        _ => None,
    }
}

/// The whole number that stands where a whole number was wanted and could not be read.
pub(super) fn too_large<'t>(error: &Error, text: &'t str) -> Option<&'t str> {
    let error = match error.without_snippet() {
        Error::AliasError { error, .. } => error.without_snippet(),
        error => error,
    };
    if !matches!(error, Error::InvalidScalar { ty, .. } if ty.starts_with(['i', 'u'])) {
        return None;
    }
    let at = error.location()?;
    let line = usize::try_from(at.line()).ok()?.checked_sub(1)?;
    let column = usize::try_from(at.column()).ok()?.checked_sub(1)?;
    let line = text.lines().nth(line)?;
    let (start, _) = line.char_indices().nth(column)?;
    let rest = &line[start..];
    let end = rest.find([',', '}', ']', ' ', '#']).unwrap_or(rest.len());
    let number = &rest[..end];
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}
