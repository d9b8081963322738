//! The lab's Go programs and the CRDs of others that it applies, made once from the Go modules
//! that the folders under `tests/` pin.
//!
//! A part lies in `target/goparts/` beside a key: the hash of all that it is made from. While the
//! key holds, asking for the part only reads those files; else it is made under another name and
//! renamed, so that a build cut short, or two at a time, leave no half of a program behind.
//! Needed: Go, and on the first build a Go module proxy.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// What every call of Go is told, so that it builds alike everywhere and each package once: builds
/// that differ in these share nothing.
pub(crate) const ALIKE: [(&str, &str); 2] = [("CGO_ENABLED", "0"), ("GOWORK", "off")];

/// As [`ALIKE`], a flag of each build.
pub(crate) const TRIMMED: &str = "-trimpath";

/// One part is made at a time: Go uses every core for one.
static MAKING: Mutex<()> = Mutex::new(());

/// Where parts are kept, from the root.
const KEPT: &str = "target/goparts";

/// Every part.
pub(crate) struct GoParts {
    /// `kube-apiserver`.
    pub(crate) apiserver: PathBuf,
    /// `etcd`.
    pub(crate) etcd: PathBuf,
    /// `kustomize`.
    pub(crate) kustomize: PathBuf,
    /// `promtool`.
    pub(crate) promtool: PathBuf,
    /// `prometheus`.
    pub(crate) prometheus: PathBuf,
    /// The lab's node.
    pub(crate) swarmnode: PathBuf,
    /// The CRD of `PodMonitor`.
    pub(crate) podmonitor_crd: PathBuf,
    /// The CRD of `NetworkAttachmentDefinition`.
    pub(crate) nad_crd: PathBuf,
}

/// All parts, made where they are missing or stale.
pub(crate) fn build(root: &Path) -> Result<GoParts> {
    Ok(GoParts {
        swarmnode: swarmnode(root)?,
        podmonitor_crd: podmonitor_crd(root)?,
        nad_crd: nad_crd(root)?,
        kustomize: kustomize(root)?,
        etcd: etcd(root)?,
        apiserver: apiserver(root)?,
        promtool: promtool(root)?,
        prometheus: prometheus(root)?,
    })
}

/// Makes all parts beside other work. Whoever needs one meanwhile waits for it; what cannot be made is
/// said by whoever needs it.
pub(crate) fn ahead(root: &Path) {
    let root = root.to_owned();
    std::thread::spawn(move || build(&root).map(drop));
}

/// The API server.
pub(crate) fn apiserver(root: &Path) -> Result<PathBuf> {
    program(root, &APISERVER)
}

/// Its store.
pub(crate) fn etcd(root: &Path) -> Result<PathBuf> {
    program(root, &ETCD)
}

/// `kustomize`.
pub(crate) fn kustomize(root: &Path) -> Result<PathBuf> {
    program(root, &KUSTOMIZE)
}

/// `promtool`, which judges metrics, rules and Prometheus' configuration.
pub(crate) fn promtool(root: &Path) -> Result<PathBuf> {
    program(root, &PROMTOOL)
}

/// Prometheus. Of the ways to find targets it has files, HTTP, static lists and Kubernetes.
pub(crate) fn prometheus(root: &Path) -> Result<PathBuf> {
    program(root, &PROMETHEUS)
}

/// The lab's node, from `tests/swarmnode`.
pub(crate) fn swarmnode(root: &Path) -> Result<PathBuf> {
    program(root, &SWARMNODE)
}

/// The CRD of `PodMonitor`, as the Prometheus operator publishes it.
pub(crate) fn podmonitor_crd(root: &Path) -> Result<PathBuf> {
    published(root, &PODMONITOR)
}

/// The CRD of `NetworkAttachmentDefinition`, as its working group publishes it.
pub(crate) fn nad_crd(root: &Path) -> Result<PathBuf> {
    published(root, &NAD)
}

