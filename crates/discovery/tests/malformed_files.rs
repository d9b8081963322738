//! Members files that no parser takes: what is said names the place and the remedy, in plain words.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

use kubomesh_discovery::{DiscoveryMetrics, DiscoveryTimings, FileMesh, Settings, members_file};
use kubomesh_process::Clock;
use kubomesh_telemetry::Catalog;

/// Words that belong to programs.
const JARGON: [&str; 9] = [
    "Option<",
    "from_str",
    "deserialize",
    "budget",
    "Nodes {",
    "weak",
    "mapping start",
    "sequence start",
    "scalar",
];

fn said(text: &str) -> String {
    let said = FileMesh::parse(text).expect_err(text).to_string();
    for word in JARGON {
        assert!(!said.contains(word), "`{word}` in: {said}");
    }
    assert_eq!(said.lines().count(), 1, "{said}");
    said.strip_prefix("the members file is malformed: ")
        .expect(&said)
        .to_owned()
}

#[test]
fn each_is_said_in_plain_words_with_place_and_remedy() {
    let cases = [
        (
            "- {name: a, rpc: }",
            "line 1, column 16: a text is wanted here and there is none: write it, or",
        ),
        (
            "- {name: a, rpc: 'http://h:1'}\n---\n- {name: b, rpc: 'http://h:2'}\n",
            "here begins a second YAML document: remove the `---`",
        ),
        (
            "- 7",
            "line 1, column 3: something else stands here: write fields with their values",
        ),
        (
            "members: 7",
            "line 1, column 10: something else stands here: write a list",
        ),
        ("- {name: a}", "the field `rpc` is missing: write it"),
        (
            "- &a {name: x, rpc: *a}",
            "an anchor or alias (`&`, `*`, `<<`) here leads nowhere, to itself or to too much",
        ),
        (
            "- {name: a, rpc: *b}",
            "an anchor or alias (`&`, `*`, `<<`) here leads nowhere",
        ),
        (
            "- {name: a, name: b, rpc: 'http://h:1'}",
            "the field `name` is there twice: keep one",
        ),
        ("{", "look "),
        (
            "- {name: a, rpc: \"}",
            "look at the indentation, brackets and quotes here",
        ),
        (
            "mesh: {topology: {fullMeshUpTo: many}}",
            "a whole number is wanted here",
        ),
        ("just text", "a list"),
    ];
    for (text, words) in cases {
        let said = said(text);
        assert!(said.contains(words), "{text}\nsays {said}\nnot {words}");
    }
}

#[test]
fn too_much_is_said_as_such() {
    // One less is taken, as docs/members-file.md has it.
    let many: String = (0..50_000)
        .map(|at| format!("- {{name: n{at}, rpc: 'http://h:{at}'}}\n"))
        .collect();
    let said_of_many = said(&many);
    assert!(
        said_of_many.contains("more than 250000 fields and values: write fewer members"),
        "{said_of_many}"
    );
    let deep = said(&"[".repeat(100_000));
    assert!(deep.contains("nested too deeply"), "{deep}");
}

#[test]
fn a_password_in_rpc_is_refused_and_not_shown() {
    for (rpc, shown) in [
        (
            "http://u:hunter2@127.0.0.2:5001",
            "`http://…@127.0.0.2:5001`",
        ),
        (
            "http://u:hunt@er2@127.0.0.2:5001",
            "`http://…@127.0.0.2:5001`",
        ),
        ("u:hunter2@127.0.0.2:5001", "`…@127.0.0.2:5001`"),
        ("https://hunter2@h", "`https://…@h`"),
    ] {
        let text = format!("- {{name: a, rpc: '{rpc}'}}");
        let said = FileMesh::parse(&text).expect_err(rpc).to_string();
        assert_eq!(
            said,
            format!(
                "members[0].rpc is {shown}: it holds a user or password, which belong into the file \
                 that authFile names; write it as http://HOST:PORT or https://HOST:PORT"
            )
        );
    }
}

#[tokio::test]
async fn the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    for (text, words) in [
        ("- 7", "the members file is malformed: line 1"),
        ("[]", "the members file names no members"),
        ("- {name: a, rpc: x}", "members[0].rpc is `x`"),
    ] {
        std::fs::write(&file, text).unwrap();
        let settings = Settings {
            timings: DiscoveryTimings::default(),
            clock: Clock::start(),
            metrics: DiscoveryMetrics::register(&Catalog::new().unwrap()).unwrap(),
        };
        let said = members_file(&file, settings)
            .await
            .err()
            .unwrap()
            .to_string();
        let wanted = format!("{}: {words}", file.display());
        assert!(said.starts_with(&wanted), "{said}");
    }
}
