//! The page `docs/metrics.md`, made from the catalogue.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::catalog::Entry;
use crate::name;

const HEAD: &str = "\
# Metrics

<!-- Made by `cargo xtask gen` from the catalogue in the code; edit the doc comments there. -->

Served as text on `:8080/metrics`. Every series with a closed set of labels exists from the start;
series with `namespace` and `mesh` come and go with their mesh. No pod, peer or error text is a label.

| name | type | unit | labels | meaning |
|---|---|---|---|---|
";

pub(crate) fn page(entries: &BTreeMap<String, Entry>) -> String {
    let mut page = HEAD.to_owned();
    for (name, entry) in entries {
        let unit = match name::unit(name) {
            "" => "–",
            unit => unit,
        };
        let labels = match entry
            .labels
            .iter()
            .map(label)
            .collect::<Vec<_>>()
            .join("; ")
        {
            none if none.is_empty() => "–".to_owned(),
            labels => labels,
        };
        let help = entry.help.replace('|', "\\|");
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{name}` | {} | {unit} | {labels} | {help} |",
            entry.kind
        );
    }
    page
}

fn label((name, values): &(String, Vec<&'static str>)) -> String {
    if values.is_empty() {
        return format!("`{name}`");
    }
    let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    format!("`{name}`: {}", values.join(", "))
}
