//! Every alert has its runbook page and a test, and no page or test is left without an alert.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Finding, House, line_of};

/// Where the pages are, named for their alert.
const PAGES: &str = "docs/runbooks";

/// Where the rules and their tests are.
const RULES: &str = "dashboards";

/// A file of rules, or of tests of rules.
#[derive(Debug, Deserialize)]
struct File {
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    /// Absent in a recording rule.
    alert: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<Expected>,
}

/// An alert that fires; what it says is promtool's to compare.
#[derive(Debug, Deserialize)]
struct Expected {}

/// Compares rules, pages and tests.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let files = parse(house, &mut findings);
    let alerts: BTreeMap<&str, (&str, &Rule)> = files
        .iter()
        .flat_map(|(path, file)| {
            file.groups
                .iter()
                .flat_map(|group| &group.rules)
                .map(move |rule| (*path, rule))
        })
        .filter_map(|(path, rule)| Some((rule.alert.as_deref()?, (path, rule))))
        .collect();
    let cases = || {
        files
            .values()
            .flat_map(|file| &file.tests)
            .flat_map(|test| &test.alert_rule_test)
    };
    let fires: BTreeSet<&str> = cases()
        .filter(|case| !case.exp_alerts.is_empty())
        .map(|case| case.alertname.as_str())
        .collect();
    let silent: BTreeSet<&str> = cases()
        .filter(|case| case.exp_alerts.is_empty())
        .map(|case| case.alertname.as_str())
        .collect();
    for (alert, (path, rule)) in &alerts {
        let line = house
            .tree
            .get(path)
            .map_or(1, |text| line_of(text, &format!("alert: {alert}")));
        let mut find = |what: &str, remedy: String| {
            findings.push(Finding::error(
                path,
                line,
                format!("{alert} {what}"),
                remedy,
            ));
        };
        let page = format!("{PAGES}/{alert}.md");
        if house.tree.get(&page).is_none() {
            find(
                "has no runbook",
                format!("write {page}: what it means, how to look, what to do"),
            );
        }
        if !rule
            .annotations
            .get("runbook_url")
            .is_some_and(|url| url.ends_with(&page))
        {
            find(
                "does not name its runbook",
                format!("set annotation runbook_url to {page}"),
            );
        }
        if !fires.contains(alert) {
            find(
                "is never seen to fire",
                format!("add a case with exp_alerts to {RULES}/alerts.test.yaml"),
            );
        }
        if !silent.contains(alert) {
            find(
                "is never seen not to fire",
                format!("add a case without exp_alerts to {RULES}/alerts.test.yaml"),
            );
        }
    }
    findings.extend(orphans(house, &alerts));
    findings
}

/// Pages without an alert.
fn orphans(house: &House<'_>, alerts: &BTreeMap<&str, (&str, &Rule)>) -> Vec<Finding> {
    let pages = house.tree.under(PAGES).filter_map(|(path, _)| {
        let name = path
            .strip_prefix(PAGES)?
            .strip_prefix('/')?
            .strip_suffix(".md")?;
        (name != "README" && !alerts.contains_key(name)).then_some(path)
    });
    let remedy = "take the page away, or name it for its alert";
    pages
        .map(|path| Finding::error(path, 1, "is the runbook of no alert", remedy))
        .collect()
}

fn parse<'a>(house: &House<'a>, findings: &mut Vec<Finding>) -> BTreeMap<&'a str, File> {
    let mut files = BTreeMap::new();
    for (path, text) in house
        .tree
        .under(RULES)
        .filter(|(path, _)| path.ends_with(".yaml"))
    {
        match serde_saphyr::from_str::<File>(text) {
            Ok(file) => {
                files.insert(path, file);
            }
            Err(error) => {
                let what = format!("is neither rules nor tests of rules: {error}");
                findings.push(Finding::error(
                    path,
                    1,
                    what,
                    "mend it; `promtool check rules` says more",
                ));
            }
        }
    }
    files
}