/// A program and how it is built.
#[derive(Hash)]
struct Program {
    /// Its name here.
    name: &'static str,
    /// The folder of the `go.mod` that it is built under, from the root.
    folder: &'static str,
    /// The package of its `main`; `.` where the folder has it.
    package: &'static str,
    /// The module whose version is the program's; none for our own.
    module: Option<&'static str>,
    /// Build tags.
    tags: &'static str,
    /// The variable that the linker sets to that version: a module does not know its own.
    stamp: Option<&'static str>,
    /// How long the first build takes on two cores.
    lasts: &'static str,
}

/// `remove_all_sd` leaves out the clouds' service discoveries, most of Prometheus by build time.
const DISCOVERY: &str = "remove_all_sd,enable_kubernetes_sd";

const APISERVER: Program = Program {
    name: "kube-apiserver",
    folder: "tests/e2e",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    module: Some("k8s.io/kubernetes"),
    tags: "",
    stamp: Some("k8s.io/component-base/version.gitVersion"),
    lasts: "about 4 minutes",
};

const ETCD: Program = Program {
    name: "etcd",
    folder: "tests/e2e",
    package: "go.etcd.io/etcd/server/v3",
    module: Some("go.etcd.io/etcd/server/v3"),
    tags: "",
    stamp: None,
    lasts: "about 1 minute",
};

const KUSTOMIZE: Program = Program {
    name: "kustomize",
    package: "sigs.k8s.io/kustomize/kustomize/v5",
    module: Some("sigs.k8s.io/kustomize/kustomize/v5"),
    ..ETCD
};

const PROMTOOL: Program = Program {
    name: "promtool",
    folder: "tests/e2e/prometheus",
    package: "github.com/prometheus/prometheus/cmd/promtool",
    module: Some("github.com/prometheus/prometheus"),
    tags: DISCOVERY,
    stamp: Some("github.com/prometheus/common/version.Version"),
    lasts: "about 2 minutes",
};

const PROMETHEUS: Program = Program {
    name: "prometheus",
    package: "github.com/prometheus/prometheus/cmd/prometheus",
    ..PROMTOOL
};

const SWARMNODE: Program = Program {
    name: "swarmnode",
    folder: "tests/swarmnode",
    package: ".",
    module: None,
    lasts: "about 2 minutes",
    ..ETCD
};

/// A file that a module publishes beside its code.
#[derive(Hash)]
struct Published {
    /// Its name here.
    name: &'static str,
    /// The module, pinned in `tests/e2e/crds`.
    module: &'static str,
    /// Where it lies in the module.
    file: &'static str,
}

const PODMONITOR: Published = Published {
    name: "podmonitor-crd.yaml",
    module: "github.com/prometheus-operator/prometheus-operator",
    file: "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
};

const NAD: Published = Published {
    name: "nad-crd.yaml",
    module: "github.com/k8snetworkplumbingwg/network-attachment-definition-client",
    file: "artifacts/networks-crd.yaml",
};

/// The program's path, once it is up to date.
fn program(root: &Path, program: &Program) -> Result<PathBuf> {
    let folder = root.join(program.folder);
    let inputs = match program.module {
        Some(_) => vec![folder.join("go.mod"), folder.join("go.sum")],
        None => sources(&folder)?,
    };
    kept(root, program.name, key(program, &inputs)?, |new| {
        let shell = shell(&folder)?;
        let version = match program.module {
            Some(module) => pinned(&folder, module)?,
            None => "of this tree".to_owned(),
        };
        let (name, lasts) = (program.name, program.lasts);
        say(&format!("building {name} {version} ({lasts}, once)…"))?;
        let mut linker = "-ldflags=-s -w".to_owned();
        if let Some(variable) = program.stamp {
            linker = format!("{linker} -X {variable}={version}");
        }
        let build = cmd!(shell, "go build {TRIMMED} -mod=readonly -buildvcs=false");
        let build = build.arg(format!("-tags={}", program.tags)).arg(linker);
        run(build.arg("-o").arg(new).arg(program.package)).map(drop)
    })
}

