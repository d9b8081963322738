//! The two forms of the annotation.

use std::fmt;

use serde_json::value::RawValue;

use super::Selection;
use crate::{Malformed, Place};

/// A JSON list of objects; `null` is the empty list, as for Go. Each is read on its own, so that a
/// fault is quoted from the item that has it.
pub(super) fn json(text: &str) -> Result<Vec<Selection>, Malformed> {
    let items: Option<Vec<&RawValue>> =
        serde_json::from_str(text).map_err(|e| Malformed::json(Place::Networks, text, &e))?;
    let items = items.unwrap_or_default().into_iter();
    items.map(|item| Selection::parse(item.get())).collect()
}

/// `namespace/name@interface` between commas; white space around each part is left out.
pub(super) fn commas(text: &str) -> Result<Vec<Selection>, Malformed> {
    text.split(',').map(|item| item_of(item, text)).collect()
}

fn item_of(item: &str, whole: &str) -> Result<Selection, Malformed> {
    let item = item.trim();
    if item.is_empty() {
        let why = "has an item without a name between its commas";
        return Err(Malformed::value(Place::Networks, whole, why));
    }
    let refused = |why: &str| Malformed::value(Place::Networks, item, why);
    let (namespace, rest) = match item.split_once('/') {
        Some((namespace, rest)) => (Some(namespace.trim()), rest),
        None => (None, item),
    };
    if rest.contains('/') {
        return Err(refused("has more than one /"));
    }
    let (name, interface) = match rest.split_once('@') {
        Some((name, interface)) => (name.trim(), Some(interface.trim())),
        None => (rest.trim(), None),
    };
    if interface.is_some_and(|interface| interface.contains('@')) {
        return Err(refused("has more than one @"));
    }
    let selection = Selection::plain(namespace, name, interface);
    selection.check(item)?;
    Ok(selection)
}

pub(super) fn print_commas(items: &[Selection], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(",")?;
        }
        if let Some(namespace) = item.namespace() {
            write!(f, "{namespace}/")?;
        }
        f.write_str(item.name())?;
        if let Some(interface) = item.interface() {
            write!(f, "@{interface}")?;
        }
    }
    Ok(())
}

pub(super) fn print_json(items: &[Selection], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = serde_json::to_string(items).map_err(|_| fmt::Error)?;
    f.write_str(&text)
}
