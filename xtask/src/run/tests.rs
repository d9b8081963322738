//! What a cargo that we start gets to know.

use std::process::Command;

/// The names in the environment of this program: `cargo test` tells it what `cargo run` would.
fn names(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect()
}

#[test]
fn a_cargo_within_cargo_run_knows_nothing_of_it() {
    let ours: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
    for name in [
        "CARGO",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION_PRE",
    ] {
        assert!(ours.iter().any(|one| one == name), "we know no {name}");
    }
    // Printed by a program, so that what it really gets is compared.
    let mut printed = Command::new("env");
    super::forget_cargo_run(&mut printed);
    let users = [
        "CARGO_HOME",
        "CARGO_INCREMENTAL",
        "CARGO_NET_OFFLINE",
        "CARGO_TARGET_DIR",
        "RUSTFLAGS",
    ];
    for name in users {
        printed.env(name, "set");
    }
    let output = printed.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let left = names(&text);
    for name in users {
        assert!(left.contains(&name), "{name} is lost");
    }
    let told = |name: &&&str| {
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || **name == "CARGO"
    };
    assert_eq!(left.iter().find(told), None);
    // The command that everything is built with has forgotten the same.
    let cargo = super::cargo();
    assert!(
        cargo
            .get_envs()
            .any(|change| change == ("CARGO_MANIFEST_DIR".as_ref(), None))
    );
}