/// The file's path, once it is up to date.
fn published(root: &Path, file: &Published) -> Result<PathBuf> {
    let folder = root.join("tests/e2e/crds");
    let inputs = [folder.join("go.mod"), folder.join("go.sum")];
    kept(root, file.name, key(file, &inputs)?, |new| {
        let shell = shell(&folder)?;
        let (module, version) = (file.module, pinned(&folder, file.module)?);
        say(&format!("taking {} from {module} {version}…", file.name))?;
        run(cmd!(shell, "go mod download {module}"))?;
        let at = run(cmd!(
            shell,
            "go list -mod=readonly -m -f '{{.Dir}}' {module}"
        ))?;
        let from = Path::new(at.trim()).join(file.file);
        let text = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        fs::write(new, text).with_context(|| format!("cannot write {}", new.display()))
    })
}

/// What is kept under `name`, made anew by `make` unless it was made under `key`.
fn kept(
    root: &Path,
    name: &str,
    key: String,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = std::path::absolute(root.join(KEPT))?;
    let (part, key_file) = (folder.join(name), folder.join(format!("{name}.key")));
    if part.is_file() && fs::read_to_string(&key_file).is_ok_and(|kept| kept == key) {
        return Ok(part);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let new = folder.join(format!("{name}.{}.new", std::process::id()));
    make(&new)
        .inspect_err(|_| _ = fs::remove_file(&new))
        .with_context(|| format!("cannot make {name} for the lab"))?;
    // The key last: a stop in between only costs a build.
    fs::rename(&new, &part).with_context(|| format!("cannot write {}", part.display()))?;
    fs::write(&key_file, key).with_context(|| format!("cannot write {}", key_file.display()))?;
    Ok(part)
}

/// The hash of a recipe and of the content of the files it goes by.
fn key(recipe: &impl Hash, inputs: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    recipe.hash(&mut hasher);
    for input in inputs {
        input.file_name().hash(&mut hasher);
        fs::read(input)
            .with_context(|| format!("cannot read {}", input.display()))?
            .hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Every file below `folder` that can go into its program, in a fixed order. One without an
/// extension is a program that someone built there.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot list {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The version at which the folder's `go.mod` requires `module`, with its `v`.
fn pinned(folder: &Path, module: &str) -> Result<String> {
    let path = folder.join("go.mod");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    required(&text, module).with_context(|| format!("{} does not require {module}", path.display()))
}

/// The version in a `require` of `module`, alone on its line or in a block.
fn required(go_mod: &str, module: &str) -> Option<String> {
    go_mod.lines().find_map(|line| {
        let mut words = line
            .split_whitespace()
            .skip_while(|word| *word == "require");
        (words.next() == Some(module)).then(|| words.next().map(str::to_owned))?
    })
}

/// A shell in `folder` where `go` is there and builds alike everywhere.
fn shell(folder: &Path) -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(folder);
    for (variable, value) in ALIKE {
        shell.set_var(variable, value);
    }
    let asked = cmd!(shell, "go version").quiet().ignore_status().output();
    asked.with_context(|| {
        format!(
            "the lab needs Go, at least the version that {} names, and found no `go`: install it \
             (go.dev/doc/install), put its `bin` folder on PATH and try again",
            folder.join("go.mod").display()
        )
    })?;
    Ok(shell)
}

/// Runs a command of Go; its last lines on failure, its output else.
fn run(command: xshell::Cmd<'_>) -> Result<String> {
    let shown = command.to_string();
    let done = command.quiet().ignore_status().output()?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains(": downloading "))
        .collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    bail!(
        "`{shown}` failed:\n{last}\n(a first build needs a Go module proxy: see `go env GOPROXY`)"
    )
}

/// A line of progress.
fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{line}").context("cannot write to standard error")
}

#[cfg(test)]
mod tests;
