//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};

use crate::node::Kind;
use crate::registry::{self, Scenario};
use crate::run::{self, Options};
use crate::table;

/// Runs the lab's scenarios. `cargo xtask e2e` builds the programs and calls this.
#[derive(Debug, Parser)]
#[command(name = "e2e", bin_name = "cargo xtask e2e", max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    parts: Option<Parts>,

    /// Run every node as this real Kubo
    #[arg(long, value_name = "PATH")]
    kubo: Option<PathBuf>,

    /// Name the scenarios and what each shows, and run none
    #[arg(long)]
    list: bool,

    /// After a failure, leave its processes running until Ctrl-C
    #[arg(long)]
    keep: bool,

    /// This process is in network and mount namespaces of its own; only the lab passes it
    #[arg(long, hide = true)]
    inside: bool,

    /// Scenarios or groups; without any, all
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// The programs and files that the lab is made of. Clap asks for all of them as soon as one is
/// there, and for none with `--list`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Parts {
    /// The product
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) kubomesh: PathBuf,

    /// kube-apiserver
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) apiserver: PathBuf,

    /// Its store
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) etcd: PathBuf,

    /// kustomize
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) kustomize: PathBuf,

    /// The lab's node
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) swarmnode: PathBuf,

    /// The folder `manifests`
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) manifests: PathBuf,

    /// The CRD of PodMonitor
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) podmonitor_crd: PathBuf,

    /// The CRD of NetworkAttachmentDefinition
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) nad_crd: PathBuf,

    /// Prometheus
    #[arg(long, value_name = "PATH")]
    pub(crate) prometheus: Option<PathBuf>,

    /// promtool
    #[arg(long, value_name = "PATH")]
    pub(crate) promtool: Option<PathBuf>,

    /// The admission webhook
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) webhook: PathBuf,

    /// The agent beside a Kubo
    #[arg(long, value_name = "PATH", required = false)]
    pub(crate) agent: PathBuf,

    /// The program that runs many fakes
    #[arg(long, value_name = "PATH")]
    pub(crate) fakefleet: Option<PathBuf>,
}

/// Exit code of bad usage.
const USAGE: u8 = 2;

/// Parses the command line and does what it says. 0: all passed; 1: one failed, or the lab could
/// not run; 2: bad usage, such as an unknown name.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let scenarios = match registry::named(&cli.names) {
        Ok(scenarios) => scenarios,
        Err(sentence) => return usage(&sentence),
    };
    if cli.list {
        list(&scenarios);
        return ExitCode::SUCCESS;
    }
    let Some(parts) = cli.parts else {
        return usage("the lab needs its parts: run it with `cargo xtask e2e`");
    };
    let kind = match cli.kubo {
        Some(kubo) => Kind::Kubo(kubo),
        None => Kind::Swarmnode(parts.swarmnode.clone()),
    };
    let options = Options {
        parts,
        kind,
        keep: cli.keep,
        inside: cli.inside,
    };
    match run::all(&options, &scenarios) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage(sentence: &str) -> ExitCode {
    eprintln!("error: {sentence}");
    ExitCode::from(USAGE)
}

fn list(scenarios: &[(usize, &Scenario)]) {
    let row = |(_, scenario): &(usize, &Scenario)| {
        let Scenario {
            name, group, about, ..
        } = scenario;
        vec![(*name).to_owned(), group.to_string(), (*about).to_owned()]
    };
    let rows: Vec<_> = scenarios.iter().map(row).collect();
    for line in table::lines(&rows) {
        println!("{line}");
    }
}
