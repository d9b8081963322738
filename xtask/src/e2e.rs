//! `cargo xtask e2e`: builds the lab's parts and runs its scenarios.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Result, ensure};
use clap::Args;

use crate::generate::CONTROLLER;
use crate::goparts::{self, GoParts};
use crate::programs::{AGENT, FAKEFLEET, WEBHOOK};
use crate::project::{Profile, Program, Project};
use crate::run;

/// The package and the program that has the scenarios.
pub(crate) const LAB: Program = ("kubomesh-e2e", "e2e");

/// What to run, and on which nodes.
#[derive(Debug, Default, Args)]
pub(crate) struct E2e {
    /// Name the scenarios by group and run none
    #[arg(long)]
    list: bool,
    /// Run every node as this real Kubo instead of tests/swarmnode
    #[arg(long, value_name = "PATH")]
    kubo: Option<PathBuf>,
    /// After a failure, leave its processes running until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Scenarios or groups; without any, all of them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Runs the scenarios. The exit code is the lab's own: 2 for a name that it does not know.
///
/// # Errors
/// When a part cannot be built or the lab cannot be started.
pub(crate) fn command(project: &Project, arguments: &E2e) -> Result<ExitCode> {
    ensure!(is_there(project), "{} has no program {} yet", LAB.0, LAB.1);
    project.build(&[LAB])?;
    // Names are looked at before anything large is built for them.
    let mut list = Command::new(project.built(Profile::Dev, LAB.1));
    list.current_dir(project.root())
        .arg("--list")
        .args(&arguments.names);
    if arguments.list {
        return Ok(run::exit_code(run::run(&mut list)?));
    }
    let known = run::run(list.stdout(Stdio::null()))?;
    if !known.success() {
        return Ok(run::exit_code(known));
    }
    Ok(run::exit_code(run::run(&mut lab(project, arguments)?)?))
}

/// Whether the lab has its program.
pub(crate) fn is_there(project: &Project) -> bool {
    project.has_bin(LAB)
}

/// Builds what the lab needs, and hands back the command that runs it.
///
/// # Errors
/// When a part cannot be built.
pub(crate) fn lab(project: &Project, arguments: &E2e) -> Result<Command> {
    project.build(&[CONTROLLER, WEBHOOK, AGENT, FAKEFLEET, LAB])?;
    let parts = goparts::build(project.root())?;
    let mut command = Command::new(project.built(Profile::Dev, LAB.1));
    command.current_dir(project.root());
    for (flag, path) in parts.flags() {
        command.arg(flag).arg(path);
    }
    let programs = [
        ("--kubomesh", CONTROLLER.1),
        ("--webhook", WEBHOOK.1),
        ("--agent", AGENT.1),
        ("--fakefleet", FAKEFLEET.1),
    ];
    for (flag, bin) in programs {
        command.arg(flag).arg(project.built(Profile::Dev, bin));
    }
    command.arg("--manifests").arg(project.path("manifests"));
    if let Some(kubo) = &arguments.kubo {
        command.arg("--kubo").arg(std::path::absolute(kubo)?);
    }
    command.args(arguments.keep.then_some("--keep"));
    command.args(&arguments.names);
    Ok(command)
}

// === impl GoParts ===

impl GoParts {
    /// The lab's flag for each part.
    fn flags(&self) -> [(&'static str, &Path); 8] {
        [
            ("--apiserver", &self.apiserver),
            ("--etcd", &self.etcd),
            ("--kustomize", &self.kustomize),
            ("--promtool", &self.promtool),
            ("--prometheus", &self.prometheus),
            ("--swarmnode", &self.swarmnode),
            ("--podmonitor-crd", &self.podmonitor_crd),
            ("--nad-crd", &self.nad_crd),
        ]
    }
}
