//! Where the repository is, and which files and packages it has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::run;

/// The repository.
#[derive(Debug)]
pub(crate) struct Project {
    root: PathBuf,
    metadata: Metadata,
    incremental: bool,
}

/// `cargo metadata`, as far as it is read here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Every package of the dependency graph.
    pub(crate) packages: Vec<Package>,
    /// Ids of the workspace's own packages.
    pub(crate) workspace_members: BTreeSet<String>,
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
    /// The resolved graph.
    pub(crate) resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Opaque; the key of the graph.
    pub(crate) id: String,
    /// As in its Cargo.toml.
    pub(crate) name: String,
    /// Its Cargo.toml.
    pub(crate) manifest_path: PathBuf,
    /// What it declares, optional dependencies included.
    pub(crate) dependencies: Vec<Dependency>,
    /// What it builds.
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
}

/// One thing that a package builds.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, …
    pub(crate) kind: Vec<String>,
}

/// One declared dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package's name, whatever it is renamed to.
    pub(crate) name: String,
    /// `None` is a normal one; else `build` or `dev`.
    pub(crate) kind: Option<String>,
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    /// One for each package.
    pub(crate) nodes: Vec<Node>,
}

/// What a package uses.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// The package.
    pub(crate) id: String,
    /// What it uses.
    pub(crate) deps: Vec<Edge>,
}

/// One use of a package by another.
#[derive(Debug, Deserialize)]
pub(crate) struct Edge {
    /// The package that is used.
    pub(crate) pkg: String,
    /// In which ways.
    pub(crate) dep_kinds: Vec<EdgeKind>,
}

/// One way in which a package uses another.
#[derive(Debug, Deserialize)]
pub(crate) struct EdgeKind {
    /// `None` is a normal one; else `build` or `dev`.
    pub(crate) kind: Option<String>,
}

/// A program of the workspace: its package and its name.
pub(crate) type Program = (&'static str, &'static str);

/// How cargo builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly; with every check.
    Dev,
    /// As it is shipped.
    Release,
}

/// The text files that are or would be committed, by path from the root, with `/`.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

// === impl Project ===

impl Project {
    /// Finds the repository that the current folder belongs to.
    ///
    /// # Errors
    /// When it belongs to none, or cargo does not understand it.
    pub(crate) fn here() -> Result<Self> {
        let sh = Shell::new()?;
        let located = cmd!(
            sh,
            "cargo locate-project --workspace --message-format plain"
        );
        let manifest = located.quiet().read().context("run it in the repository")?;
        let root = Path::new(&manifest)
            .parent()
            .context("Cargo.toml is in no folder")?
            .to_path_buf();
        sh.change_dir(&root);
        // Only what this machine builds: the rest would have to be downloaded to be described.
        let host = cmd!(sh, "rustc --print host-tuple").quiet().read()?;
        let metadata = cmd!(
            sh,
            "cargo metadata --format-version 1 --filter-platform {host}"
        );
        let text = metadata.quiet().read()?;
        let metadata = serde_json::from_str(&text).context("cargo metadata is not as expected")?;
        Ok(Self {
            root,
            metadata,
            incremental: true,
        })
    }

    /// The root folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path from the root.
    pub(crate) fn path(&self, from_root: &str) -> PathBuf {
        self.root.join(from_root)
    }

