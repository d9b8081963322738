//! The layer table against graphs that break it.

use serde_json::{Value, json};

use super::super::layers::check;
use super::super::layers::table::ROOMS;
use super::found_in;
use crate::project::Metadata;

/// One package, with what it uses and how (`None` is normal).
type Uses<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);

/// A graph of packages; those named `kubomesh-…` and `xtask` are the workspace's.
fn graph(packages: &[Uses<'_>]) -> Metadata {
    let ours = |name: &str| name.starts_with("kubomesh-") || name == "xtask";
    let declared = |uses: &[(&str, Option<&str>)]| -> Vec<Value> {
        uses.iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind}))
            .collect()
    };
    let edges = |uses: &[(&str, Option<&str>)]| -> Vec<Value> {
        uses.iter()
            .map(|(name, kind)| json!({"pkg": name, "dep_kinds": [{"kind": kind}]}))
            .collect()
    };
    let value = json!({
        "packages": packages.iter().map(|(name, uses)| json!({
            "id": name, "name": name, "dependencies": declared(uses),
            "manifest_path": format!("/x/crates/{}/Cargo.toml", name.trim_start_matches("kubomesh-")),
        })).collect::<Vec<_>>(),
        "workspace_members": packages.iter().map(|(name, _)| name).filter(|name| ours(name)).collect::<Vec<_>>(),
        "target_directory": "",
        "resolve": {"nodes": packages.iter().map(|(name, uses)| json!({"id": name, "deps": edges(uses)})).collect::<Vec<_>>()},
    });
    serde_json::from_value(value).unwrap()
}

fn findings(packages: &[Uses<'_>]) -> Vec<String> {
    found_in(check, &[], &graph(packages))
}

#[test]
fn lower_layers_are_allowed() {
    let core: Uses<'_> = ("kubomesh-core", &[]);
    assert!(findings(&[core, ("kubomesh-planner", &[("kubomesh-core", None)])]).is_empty());
}

#[test]
fn own_and_higher_layers_are_found() {
    let conn: Uses<'_> = ("kubomesh-conn", &[]);
    let own = findings(&[conn, ("kubomesh-api", &[("kubomesh-conn", None)])]);
    assert_eq!(own.len(), 1);
    assert!(
        own[0].contains(
            "kubomesh-api uses kubomesh-conn, and a room of layer 1 uses lower layers only"
        )
    );
    assert_eq!(
        findings(&[conn, ("kubomesh-core", &[("kubomesh-conn", None)])]).len(),
        1
    );
    assert_eq!(
        findings(&[conn, ("kubomesh-core", &[("kubomesh-conn", Some("build"))])]).len(),
        1
    );
}

#[test]
fn tests_may_use_the_rooms_for_tests_and_the_product_may_not() {
    let testkit: Uses<'_> = ("kubomesh-testkit", &[]);
    assert!(
        findings(&[
            testkit,
            ("kubomesh-conn", &[("kubomesh-testkit", Some("dev"))])
        ])
        .is_empty()
    );
    assert_eq!(
        findings(&[testkit, ("kubomesh-conn", &[("kubomesh-testkit", None)])]).len(),
        1
    );
    let conn: Uses<'_> = ("kubomesh-conn", &[]);
    assert_eq!(
        findings(&[conn, ("kubomesh-api", &[("kubomesh-conn", Some("dev"))])]).len(),
        1
    );
}

#[test]
fn the_lab_knows_no_product_internals_and_xtask_none_at_all() {
    let core: Uses<'_> = ("kubomesh-core", &[]);
    assert_eq!(
        findings(&[core, ("kubomesh-e2e", &[("kubomesh-core", None)])]).len(),
        1
    );
    assert_eq!(
        findings(&[core, ("xtask", &[("kubomesh-core", None)])]).len(),
        1
    );
}

#[test]
fn a_banned_crate_is_found_behind_others() {
    let others: [Uses<'_>; 2] = [("tokio", &[]), ("innocent", &[("tokio", None)])];
    let through = findings(&[
        ("kubomesh-core", &[("innocent", None)]),
        others[0],
        others[1],
    ]);
    assert_eq!(through.len(), 1);
    assert!(
        through[0]
            .contains("kubomesh-core never imports tokio: kubomesh-core -> innocent -> tokio")
    );
    let dev = findings(&[
        ("kubomesh-core", &[("innocent", Some("dev"))]),
        others[0],
        others[1],
    ]);
    assert!(dev.is_empty(), "a test may: {dev:?}");
}

#[test]
fn a_direct_ban_looks_no_further() {
    let anyhow: Uses<'_> = ("anyhow", &[]);
    let other: Uses<'_> = ("other", &[("anyhow", None)]);
    assert_eq!(
        findings(&[anyhow, ("kubomesh-conn", &[("anyhow", None)])]).len(),
        1
    );
    assert!(findings(&[anyhow, other, ("kubomesh-conn", &[("other", None)])]).is_empty());
}

#[test]
fn a_room_without_a_place_is_found_on_its_line() {
    let files = [(
        "crates/attic/Cargo.toml",
        "# x\n[package]\nname = \"kubomesh-attic\"\n",
    )];
    let findings = found_in(check, &files, &graph(&[("kubomesh-attic", &[])]));
    assert!(
        findings[0].starts_with("crates/attic/Cargo.toml:2: kubomesh-attic has no place"),
        "{findings:?}"
    );
}

#[test]
fn each_ban_of_the_table_is_found() {
    for room in ROOMS.iter().filter(|room| room.name != "xtask") {
        for ban in room.never {
            let package = format!("kubomesh-{}", room.name);
            let banned = ban.name();
            let uses = [(banned, None)];
            let graph = graph(&[(&package, &uses), (banned, &[])]);
            let found = found_in(check, &[], &graph);
            let said = format!("{package} never imports {banned}");
            assert!(
                found.iter().any(|finding| finding.contains(&said)),
                "{said}: {found:?}"
            );
        }
    }
}

#[test]
fn the_page_for_people_says_the_same() {
    let manifest = (
        "crates/conn/Cargo.toml",
        "[package]\nname = \"kubomesh-conn\"\n",
    );
    let with = |page: &str| {
        found_in(
            check,
            &[manifest, ("ARCHITECTURE.md", page)],
            &graph(&[("kubomesh-conn", &[])]),
        )
    };
    assert!(with("# Map\n\n| 1 | `crates/conn` | connections |\n").is_empty());
    assert!(with("# Map\n")[0].starts_with("ARCHITECTURE.md:1: has no row for `crates/conn`"));
    let wrong = with("# Map\n\n| 2 | `crates/conn` | connections |\n");
    assert!(
        wrong[0].starts_with("ARCHITECTURE.md:3: `crates/conn` is on layer 1"),
        "{wrong:?}"
    );
}
