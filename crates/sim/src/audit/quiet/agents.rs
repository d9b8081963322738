//! After quiet: each node is asked by the way that the version of its agent allows.

use kubomesh_core::Path;

use super::Well;
use crate::controller::LastPass;
use crate::sim::Sim;
use crate::story::agents::AgentsMode;

impl Sim {
    /// A node that is asked by another way than it is to be, or for which no way is said.
    pub(super) fn wrong_way(&self, wells: &[Well], last: &LastPass) -> Option<String> {
        wells.iter().find_map(|well| {
            let usable = self.is_attended(well.node);
            let due = match (self.agents.mode, usable) {
                (AgentsMode::Off, _) => None,
                (_, true) => Some(Path::Agent),
                (_, false) => Some(Path::Direct),
            };
            let report = last.report.members.get(&well.name)?;
            let taken = report.path.as_ref();
            let wrong = taken.map(|taken| taken.path) != due;
            let silent = taken.is_some_and(|one| one.path == Path::Direct && one.why.is_empty());
            let name = &well.name;
            (wrong || silent).then(|| format!("{name} is asked by {taken:?} in place of {due:?}"))
        })
    }
}