    /// What cargo says about it.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// A shell in the root folder.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub(crate) fn shell(&self) -> Result<Shell> {
        let sh = Shell::new()?;
        sh.change_dir(&self.root);
        Ok(sh)
    }

    /// The same, with cargo told to keep nothing for a next build of the same machine.
    pub(crate) fn without_incremental(self) -> Self {
        Self {
            incremental: false,
            ..self
        }
    }

    /// A cargo command in the root folder.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = run::cargo();
        command.current_dir(&self.root).args(arguments);
        if !self.incremental {
            command.env("CARGO_INCREMENTAL", "0");
        }
        command
    }

    /// Builds programs, each given by its package and name, with the dev profile.
    ///
    /// # Errors
    /// When one does not build.
    pub(crate) fn build(&self, programs: &[Program]) -> Result<()> {
        self.build_as(Profile::Dev, programs)
    }

    /// Builds programs with a profile.
    ///
    /// # Errors
    /// When one does not build.
    pub(crate) fn build_as(&self, profile: Profile, programs: &[Program]) -> Result<()> {
        let mut command = self.cargo(&["build", "--profile", profile.name()]);
        // Of the whole workspace, though only these programs are built: dependencies then have the
        // features that `cargo test --workspace` gave them, and are not built a second time.
        command.arg("--workspace");
        for (_, bin) in programs {
            command.args(["--bin", bin]);
        }
        let names: Vec<_> = programs.iter().map(|(_, bin)| *bin).collect();
        let built = run::run(&mut command)?.success();
        ensure!(built, "cargo could not build {}", names.join(", "));
        Ok(())
    }

    /// Whether the workspace has this program.
    pub(crate) fn has_bin(&self, (package, bin): Program) -> bool {
        let is_it =
            |target: &Target| target.name == bin && target.kind.iter().any(|kind| kind == "bin");
        let mut packages = self.metadata.workspace_packages();
        packages.any(|candidate| candidate.name == package && candidate.targets.iter().any(is_it))
    }

    /// Where cargo leaves a program.
    pub(crate) fn built(&self, profile: Profile, bin: &str) -> PathBuf {
        let folder = self.metadata.target_directory.join(profile.folder());
        folder.join(format!("{bin}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Reads every text file that git knows or would add.
    ///
    /// # Errors
    /// When git cannot list them.
    pub(crate) fn tree(&self) -> Result<Tree> {
        let sh = self.shell()?;
        let listing = cmd!(sh, "git ls-files -z --cached --others --exclude-standard")
            .quiet()
            .read()
            .context("tidy asks git which files are part of the project; run it in a clone")?;
        let mut tree = Tree::default();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // A file that is deleted but not committed, or not text, has nothing to be checked.
            if let Ok(text) = std::fs::read_to_string(self.path(path)) {
                tree.insert(path, &text);
            }
        }
        Ok(tree)
    }
}

// === impl Profile ===

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// The folder of its programs below cargo's.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

// === impl Metadata ===

impl Metadata {
    /// The workspace's own packages.
    pub(crate) fn workspace_packages(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }
}

// === impl Tree ===

impl Tree {
    /// Adds or replaces a file.
    pub(crate) fn insert(&mut self, path: &str, text: &str) {
        self.files.insert(path.to_owned(), text.to_owned());
    }

    /// The text of a file.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Every file, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every file whose name ends so.
    pub(crate) fn with_suffix(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(move |(path, _)| path.ends_with(suffix))
    }

    /// Every file below a folder.
    pub(crate) fn under(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(move |(path, _)| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// The folder of the package (Cargo.toml or go.mod) that a file belongs to; empty for the root.
    pub(crate) fn package_of<'a>(&self, path: &'a str) -> &'a str {
        let mut folder = path;
        while let Some((parent, _)) = folder.rsplit_once('/') {
            folder = parent;
            if ["Cargo.toml", "go.mod"]
                .iter()
                .any(|name| self.get(&format!("{folder}/{name}")).is_some())
            {
                return folder;
            }
        }
        ""
    }

    /// Whether a source file holds tests only: it is below its package's `tests` folder or a
    /// module's, or it is named for tests.
    pub(crate) fn is_test(&self, path: &str) -> bool {
        let inside = path.strip_prefix(self.package_of(path)).unwrap_or(path);
        inside.split('/').any(|part| part == "tests")
            || inside.ends_with("tests.rs")
            || inside.ends_with("_test.go")
    }
}
