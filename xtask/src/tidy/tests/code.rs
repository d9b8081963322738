//! Sizes, functions, headers, names and purity.

use super::super::{functions, headers, names, purity, sizes};
use super::found;

const CRATE: (&str, &str) = (
    "crates/a/Cargo.toml",
    "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n",
);

fn lines(number: usize) -> String {
    "//! x\n".repeat(number)
}

fn function(name: &str, lines: usize) -> String {
    format!(
        "/// Docs.\nfn {name}() {{\n{}}}\n",
        "    let _ = 1;\n".repeat(lines - 2)
    )
}

#[test]
fn long_files_are_found_and_tests_are_not() {
    let long = lines(601);
    assert_eq!(
        found(sizes::check, &[CRATE, ("crates/a/src/b.rs", &long)]),
        [
            "crates/a/src/b.rs:601: 601 lines; a file has at most 600; move a part with a name of its own into a file of its own"
        ]
    );
    for path in [
        "crates/a/src/b/tests.rs",
        "crates/a/src/b/tests/c.rs",
        "crates/a/tests/b.rs",
        "crates/a/x_test.go",
    ] {
        assert!(
            found(sizes::check, &[CRATE, (path, &long)]).is_empty(),
            "{path}"
        );
    }
    assert_eq!(
        found(sizes::check, &[CRATE, ("crates/a/b.go", &long)]).len(),
        1,
        "Go counts too"
    );
    assert!(
        found(sizes::check, &[CRATE, ("crates/a/src/b.rs", &lines(401))])[0].contains("warning")
    );
    assert!(found(sizes::check, &[CRATE, ("crates/a/src/b.rs", &lines(400))]).is_empty());
}

#[test]
fn the_folder_named_tests_at_the_root_holds_packages() {
    let package = ("tests/e2e/Cargo.toml", CRATE.1);
    assert_eq!(
        found(
            sizes::check,
            &[package, ("tests/e2e/src/b.rs", &lines(601))]
        )
        .len(),
        1
    );
    assert!(
        found(
            sizes::check,
            &[package, ("tests/e2e/tests/b.rs", &lines(601))]
        )
        .is_empty()
    );
}

#[test]
fn a_main_that_does_things_is_found() {
    assert_eq!(
        found(sizes::check, &[CRATE, ("crates/a/src/main.rs", &lines(25))]).len(),
        1
    );
    assert!(found(sizes::check, &[CRATE, ("crates/a/src/main.rs", &lines(24))]).is_empty());
}

#[test]
fn long_functions_are_found_where_they_begin() {
    let text = format!(
        "//! A.\n\n{}{}",
        function("short", 80),
        function("long", 81)
    );
    let findings = found(functions::check, &[CRATE, ("crates/a/src/lib.rs", &text)]);
    assert_eq!(
        findings,
        [
            "crates/a/src/lib.rs:85: `long` has 81 lines; a function has at most 80; give its steps names"
        ]
    );
    let method = format!("struct S;\nimpl S {{\n{}}}\n", function("long", 81));
    assert_eq!(
        found(functions::check, &[CRATE, ("crates/a/src/lib.rs", &method)]).len(),
        1
    );
}

#[test]
fn many_parameters_are_found() {
    let six = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}";
    assert_eq!(
        found(functions::check, &[CRATE, ("crates/a/src/lib.rs", six)]).len(),
        1
    );
    let five = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8) {}";
    assert!(found(functions::check, &[CRATE, ("crates/a/src/lib.rs", five)]).is_empty());
}

#[test]
fn a_package_of_long_functions_is_found() {
    let text = |long: usize| {
        let short = (long..10).map(|n| function(&format!("f{n}"), 3));
        short
            .chain((0..long).map(|n| function(&format!("long{n}"), 41)))
            .collect::<String>()
    };
    let with = |long| {
        found(
            functions::check,
            &[CRATE, ("crates/a/src/lib.rs", &text(long))],
        )
    };
    assert!(with(1).is_empty(), "one of ten may be long");
    let findings = with(2);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].contains("one in ten functions of crates/a has 41 lines or more"),
        "{findings:?}"
    );
    assert!(
        findings[0].contains("begin with long1 (41)"),
        "{findings:?}"
    );
}

