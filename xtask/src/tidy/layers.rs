//! The layer table: which room may use which, and what it must never import.

pub(super) mod table;

use std::collections::{BTreeMap, BTreeSet};

use self::table::{Ban, FOR_TESTS, Room, room_of};
use super::{Finding, House, line_of};
use crate::project::{Metadata, Package};

/// The page with the table for people.
const PAGE: &str = "ARCHITECTURE.md";

/// Holds the table against the dependency graph.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let graph = Graph::new(house.metadata);
    let mut findings = Vec::new();
    for package in house.metadata.workspace_packages() {
        let manifest = Manifest::of(house, package);
        let Some(room) = room_of(&package.name) else {
            findings.push(manifest.finding(
                "[package]",
                format!("{} has no place in the layer table", package.name),
                "give it one in xtask/src/tidy/layers/table.rs and in ARCHITECTURE.md",
            ));
            continue;
        };
        findings.extend(edges(room, package, &manifest));
        findings.extend(bans(room, package, &manifest, &graph));
        findings.extend(page(house, room, &manifest));
    }
    findings
}

fn edges(room: &Room, package: &Package, manifest: &Manifest<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let Some(other) = dependency.name.strip_prefix("kubomesh-").and_then(room_of) else {
            continue;
        };
        let dev = dependency.kind.as_deref() == Some("dev");
        if room.may_use(other) || (dev && FOR_TESTS.contains(&other.name)) {
            continue;
        }
        let what = format!("{} uses {}, {}", package.name, dependency.name, room.rule());
        let remedy =
            "move what is shared to a lower layer, or turn the call round at the composition root";
        findings.push(manifest.finding(&dependency.name, what, remedy));
    }
    findings
}

fn bans(
    room: &Room,
    package: &Package,
    manifest: &Manifest<'_>,
    graph: &Graph<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ban in room.never {
        let way = match ban {
            Ban::Direct(name) => graph.direct(&package.id, name),
            Ban::Anywhere(name) => graph.path(&package.id, name),
        };
        if let Some(way) = way {
            let first = way.get(1).copied().unwrap_or_default();
            let what = format!(
                "{} never imports {}: {}",
                package.name,
                ban.name(),
                way.join(" -> ")
            );
            findings.push(manifest.finding(
                first,
                what,
                "take that dependency, or its feature, away",
            ));
        }
    }
    findings
}

/// The page that explains the rooms names this one, on its layer.
fn page(house: &House<'_>, room: &Room, manifest: &Manifest<'_>) -> Option<Finding> {
    let text = house.tree.get(PAGE)?;
    let folder = manifest.path.strip_suffix("/Cargo.toml")?;
    let row = |line: &&str| line.starts_with('|') && line.contains(&format!("| `{folder}` |"));
    let Some(row) = text.lines().find(row) else {
        let what = format!("has no row for `{folder}`");
        return Some(Finding::error(
            PAGE,
            1,
            what,
            "say there on which layer it is and what it is for",
        ));
    };
    let layer = room.layer_name()?;
    (!row.starts_with(&format!("| {layer} |"))).then(|| {
        let what = format!("`{folder}` is on layer {layer}, and its row says otherwise");
        let remedy = "mend the row, or xtask/src/tidy/layers/table.rs";
        Finding::error(PAGE, line_of(text, row), what, remedy)
    })
}

/// A package's Cargo.toml.
#[derive(Debug)]
struct Manifest<'a> {
    path: String,
    text: &'a str,
}

/// Normal and build edges of the resolved graph.
#[derive(Debug)]
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    edges: BTreeMap<&'a str, Vec<&'a str>>,
}

// === impl Manifest ===

impl<'a> Manifest<'a> {
    fn of(house: &House<'a>, package: &Package) -> Self {
        let absolute = package.manifest_path.to_string_lossy().replace('\\', "/");
        let known = house.tree.with_suffix("Cargo.toml").find(|(path, text)| {
            absolute.ends_with(&format!("/{path}")) && text.contains("[package]")
        });
        match known {
            Some((path, text)) => Self {
                path: path.to_owned(),
                text,
            },
            None => Self {
                path: absolute,
                text: "",
            },
        }
    }

    fn finding(&self, needle: &str, what: impl Into<String>, remedy: &str) -> Finding {
        Finding::error(&self.path, line_of(self.text, needle), what, remedy)
    }
}

// === impl Graph ===

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let names = metadata
            .packages
            .iter()
            .map(|p| (p.id.as_str(), p.name.as_str()))
            .collect();
        let edges = metadata.resolve.nodes.iter().map(|node| {
            let used = node.deps.iter().filter(|edge| {
                edge.dep_kinds
                    .iter()
                    .any(|kind| kind.kind.as_deref() != Some("dev"))
            });
            (
                node.id.as_str(),
                used.map(|edge| edge.pkg.as_str()).collect(),
            )
        });
        Self {
            names,
            edges: edges.collect(),
        }
    }

    fn name(&self, id: &str) -> &'a str {
        self.names.get(id).copied().unwrap_or_default()
    }

    fn direct(&self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let used = self
            .edges
            .get(from)?
            .iter()
            .find(|id| self.name(id) == to)?;
        Some(vec![self.name(from), self.name(used)])
    }

    /// A shortest way from a package to one of that name.
    fn path(&self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut seen = BTreeSet::from([from]);
        let mut ways = std::collections::VecDeque::from([vec![from]]);
        while let Some(way) = ways.pop_front() {
            let last = way.last().copied()?;
            if way.len() > 1 && self.name(last) == to {
                return Some(way.into_iter().map(|id| self.name(id)).collect());
            }
            for &next in self.edges.get(last).into_iter().flatten() {
                if seen.insert(next) {
                    let mut longer = way.clone();
                    longer.push(next);
                    ways.push_back(longer);
                }
            }
        }
        None
    }
}
