//! Verbs, metrics and the toolchain against the pages that explain them.

use super::super::{metrics, rbac, runbooks, toolchain};
use super::found;

const ROLE: (&str, &str) = (
    "manifests/base/rbac.yaml",
    "kind: ServiceAccount\nmetadata:\n  name: a\n---\nkind: ClusterRole\nrules:\n  \
     - apiGroups: [\"\"]\n    resources: [pods]\n    verbs: [list, watch]\n---\nkind: RoleBinding\nroleRef:\n  kind: Role\n",
);

fn page(rows: &str) -> String {
    format!("# Verbs\n\n| group | resource | verb | reason |\n|---|---|---|---|\n{rows}")
}

#[test]
fn each_verb_has_its_reason() {
    let both = page("| core | `pods` | `list`, `watch` | members are pods |\n");
    assert!(found(rbac::check, &[ROLE, ("docs/rbac.md", &both)]).is_empty());
    let one_a_row = page("| core | pods | list | members |\n| core | pods | watch | members |\n");
    assert!(found(rbac::check, &[ROLE, ("docs/rbac.md", &one_a_row)]).is_empty());
}

#[test]
fn a_verb_without_reason_is_found() {
    let one = page("| core | `pods` | `list` | members are pods |\n");
    let findings = found(rbac::check, &[ROLE, ("docs/rbac.md", &one)]);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0]
            .starts_with("manifests/base/rbac.yaml:8: grants `watch` on `pods` of the core group"),
        "{findings:?}"
    );
    let empty = page("| core | `pods` | `list`, `watch` |  |\n");
    assert_eq!(
        found(rbac::check, &[ROLE, ("docs/rbac.md", &empty)]).len(),
        2
    );
}

#[test]
fn a_reason_without_verb_is_found() {
    let more = page("| core | `pods` | `list`, `watch`, `delete` | members are pods |\n");
    let findings = found(rbac::check, &[ROLE, ("docs/rbac.md", &more)]);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("docs/rbac.md:5: gives a reason for `delete`"),
        "{findings:?}"
    );
}

#[test]
fn manifests_without_the_page_are_found() {
    assert_eq!(found(rbac::check, &[ROLE]).len(), 1);
    assert!(
        found(rbac::check, &[]).is_empty(),
        "nothing granted, nothing to explain"
    );
    let broken = ("manifests/base/x.yaml", "a: [\n");
    assert_eq!(found(rbac::check, &[broken, ("docs/rbac.md", "")]).len(), 1);
}

#[test]
fn unknown_metrics_are_found() {
    let doc = (
        "docs/metrics.md",
        "| `kubomesh_links` | gauge |\n| `kubomesh_rpc_duration_seconds` | histogram |\n",
    );
    let board = "{\"expr\": \"sum(kubomesh_links{state=\\\"healthy\\\"})\"}\n\
                 {\"expr\": \"rate(kubomesh_rpc_duration_seconds_bucket[5m])\"}\n\
                 {\"expr\": \"kubomesh_lnks\"}\n";
    let findings = found(metrics::check, &[doc, ("dashboards/a.json", board)]);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("dashboards/a.json:3: `kubomesh_lnks`"),
        "{findings:?}"
    );
    let rules = ("dashboards/alerts.yaml", "expr: kubomesh_gone > 0\n");
    assert_eq!(found(metrics::check, &[doc, rules]).len(), 1);
    assert_eq!(found(metrics::check, &[rules]).len(), 1, "no page at all");
}

const RULES: (&str, &str) = (
    "dashboards/alerts.yaml",
    "groups:\n  - name: a\n    rules:\n      - alert: KubomeshGone\n        expr: x\n        \
     annotations: {runbook_url: docs/runbooks/KubomeshGone.md}\n",
);

const CASES: (&str, &str) = (
    "dashboards/alerts.test.yaml",
    "rule_files: [alerts.yaml]\ntests:\n  - alert_rule_test:\n      \
     - {eval_time: 1m, alertname: KubomeshGone, exp_alerts: [{exp_labels: {a: b}}]}\n      \
     - {eval_time: 0m, alertname: KubomeshGone, exp_alerts: []}\n",
);

const PAGE: (&str, &str) = ("docs/runbooks/KubomeshGone.md", "# KubomeshGone\n");

#[test]
fn alerts_runbooks_and_tests_belong_together() {
    assert!(found(runbooks::check, &[RULES, CASES, PAGE]).is_empty());
    let findings = found(runbooks::check, &[RULES, CASES]);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("dashboards/alerts.yaml:4: KubomeshGone has no runbook"),
        "{findings:?}"
    );
    assert_eq!(
        found(runbooks::check, &[RULES, PAGE]).len(),
        2,
        "neither fires nor not"
    );
    let orphan = ("docs/runbooks/KubomeshOld.md", "# Old\n");
    let findings = found(runbooks::check, &[RULES, CASES, PAGE, orphan]);
    assert!(
        findings[0].starts_with("docs/runbooks/KubomeshOld.md:1:"),
        "{findings:?}"
    );
    let unnamed = (
        "dashboards/alerts.yaml",
        "groups: [{name: a, rules: [{alert: KubomeshGone, expr: x}]}]\n",
    );
    assert_eq!(found(runbooks::check, &[unnamed, CASES, PAGE]).len(), 1);
    assert_eq!(
        found(
            runbooks::check,
            &[("dashboards/alerts.yaml", "groups: {}\n")]
        )
        .len(),
        1
    );
}

#[test]
fn one_toolchain_everywhere() {
    let truth = ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n");
    let cargo = (
        "Cargo.toml",
        "[workspace.package]\nrust-version = \"1.95\"\n",
    );
    let readme = ("README.md", "Needs Rust 1.95.0.\n");
    let image = ("Dockerfile", "FROM rust:1.95.0-alpine AS build\n");
    assert!(found(toolchain::check, &[truth, cargo, readme, image]).is_empty());
    for (broken, path) in [
        (("Dockerfile", "FROM rust:1.94.0-alpine\n"), "Dockerfile:1:"),
        (("Dockerfile", "ARG RUST_VERSION=1.94.0\n"), "Dockerfile:1:"),
        (
            ("README.md", "Needs Rust 1.95.0.\nRust 1.89 will do.\n"),
            "README.md:2:",
        ),
        (("README.md", "Needs Rust.\n"), "README.md:1:"),
        (
            (
                "Cargo.toml",
                "[workspace.package]\nrust-version = \"1.9\"\n",
            ),
            "Cargo.toml:2:",
        ),
    ] {
        let findings = found(toolchain::check, &[truth, cargo, broken]);
        assert!(
            findings.iter().any(|finding| finding.starts_with(path)),
            "{broken:?}: {findings:?}"
        );
    }
    assert_eq!(found(toolchain::check, &[cargo]).len(), 1, "no truth");
}
