//! Scenarios that need a network of their own: the lab runs itself once more, inside of network and
//! mount namespaces where it is root.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::block::OWN_ROUTES;
use crate::cli::Parts;
use crate::node::Kind;
use crate::programs::Programs;

/// Plays one scenario in new namespaces.
pub(crate) async fn run(programs: &Programs, keep: bool, name: &str) -> Result<()> {
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--net", "--mount"]);
    // The new user's process is told of its parent's death only if it asks for that itself.
    inside.args(["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c"]);
    let routes = OWN_ROUTES.map(|route| format!("ip route add local {route} dev lo && "));
    inside.arg(format!(
        "ip link set lo up && {}exec \"$0\" \"$@\"",
        routes.concat()
    ));
    inside.arg(&programs.lab);
    arguments(&mut inside, programs);
    inside.args(keep.then_some("--keep"));
    inside.args(["--inside", name]);
    inside.stdin(Stdio::null()).kill_on_drop(true);
    let status = inside
        .status()
        .await
        .context("`unshare` cannot be started")?;
    ensure!(status.success(), "inside of its namespaces: {status}");
    Ok(())
}

fn arguments(command: &mut Command, programs: &Programs) {
    let Parts {
        kubomesh,
        apiserver,
        etcd,
        kustomize,
        swarmnode,
        manifests,
        podmonitor_crd,
        nad_crd,
        prometheus,
        promtool,
        webhook,
        agent,
        fakefleet,
    } = &programs.parts;
    let needed = [
        ("--kubomesh", kubomesh),
        ("--webhook", webhook),
        ("--agent", agent),
        ("--apiserver", apiserver),
        ("--etcd", etcd),
        ("--kustomize", kustomize),
        ("--swarmnode", swarmnode),
        ("--manifests", manifests),
        ("--podmonitor-crd", podmonitor_crd),
        ("--nad-crd", nad_crd),
    ];
    for (flag, path) in needed {
        command.arg(flag).arg(path);
    }
    let kubo = match &programs.kind {
        Kind::Kubo(path) => Some(path),
        Kind::Swarmnode(_) => None,
    };
    let others = [
        ("--prometheus", prometheus.as_ref()),
        ("--promtool", promtool.as_ref()),
        ("--fakefleet", fakefleet.as_ref()),
        ("--kubo", kubo),
    ];
    for (flag, path) in others {
        if let Some(path) = path {
            command.arg(flag).arg(path);
        }
    }
}
