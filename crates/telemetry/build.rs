//! Puts the commit and the compiler's version into the build.

use std::ffi::OsString;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=KUBOMESH_COMMIT");
    println!("cargo:rustc-env=KUBOMESH_BUILD_COMMIT={}", commit());
    println!("cargo:rustc-env=KUBOMESH_BUILD_RUSTC={}", rustc());
}

/// `KUBOMESH_COMMIT` if set (an image build without `.git`), else what git says. Only a release
/// build asks git: a development build would be made anew at every commit for it.
fn commit() -> String {
    let stated = variable("KUBOMESH_COMMIT").and_then(|value| value.into_string().ok());
    if let Some(stated) = stated.filter(|value| !value.trim().is_empty()) {
        return stated.trim().into();
    }
    if variable("PROFILE").is_none_or(|profile| profile != "release") {
        return "development".into();
    }
    first_line("git".into(), &["rev-parse", "--short=12", "HEAD"])
        .unwrap_or_else(|| "unknown".into())
}

fn rustc() -> String {
    let rustc = variable("RUSTC").unwrap_or_else(|| "rustc".into());
    let line = first_line(rustc, &["--version"]);
    let version = line
        .as_deref()
        .and_then(|line| line.split_whitespace().nth(1));
    version.unwrap_or("unknown").into()
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn first_line(program: OsString, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .output()
        .ok()
        .filter(|o| o.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines()
        .next()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
}
