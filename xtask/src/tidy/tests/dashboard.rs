//! The dashboard as it is, and with one thing wrong at a time.

use serde_json::{Value, json};

use super::super::dashboard;
use super::found;

const BOARD: &str = include_str!("../../../../dashboards/kubomesh.json");

/// What is found in the dashboard after a change.
fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut board: Value = serde_json::from_str(BOARD).unwrap();
    change(&mut board);
    let text = serde_json::to_string_pretty(&sorted(board)).unwrap() + "\n";
    found(dashboard::check, &[("dashboards/a.json", &text)])
}

/// Keys in order, whatever the parser keeps.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            let fields = fields.into_iter().map(|(key, value)| (key, sorted(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain => plain,
    }
}

/// The first panel of a type.
fn first<'a>(board: &'a mut Value, kind: &str) -> &'a mut Value {
    let panels = board["panels"].as_array_mut().unwrap();
    panels.iter_mut().find(|it| it["type"] == kind).unwrap()
}

fn remove(value: &mut Value, field: &str) {
    assert!(value.as_object_mut().unwrap().remove(field).is_some());
}

#[test]
fn the_dashboard_is_as_it_should_be() {
    let findings = found(dashboard::check, &[("dashboards/kubomesh.json", BOARD)]);
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(after(|_| {}).is_empty());
}

#[test]
fn what_grafana_does_not_know_is_found() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 13] = [
        ("unknown field `colour`", |it| it["colour"] = json!(1)),
        ("missing field `uid`", |it| remove(it, "uid")),
        ("expected unit", |it| it["id"] = json!(7)),
        ("unknown field `legends`", |it| {
            first(it, "timeseries")["options"]["legends"] = json!({});
        }),
        ("unknown field `lineWidht`", |it| {
            first(it, "timeseries")["fieldConfig"]["defaults"]["custom"]["lineWidht"] = json!(1);
        }),
        ("unknown variant `furlongs`", |it| {
            first(it, "stat")["fieldConfig"]["defaults"]["unit"] = json!("furlongs");
        }),
        ("missing field `unit`", |it| {
            remove(&mut first(it, "stat")["fieldConfig"]["defaults"], "unit");
        }),
        ("missing field `description`", |it| {
            remove(first(it, "table"), "description");
        }),
        ("missing field `expr`", |it| {
            remove(&mut first(it, "table")["targets"][0], "expr");
        }),
        ("unknown variant `shuffle`", |it| {
            first(it, "table")["transformations"][0]["id"] = json!("shuffle");
        }),
        ("invalid value: string \"name\"", |it| {
            first(it, "table")["transformations"][0]["name"] = json!("x");
        }),
        ("unknown type `graph`", |it| {
            first(it, "stat")["type"] = json!("graph");
        }),
        ("missing field `allValue`", |it| {
            remove(&mut it["templating"]["list"][1], "allValue");
        }),
    ];
    for (wanted, change) in changes {
        let findings = after(change);
        let is_there = findings.iter().any(|finding| finding.contains(wanted));
        assert!(is_there, "{wanted}: {findings:#?}");
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 15] = [
        ("another version", |it| it["schemaVersion"] = json!(39)),
        ("a uid that", |it| it["uid"] = json!("short")),
        ("has no title, description or version", |it| {
            it["version"] = json!(0);
        }),
        ("has no description", |it| {
            first(it, "stat")["description"] = json!("");
        }),
        ("is off the grid", |it| {
            first(it, "table")["gridPos"]["w"] = json!(25);
        }),
        ("has a data source of its own", |it| {
            first(it, "stat")["datasource"]["uid"] = json!("P1");
        }),
        ("has a query without", |it| {
            first(it, "stat")["targets"][0]["expr"] = json!(" ");
        }),
        ("has a query without", |it| {
            first(it, "stat")["targets"] = json!([]);
        }),
        ("has two queries of one `refId`", |it| {
            first(it, "table")["targets"][1]["refId"] = json!("A");
        }),
        ("has a column without a name", |it| {
            first(it, "table")["targets"][1]["refId"] = json!("Z");
        }),
        ("has settings for a column", |it| {
            first(it, "table")["fieldConfig"]["overrides"][0]["matcher"]["options"] =
                json!("Raedy");
        }),
        ("have one id", |it| first(it, "stat")["id"] = json!(1)),
        ("lie upon each other", |it| {
            first(it, "stat")["gridPos"]["w"] = json!(5);
        }),
        ("asks for variable `mash`", |it| {
            first(it, "stat")["targets"][0]["expr"] = json!("sum(a{mesh=~\"$mash\"})");
        }),
        ("requires the panels", |it| {
            it["__requires"].as_array_mut().unwrap().pop();
        }),
    ];
    for (wanted, change) in changes {
        let findings = after(change);
        assert_eq!(findings.len(), 1, "{wanted}: {findings:#?}");
        assert!(findings[0].contains(wanted), "{wanted}: {findings:#?}");
    }
}

#[test]
fn a_variable_that_nobody_uses_is_found() {
    let findings = after(|it| it["templating"]["list"][2]["name"] = json!("mash"));
    assert!(
        findings
            .iter()
            .any(|it| it.contains("variable `mash` is used nowhere")),
        "{findings:#?}"
    );
    assert!(
        findings
            .iter()
            .any(|it| it.contains("asks for variable `mesh`"))
    );
}

#[test]
fn another_form_is_found_where_it_begins() {
    let swapped = BOARD.replacen(
        "\"editable\": true,\n  \"fiscalYearStartMonth\": 0,",
        "\"fiscalYearStartMonth\": 0,\n  \"editable\": true,",
        1,
    );
    assert_ne!(swapped, BOARD);
    for text in [swapped, BOARD.trim_end().to_owned()] {
        let findings = found(dashboard::check, &[("dashboards/a.json", &text)]);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert!(findings[0].contains("normal form"), "{findings:#?}");
    }
}
