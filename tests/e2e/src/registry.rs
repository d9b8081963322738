//! The scenarios by name and group.

use std::fmt;

use anyhow::Result;
use futures::future::LocalBoxFuture;
use kubomesh_testkit::contract::Topic;

use crate::scenarios;
use crate::world::World;

/// One story that is played on real parts.
pub(crate) struct Scenario {
    /// Its name on the command line and in the table.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) group: Group,
    /// What it shows, in a line.
    pub(crate) about: &'static str,
    /// What it needs around it.
    pub(crate) place: Place,
    /// Whether its nodes are fakes, whatever the run's are.
    pub(crate) fakes: bool,
    /// Plays it.
    pub(crate) play: Play,
}

/// How a scenario is played.
#[derive(Clone, Copy)]
pub(crate) enum Play {
    /// A story in a world made for it.
    Story(Story),
    /// This part of the contract, on nodes alone.
    Contract(Topic),
}

/// A story in a world made for it.
pub(crate) type Story = for<'a> fn(&'a mut World) -> LocalBoxFuture<'a, Result<()>>;

/// A part of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Members, links, records, reports.
    Mesh,
    /// Pods on two networks.
    Network,
    /// Agents beside nodes.
    Agent,
    /// What nodes answer.
    Contract,
    /// Admission.
    Webhook,
}

/// What a scenario needs around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The API server that scenarios share.
    Shared,
    /// An API server of its own, because it breaks it.
    OwnCluster,
    /// Network and mount namespaces of its own, with an API server inside if it is a story.
    Namespaces,
}

/// Every scenario, in the order in which they run.
fn all() -> impl Iterator<Item = (usize, &'static Scenario)> {
    scenarios::ALL.iter().copied().flatten().enumerate()
}

/// The scenarios that bear one of these names or are in one of these groups, each once, with their
/// numbers, in the order in which they run; all of them when there is no name.
///
/// # Errors
/// A sentence, when a name is neither.
pub(crate) fn named(names: &[String]) -> Result<Vec<(usize, &'static Scenario)>, String> {
    let is = |scenario: &Scenario, name: &String| {
        scenario.name == name || scenario.group.to_string() == *name
    };
    if let Some(unknown) = names.iter().find(|name| !all().any(|(_, of)| is(of, name))) {
        return Err(format!(
            "`{unknown}` is neither a scenario nor a group; `cargo xtask e2e --list` names them"
        ));
    }
    let wanted = |scenario: &Scenario| names.is_empty() || names.iter().any(|n| is(scenario, n));
    Ok(all().filter(|(_, scenario)| wanted(scenario)).collect())
}

// === impl Scenario ===

impl Scenario {
    /// A scenario of the group `mesh` on the shared API server.
    pub(crate) const fn mesh(name: &'static str, about: &'static str, story: Story) -> Self {
        Self {
            name,
            group: Group::Mesh,
            about,
            place: Place::Shared,
            fakes: false,
            play: Play::Story(story),
        }
    }

    /// A scenario of the group `network`, in namespaces of its own.
    pub(crate) const fn network(name: &'static str, about: &'static str, story: Story) -> Self {
        Self {
            group: Group::Network,
            place: Place::Namespaces,
            ..Self::mesh(name, about, story)
        }
    }

    /// A scenario of the group `agent` on the shared API server.
    pub(crate) const fn agent(name: &'static str, about: &'static str, story: Story) -> Self {
        Self {
            group: Group::Agent,
            ..Self::mesh(name, about, story)
        }
    }

    /// A part of the contract.
    pub(crate) const fn contract(name: &'static str, about: &'static str, topic: Topic) -> Self {
        Self {
            name,
            group: Group::Contract,
            about,
            place: Place::Namespaces,
            fakes: false,
            play: Play::Contract(topic),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mesh => "mesh",
            Self::Network => "network",
            Self::Agent => "agent",
            Self::Contract => "contract",
            Self::Webhook => "webhook",
        })
    }
}

#[cfg(test)]
mod tests;
