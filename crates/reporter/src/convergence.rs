//! How long meshes take to become Ready.

use std::collections::BTreeMap;

use kubomesh_api::Convergence;
use kubomesh_core::{ConditionKind, LinkCounts, MeshId, Report, Status, Timestamp};

#[cfg(test)]
mod tests;

/// Since when each mesh is not Ready, and when it last became so. No clock: reports carry the time.
#[derive(Debug, Default)]
pub struct Convergences {
    meshes: BTreeMap<MeshId, Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    since: Option<Timestamp>,
    last: Option<Convergence>,
}

// === impl Convergences ===

impl Convergences {
    /// Takes a report; the convergence that it completes, if it does.
    pub fn take(&mut self, report: &Report) -> Option<Convergence> {
        let progress = self.meshes.entry(report.mesh.clone()).or_default();
        let is_ready = |condition: &&kubomesh_core::Condition| {
            condition.kind == ConditionKind::Ready && condition.status == Status::True
        };
        if report.conditions.iter().find(is_ready).is_none() {
            progress.since.get_or_insert(report.at);
            return None;
        }
        let since = progress.since.take()?;
        let seconds = report.at.since(since).as_secs_f64();
        progress.last = Some(Convergence {
            at: report.at,
            seconds,
        });
        progress.last
    }

    /// The last convergence of a mesh that this process saw.
    #[must_use]
    pub fn last(&self, mesh: &MeshId) -> Option<Convergence> {
        self.meshes.get(mesh)?.last
    }

    /// Forgets meshes that are gone.
    pub fn keep(&mut self, exists: impl Fn(&MeshId) -> bool) {
        self.meshes.retain(|mesh, _| exists(mesh));
    }
}

/// What a convergence means in words: links of members that are away or cannot be reached are not
/// waited for.
pub(crate) fn converged(counts: LinkCounts) -> String {
    if counts.healthy == counts.desired {
        return "every desired link is healthy".into();
    }
    let LinkCounts {
        degraded,
        missing,
        unknown,
        ..
    } = counts;
    format!(
        "every desired link between members that can be reached is healthy; of the others \
         {degraded} degraded, {missing} missing, {unknown} unknown"
    )
}
