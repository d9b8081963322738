//! Links and network namespaces, for scenarios that have a network of their own.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;

use crate::process::command;

/// `ip` with these arguments.
pub(crate) async fn ip(arguments: &str) -> Result<()> {
    run("ip", arguments, "").await
}

/// Several orders to `ip`, each on its line, in a named network namespace or here.
pub(crate) async fn ip_each(netns: Option<&str>, lines: &str) -> Result<()> {
    let arguments = match netns {
        Some(netns) => format!("-n {netns} -batch -"),
        None => "-batch -".to_owned(),
    };
    run("ip", &arguments, lines).await
}

/// Puts a file in the place of another.
pub(crate) async fn mount_over(file: &Path, with: &Path) -> Result<()> {
    let arguments = format!("--bind {} {}", with.display(), file.display());
    run("mount", &arguments, "").await
}

/// Named namespaces are kept where `ip netns` looks for them, and out of everybody's sight.
pub(crate) async fn mount_netns() -> Result<()> {
    run("mount", "-t tmpfs tmpfs /run", "").await
}

async fn run(program: &str, arguments: &str, input: &str) -> Result<()> {
    let mut command = command(Path::new(program));
    command.args(arguments.split(' ')).kill_on_drop(true);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // One that has ended already says why below.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} {arguments}: {said}{input}"
    );
    Ok(())
}
