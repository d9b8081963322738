//! The lab's scenarios, and the manifests that they apply.

use std::process::Command;

use anyhow::{Context, Result};

use super::Counts;
use crate::e2e::{self, E2e};
use crate::goparts;
use crate::project::Project;
use crate::run;

/// Every scenario.
pub(super) fn scenarios(project: &Project) -> Result<Counts> {
    super::counted(&mut e2e::lab(project, &E2e::default())?)
}

/// Whether there is a base that can be rendered: its CRDs are generated.
pub(super) fn has_manifests(project: &Project) -> bool {
    project.path("manifests/base/crds.yaml").is_file()
}

/// Renders the base, each component on the base, each example, and each overlay that the manifests'
/// page shows.
pub(super) fn manifests(project: &Project) -> Result<Counts> {
    let kustomize = goparts::kustomize(project.root())?;
    let mut counts = Counts::default();
    for folder in folders(project)? {
        let mut command = Command::new(&kustomize);
        command.arg("build").arg(project.path(&folder));
        let mut objects = 0;
        let status = run::run_lines(&mut command, |line| {
            objects += u32::from(line.starts_with("kind: "));
        })?;
        let fine = status.success() && objects > 0;
        println!(
            "{folder}: {}",
            if fine {
                format!("{objects} objects")
            } else {
                "does not render".to_owned()
            }
        );
        *(if fine {
            &mut counts.passed
        } else {
            &mut counts.failed
        }) += 1;
    }
    Ok(counts)
}

/// The folders to render, from the root. A component alone renders nothing: each gets a folder
/// below cargo's that puts it on the base.
fn folders(project: &Project) -> Result<Vec<String>> {
    let mut folders = vec!["manifests/base".to_owned()];
    folders.extend(below(project, "manifests/examples")?);
    for component in below(project, "manifests/components")? {
        let name = component.rsplit('/').next().unwrap_or_default();
        let folder = format!("target/xtask/render/{name}");
        std::fs::create_dir_all(project.path(&folder))?;
        let text = format!(
            "resources: [../../../../manifests/base]\ncomponents: [../../../../{component}]\n"
        );
        std::fs::write(project.path(&folder).join("kustomization.yaml"), text)?;
        folders.push(folder);
    }
    folders.extend(shown(project)?);
    Ok(folders)
}

/// The overlays of `manifests/README.md`, each in a folder below cargo's.
fn shown(project: &Project) -> Result<Vec<String>> {
    let page = std::fs::read_to_string(project.path("manifests/README.md"))?;
    let mut folders = Vec::new();
    for (at, text) in overlays(&page).enumerate() {
        let folder = format!("target/xtask/render/shown-{at}");
        std::fs::create_dir_all(project.path(&folder))?;
        let text = text.replace("manifests/", "../../../../manifests/");
        std::fs::write(project.path(&folder).join("kustomization.yaml"), text)?;
        folders.push(folder);
    }
    Ok(folders)
}

/// The YAML blocks of a page.
pub(super) fn overlays(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```yaml\n").skip(1);
    blocks.filter_map(|block| block.split("```").next())
}

/// The folders in a folder that have a kustomization, in order.
fn below(project: &Project, folder: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in
        std::fs::read_dir(project.path(folder)).with_context(|| format!("reading {folder}"))?
    {
        let entry = entry?;
        if entry.path().join("kustomization.yaml").is_file() {
            found.push(format!("{folder}/{}", entry.file_name().to_string_lossy()));
        }
    }
    found.sort();
    Ok(found)
}