#[test]
fn go_functions_are_measured() {
    let body = "\tx()\n".repeat(79);
    let text = format!(
        "package a\n\nfunc (n *node) serve(w int) error {{\n{body}}}\n\nfunc a() {{ x() }}\n"
    );
    let module = ("tests/n/go.mod", "module n");
    assert_eq!(
        found(functions::check, &[module, ("tests/n/a.go", &text)]),
        ["tests/n/a.go:3: `serve` has 81 lines; a function has at most 80; give its steps names"]
    );
}

#[test]
fn what_does_not_parse_is_found() {
    let findings = found(
        functions::check,
        &[CRATE, ("crates/a/src/lib.rs", "//! A.\nfn f( {}\n")],
    );
    assert!(
        findings[0].starts_with("crates/a/src/lib.rs:2: does not parse"),
        "{findings:?}"
    );
}

#[test]
fn a_file_without_header_is_found() {
    assert_eq!(
        found(headers::check, &[("crates/a/src/lib.rs", "use x;\n")]),
        ["crates/a/src/lib.rs:1: does not open with `//!`; say in a sentence what the file is"]
    );
    assert!(found(headers::check, &[("crates/a/src/lib.rs", "//! A.\n")]).is_empty());
}

#[test]
fn a_crate_without_the_lints_is_found() {
    let own = "[package]\nname = \"a\"\n\n[lints.rust]\nmissing_docs = \"allow\"\n";
    assert_eq!(
        found(headers::check, &[("crates/a/Cargo.toml", own)]).len(),
        1
    );
    assert!(found(headers::check, &[CRATE]).is_empty());
    assert!(
        found(headers::check, &[("Cargo.toml", "[workspace]\n")]).is_empty(),
        "not a crate"
    );
}

#[test]
fn tests_inside_a_module_are_found() {
    let inline = "//! A.\n\n#[cfg(test)]\nmod tests {\n}\n";
    assert!(
        found(headers::check, &[CRATE, ("crates/a/src/b.rs", inline)])[0]
            .starts_with("crates/a/src/b.rs:4")
    );
    let beside = "//! A.\n\n#[cfg(test)]\nmod tests;\n";
    assert!(found(headers::check, &[CRATE, ("crates/a/src/b.rs", beside)]).is_empty());
}

#[test]
fn empty_names_are_found() {
    for item in [
        "struct PeerManager;",
        "mod utils {}",
        "enum FooHelper {}",
        "trait Util {}",
        "type TestUtils = u8;",
    ] {
        let text = format!("//! A.\n{item}\n");
        let findings = found(names::check, &[("crates/a/src/b.rs", &text)]);
        assert!(
            findings[0].starts_with("crates/a/src/b.rs:2: `"),
            "{item}: {findings:?}"
        );
    }
    let fine = "struct ConnMgr;\nstruct Managed;\nfn help() {}\nmod utilisation {}\n";
    assert!(found(names::check, &[("crates/a/src/b.rs", fine)]).is_empty());
}

#[test]
fn clocks_and_disorder_are_found_in_pure_rooms() {
    let planner = ("crates/planner/Cargo.toml", CRATE.1);
    let text =
        "//! A.\nuse std::collections::HashMap; // why\nfn now() { Instant::now(); }\n// HashMap\n";
    assert_eq!(
        found(purity::check, &[planner, ("crates/planner/src/a.rs", text)]).len(),
        2
    );
    assert!(
        found(
            purity::check,
            &[planner, ("crates/planner/src/a/tests.rs", text)]
        )
        .is_empty()
    );
    assert!(
        found(
            purity::check,
            &[planner, ("crates/planner/src/main.rs", text)]
        )
        .is_empty()
    );
    assert!(found(purity::check, &[("crates/server/src/a.rs", text)]).is_empty());
    let fixed = "//! A.\nuse std::collections::HashMap;\nuse std::hash::BuildHasherDefault;\n";
    assert!(
        found(
            purity::check,
            &[planner, ("crates/planner/src/a.rs", fixed)]
        )
        .is_empty()
    );
}
