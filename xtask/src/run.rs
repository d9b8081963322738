//! Running other programs: no standard input, and their output where it belongs.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// What `cargo run` tells its program besides `CARGO_PKG_…`: about the package that it runs, here xtask.
const CARGO_RUN_TELLS: [&str; 3] = ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"];

/// A cargo command that knows nothing of the `cargo run` that started us: what that told us about
/// xtask's package would reach the build scripts of dependencies. ring's is run anew whenever such a
/// variable differs, and with it everything that uses TLS is built anew.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    forget_cargo_run(&mut command);
    command
}

/// Takes what `cargo run` told us from a command's environment, and nothing that a user may set.
fn forget_cargo_run(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let told = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || CARGO_RUN_TELLS.contains(&name));
        if told {
            command.env_remove(name);
        }
    }
}

/// Runs a program with its output on ours.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    let name = name(command);
    command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{name} cannot be started"))
}

/// Runs a program and hands each line of its standard output to `line` as it comes.
///
/// # Errors
/// When it cannot be started or read.
pub(crate) fn run_lines(command: &mut Command, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    let name = name(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{name} cannot be started"))?;
    let output = child.stdout.take().context("no standard output")?;
    let mut reader = BufReader::new(output);
    let mut bytes = Vec::new();
    // Tests print what they like: lines need not be UTF-8.
    while reader
        .read_until(b'\n', &mut bytes)
        .with_context(|| format!("reading from {name}"))?
        > 0
    {
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
    child.wait().with_context(|| format!("waiting for {name}"))
}

/// A program's exit code as ours; 1 when a signal ended it.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Whether a program of this name answers to this argument.
pub(crate) fn is_there(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// Whether this machine gives everybody the namespaces that the lab runs in.
pub(crate) fn namespaces() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount", "true"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests;
