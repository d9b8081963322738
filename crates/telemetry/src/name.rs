//! The rules for names and help texts.

use crate::{Kind, catalog::CatalogError};

/// What every name starts with.
pub(crate) const PREFIX: &str = "kubomesh_";

/// Endings that are no base units.
const DERIVED_UNITS: [&str; 9] = [
    "_ms",
    "_millis",
    "_milliseconds",
    "_micros",
    "_minutes",
    "_hours",
    "_kb",
    "_mb",
    "_percent",
];

/// Holds a metric to the rules: `kubomesh_<subsystem>_<name>_<unit>[_total]`, base units, counters
/// and only they end in `_total`, the help is a sentence.
pub(crate) fn check(name: &'static str, kind: Kind, help: &str) -> Result<(), CatalogError> {
    let refused = |why: &'static str| Err(CatalogError::Name { name, why });
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(PREFIX) {
        return refused("it does not start with kubomesh_");
    }
    if !name.chars().all(plain) {
        return refused("only a to z, 0 to 9 and _ are allowed");
    }
    if name.ends_with("_total") != (kind == Kind::Counter) {
        return refused("counters, and only counters, end in _total");
    }
    let base = name.strip_suffix("_total").unwrap_or(name);
    if DERIVED_UNITS.iter().any(|unit| base.ends_with(unit)) {
        return refused("it is not in a base unit: seconds, bytes, ratio");
    }
    if !help.ends_with('.') {
        return refused("its help text is not a sentence that ends with a full stop");
    }
    Ok(())
}

/// The unit that a name tells; empty for plain numbers.
pub(crate) fn unit(name: &str) -> &'static str {
    let base = name.strip_suffix("_total").unwrap_or(name);
    let units = ["seconds", "bytes", "ratio"];
    units
        .into_iter()
        .find(|unit| base.ends_with(unit))
        .unwrap_or("")
}
