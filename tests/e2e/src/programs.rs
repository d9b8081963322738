//! The programs of a run stay what they are: whoever builds meanwhile takes the originals away.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::Parts;
use crate::node::Kind;

/// What is built from this repository, as the run's own files.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The programs and files of the run.
    pub(crate) parts: Parts,
    /// What nodes are.
    pub(crate) kind: Kind,
    /// This program, to run itself inside of namespaces.
    pub(crate) lab: PathBuf,
}

// === impl Programs ===

impl Programs {
    /// Keeps them in `folder`, which belongs to this run and is emptied first.
    pub(crate) fn keep(parts: &Parts, kind: &Kind, folder: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let keep = |program: &Path| kept(program, folder);
        let parts = Parts {
            kubomesh: keep(&parts.kubomesh)?,
            webhook: keep(&parts.webhook)?,
            agent: keep(&parts.agent)?,
            fakefleet: parts.fakefleet.as_deref().map(keep).transpose()?,
            swarmnode: keep(&parts.swarmnode)?,
            ..parts.clone()
        };
        let kind = match kind {
            Kind::Swarmnode(_) => Kind::Swarmnode(parts.swarmnode.clone()),
            Kind::Kubo(program) => Kind::Kubo(program.clone()),
        };
        let lab = keep(&std::env::current_exe()?)?;
        Ok(Self { parts, kind, lab })
    }

    /// As they are: inside of namespaces, where they are the run's own already.
    pub(crate) fn given(parts: &Parts, kind: &Kind) -> Result<Self> {
        Ok(Self {
            parts: parts.clone(),
            kind: kind.clone(),
            lab: std::env::current_exe()?,
        })
    }
}

/// A second name of a program, which outlives the first: a linker writes a new file. A copy where
/// there can be none.
fn kept(program: &Path, folder: &Path) -> Result<PathBuf> {
    let what = || format!("{} cannot be kept for the run", program.display());
    let name = program.file_name().with_context(what)?;
    let to = folder.join(name);
    match fs::hard_link(program, &to) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(error).with_context(what),
        Err(_) => drop(fs::copy(program, &to).with_context(what)?),
    }
    Ok(to)
}

#[cfg(test)]
mod tests;
