//! What the statuses should say, against what they say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition as WireCondition;
use kubomesh_api::{
    RecordKey, StoredMeshes, StoredRecords, SwarmMeshStatus, SwarmPeerStatus,
    applied_network_status, mesh_status, peer_status, refused_status,
};
use kubomesh_core::{Member, MemberReport, MeshId, Report, Timestamp};
use serde_json::Value;

use super::outbox::{Change, Target};
use crate::{Convergences, MeshNews, News, Verdict};

#[cfg(test)]
mod tests;

/// The convergences, written by who watches the reports and read by who writes statuses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Convergences>>);

/// A status that differs from what stands.
#[derive(Debug)]
pub(super) struct Pending {
    /// UID of the object.
    pub(super) uid: Arc<str>,
    /// The version of the object that `before` is of; 0 when it is no number.
    pub(super) version: u64,
    /// What differs.
    pub(super) change: Change,
    /// The conditions that stand.
    pub(super) before: Vec<WireCondition>,
    /// What it should say.
    pub(super) desired: Desired,
}

/// A status as it should be.
#[derive(Debug, Clone)]
pub(super) enum Desired {
    Mesh(Arc<SwarmMeshStatus>),
    Peer(Arc<SwarmPeerStatus>),
}

/// Our last writes, until the watch has caught up with them.
#[derive(Debug, Default)]
pub(super) struct Written {
    by_target: BTreeMap<Target, (u64, Desired)>,
}

/// All that the statuses follow from.
pub(super) struct Sight<'a> {
    pub(super) news: &'a News,
    pub(super) meshes: &'a StoredMeshes,
    pub(super) peers: &'a StoredRecords,
    pub(super) convergences: &'a Convergences,
    pub(super) now: Timestamp,
}

// === impl Shared ===

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Convergences> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Sight ===

impl Sight<'_> {
    /// Every status that differs.
    pub(super) fn pending(&self, written: &mut Written) -> BTreeMap<Target, Pending> {
        written.forget(self);
        let mut pending = BTreeMap::new();
        for (id, news) in &self.news.meshes {
            pending.extend(self.mesh(id, news, written));
            if let Verdict::Planned(report) = &news.verdict {
                for (name, member) in report.named() {
                    let key = RecordKey::new(
                        &id.namespace,
                        &format!("{name}{}", member.role.record_suffix()),
                    );
                    let live = news.membership.members.get(name);
                    pending.extend(self.peer(key, report, (member, live), written));
                }
            }
        }
        pending
    }

    fn mesh(&self, id: &MeshId, news: &MeshNews, written: &Written) -> Option<(Target, Pending)> {
        let stored = self.meshes.get(id)?;
        let target = Target::Mesh(id.clone());
        let (version, stands) = match written.ahead(&target, stored.version) {
            Some((version, Desired::Mesh(status))) => (version, Some(status)),
            _ => (stored.version, stored.status.as_ref()),
        };
        let before = stands.map(Arc::as_ref);
        let desired = match &news.verdict {
            Verdict::Planned(report) => SwarmMeshStatus {
                network: applied_network_status(&news.membership.attachment),
                ..mesh_status(before, report, news.generation, self.convergences.last(id))
            },
            Verdict::Refused(why) => refused_status(before, why, news.generation, self.now),
            Verdict::Waiting => return None,
        };
        if before == Some(&desired) {
            return None;
        }
        let same = before.map(|status| &status.network) == Some(&desired.network);
        let before = before.map_or_else(Vec::new, |status| status.conditions.clone());
        let pending = Pending {
            uid: id.uid.clone(),
            version,
            change: change(same, &before, &desired.conditions),
            before,
            desired: Desired::Mesh(Arc::new(desired)),
        };
        Some((target, pending))
    }

    fn peer(
        &self,
        key: RecordKey,
        report: &Report,
        (member, live): (&MemberReport, Option<&Member>),
        written: &Written,
    ) -> Option<(Target, Pending)> {
        let stored = self.peers.records.get(&key)?;
        // Another mesh's record of the same name is that mesh's to tell about.
        if let Ok(record) = &stored.record
            && record.mesh != report.mesh.name
        {
            return None;
        }
        let target = Target::Peer(key);
        let heard = stored.version.parse().unwrap_or(0);
        let (version, stands) = match written.ahead(&target, heard) {
            Some((version, Desired::Peer(status))) => (version, Some(status)),
            _ => (heard, stored.status.as_ref()),
        };
        let before = stands.map(Arc::as_ref);
        let desired = peer_status(before, member, live, report.at);
        if before == Some(&desired) {
            return None;
        }
        let same = before.is_some_and(|status| {
            (&status.ip, &status.storage_ip) == (&desired.ip, &desired.storage_ip)
                && (status.path, &status.steering) == (desired.path, &desired.steering)
        });
        let before = before.map_or_else(Vec::new, |status| status.conditions.clone());
        let pending = Pending {
            uid: stored.uid.clone(),
            version,
            change: change(same, &before, &desired.conditions),
            before,
            desired: Desired::Peer(Arc::new(desired)),
        };
        Some((target, pending))
    }
}

/// Conditions come first when one's status or reason differs; a message alone is no hurry. With them
/// comes what people and scripts read addresses and ways from, unless it is the `same`.
fn change(same: bool, before: &[WireCondition], desired: &[WireCondition]) -> Change {
    let says = |conditions: &[WireCondition]| -> Vec<(String, String, String)> {
        let says = |c: &WireCondition| (c.type_.clone(), c.status.clone(), c.reason.clone());
        conditions.iter().map(says).collect()
    };
    if same && says(before) == says(desired) {
        Change::Counts
    } else {
        Change::Conditions
    }
}

// === impl Desired ===

impl Desired {
    /// As JSON.
    pub(super) fn json(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Mesh(status) => serde_json::to_value(status),
            Self::Peer(status) => serde_json::to_value(status),
        }
    }

    pub(super) fn conditions(&self) -> &[WireCondition] {
        match self {
            Self::Mesh(status) => &status.conditions,
            Self::Peer(status) => &status.conditions,
        }
    }
}

// === impl Written ===

impl Written {
    pub(super) fn note(&mut self, target: Target, version: u64, desired: Desired) {
        self.by_target.insert(target, (version, desired));
    }

    fn ahead(&self, target: &Target, heard: u64) -> Option<(u64, &Desired)> {
        let (version, desired) = self.by_target.get(target)?;
        (heard < *version).then_some((*version, desired))
    }

    /// Drops what the watch shows by now, and what is gone.
    fn forget(&mut self, sight: &Sight<'_>) {
        self.by_target.retain(|target, (version, _)| match target {
            Target::Mesh(id) => sight
                .meshes
                .get(id)
                .is_some_and(|mesh| mesh.version < *version),
            Target::Peer(key) => sight
                .peers
                .records
                .get(key)
                .is_some_and(|stored| stored.version.parse().unwrap_or(0_u64) < *version),
        });
    }
}
