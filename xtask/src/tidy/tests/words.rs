//! Places and leftovers are found wherever they stand.

use super::super::words::check;
use super::found;

fn one(line: &str) -> Vec<String> {
    found(check, &[("docs/a.md", line)])
}

#[test]
fn places_of_one_machine_are_found() {
    for line in [
        "see /work/main",
        "cp x /root/.cargo",
        "\"/home/me/src\"",
        "GOPROXY=https://proxy.golang.org",
    ] {
        assert_eq!(one(line).len(), 1, "{line}");
    }
    assert!(
        one("a\nsee /work/main")
            .first()
            .unwrap()
            .starts_with("docs/a.md:2: `/work/`")
    );
}

#[test]
fn a_path_inside_another_is_none() {
    for line in [
        "/proc/1/root/etc",
        "network/work/x",
        "$DIR}/home/x",
        "homework/ and workshop",
    ] {
        assert!(one(line).is_empty(), "{line}");
    }
}

#[test]
fn leftovers_are_found() {
    for line in ["// FIXME", "todo!()", "XXX: later"] {
        assert_eq!(one(line).len(), 1, "{line}");
    }
    assert!(one("mktemp -d /tmp/a.XXXXXX").is_empty());
}

#[test]
fn files_of_hashes_are_left_alone() {
    assert!(
        found(
            check,
            &[
                ("tests/x/go.sum", "h1:XXX="),
                ("Cargo.lock", "index.crates.io")
            ]
        )
        .is_empty()
    );
}
