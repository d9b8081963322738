//! Puts the commit, its time and the compiler's version into the build.

use std::ffi::OsString;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=KUBOMESH_COMMIT");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo:rustc-env=KUBOMESH_BUILD_COMMIT={}", commit());
    println!("cargo:rustc-env=KUBOMESH_BUILD_EPOCH={}", epoch());
    println!("cargo:rustc-env=KUBOMESH_BUILD_RUSTC={}", rustc());
}

/// `KUBOMESH_COMMIT` if set (an image build without `.git`), else what git says. Only a release
/// build asks git: a development build would be made anew at every commit for it.
fn commit() -> String {
    if let Some(stated) = stated("KUBOMESH_COMMIT") {
        return stated;
    }
    if !is_release() {
        return "development".into();
    }
    first_line("git".into(), &["rev-parse", "--short=12", "HEAD"])
        .unwrap_or_else(|| "unknown".into())
}

/// Seconds since 1970: `SOURCE_DATE_EPOCH` (reproducible-builds.org) if set, else in a release build the
/// time of the commit; the same source gives the same build. Empty where neither is known.
fn epoch() -> String {
    let of_commit = || first_line("git".into(), &["show", "-s", "--format=%ct", "HEAD"]);
    let known = stated("SOURCE_DATE_EPOCH");
    let known = known.or_else(|| is_release().then(of_commit).flatten());
    known.unwrap_or_default()
}

fn is_release() -> bool {
    variable("PROFILE").is_some_and(|profile| profile == "release")
}

/// What a variable says, if it says something.
fn stated(name: &str) -> Option<String> {
    let value = variable(name)?.into_string().ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
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
