//! Flags and members files that are wrong: one sentence that names what is wrong, and the exit code.
#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use std::fs;
use std::process::Command;

/// Exit code and what was said on standard error.
fn kubomesh(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kubomesh"))
        .args(arguments)
        .output()
        .expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// What `run` says of a members file with this text.
fn run_with(text: &str) -> (Option<i32>, String) {
    run_as(text, "--log-level=warn")
}

/// The same with one more flag.
fn run_as(text: &str, flag: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("members.yaml");
    fs::write(&file, text).expect("it can be written");
    let state = folder.path().join("state");
    kubomesh(&[
        "run",
        "--listen=127.0.0.1:0",
        "--debug-listen=127.0.0.1:0",
        &format!("--members={}", file.display()),
        &format!("--state-dir={}", state.display()),
        flag,
    ])
}

fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "no `{word}` in `{said}`");
    }
}

#[test]
fn an_unknown_flag_is_bad_usage() {
    let (code, said) = kubomesh(&["run", "--nonsense"]);
    assert_eq!(code, Some(2), "{said}");
    assert_says(&said, &["--nonsense"]);
}

#[test]
fn a_malformed_flag_is_bad_usage_and_names_its_value() {
    for (flag, words) in [
        ("--retry-base=soon", ["--retry-base", "soon"]),
        ("--log-level=debgu", ["--log-level", "is not a level"]),
        ("--listen=8080", ["--listen", "8080"]),
        ("--listen=:8080", ["--listen", "such as 0.0.0.0:8080"]),
        ("--debug-listen=:81", ["--debug-listen", "IP:PORT"]),
        ("--identity=", ["--identity", "write a name"]),
        ("--lease-name=Bad Name", ["--lease-name", "Bad Name"]),
        ("--lease-name=a..b", ["--lease-name", "name of an object"]),
        (
            "--lease-namespace=a.b",
            ["--lease-namespace", "a namespace"],
        ),
        ("--log-format=loud", ["--log-format", "loud"]),
    ] {
        let (code, said) = kubomesh(&["run", flag]);
        assert_eq!(code, Some(2), "{flag}: {said}");
        assert_says(&said, &words);
    }
}

#[test]
fn a_members_file_without_a_state_directory_is_bad_usage() {
    let (code, said) = kubomesh(&["run", "--members=members.yaml"]);
    assert_eq!(code, Some(2), "{said}");
    assert_says(&said, &["--state-dir"]);
}

#[test]
fn an_unreadable_members_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("absent.yaml");
    let (code, said) = kubomesh(&[
        "run",
        "--listen=127.0.0.1:0",
        "--debug-listen=127.0.0.1:0",
        &format!("--members={}", file.display()),
        &format!("--state-dir={}", folder.path().join("state").display()),
    ]);
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &["absent.yaml", "cannot be read"]);
}

#[test]
fn a_malformed_members_file_is_refused_at_the_start() {
    let (code, said) = run_with("[{name: a, rpc: ");
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &["the members file is malformed"]);
}

#[test]
fn a_members_file_without_members_is_refused_at_the_start() {
    let (code, said) = run_with("[]");
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &["names no members"]);
}

/// Whoever collects logs reads why the process ended as any other line.
#[test]
fn why_it_could_not_run_is_a_line_of_the_log() {
    let (code, said) = run_as("[]", "--log-format=json");
    assert_eq!(code, Some(1), "{said}");
    let mut lines = said.lines().map(serde_json::from_str::<serde_json::Value>);
    let last = lines.next_back().expect("a line").expect("JSON");
    assert_eq!(last["level"], "ERROR");
    assert!(last["timestamp"].is_string() && last["target"].is_string());
    let message = last["message"].as_str().unwrap_or_default();
    assert_says(message, &["members.yaml: ", "names no members"]);
    assert!(lines.all(|line| line.is_ok()), "{said}");

    let (_, said) = run_as("[]", "--log-level=off");
    assert!(said.starts_with("kubomesh: "), "never silent: {said}");
    assert_says(&said, &["names no members"]);
}

#[test]
fn a_wrong_field_of_a_members_file_is_named_with_its_value() {
    let (code, said) = run_with("[{name: a, rpc: 'http://127.43.0.1:5001', peerID: nobody}]");
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &["peerID", "nobody"]);
    let (code, said) = run_with("[{name: a, rpc: 'http://127.43.0.1:5001', swarm: here}]");
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &["swarm", "here"]);
}

#[test]
fn flags_that_contradict_each_other_are_bad_usage() {
    for (flags, words) in [
        (
            &["--lease-duration=7.5s"][..],
            &["--lease-duration=7.5s", "whole number of seconds"][..],
        ),
        (
            &["--lease-duration=3s", "--lease-renew-interval=2s"],
            &[
                "--lease-renew-interval=2s",
                "--lease-duration=3s",
                "at most a third",
            ],
        ),
        (
            &["--retry-base=10m", "--retry-max=1m"],
            &["--retry-base=10m", "--retry-max=1m", "at most that"],
        ),
        (
            &["--listen=127.0.0.1:9", "--debug-listen=127.0.0.1:9"],
            &["--listen=127.0.0.1:9", "--debug-listen=127.0.0.1:9"],
        ),
        (
            &["--listen=[::]:9", "--debug-listen=127.0.0.1:9"],
            &["--listen=[::]:9", "--debug-listen=127.0.0.1:9", "same port"],
        ),
        (
            &[
                "--members=m.yaml",
                "--state-dir=s",
                "--lease-renew-interval=10s",
            ],
            &["--lease-renew-interval=10s", "--lease-duration=6s"],
        ),
    ] {
        let (code, said) = kubomesh(&[&["run"], flags].concat());
        assert_eq!(code, Some(2), "{said}");
        assert_says(&said, words);
        assert_says(&said, &["Usage: kubomesh run "]);
    }
}
