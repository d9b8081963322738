//! The reporter: watches the news, sets metrics, logs transitions, and in a cluster writes statuses
//! and events.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kubomesh_api::{GROUP, StoredMeshes, StoredRecords, VERSION};
use kubomesh_core::{
    Condition, ConditionKind, Fence, LinkCounts, LinkReport, LinkState, MemberName, MemberReport,
    MemberState, MeshId, NetworkReport, OffNetwork, Reason, ReasonCode, Report, Status,
    SteeringState, Timestamp,
};
use kubomesh_process::Clock;
use tokio::sync::watch;

use crate::convergence::converged;
use crate::events::{Events, Transition};
use crate::member_log::MemberLog;
use crate::metrics::MESH_CONDITIONS;
use crate::status::{Shared, StatusTimings, StatusWriter};
use crate::{News, ReporterMetrics, Verdict};

#[cfg(test)]
mod tests;

/// What the reporter writes to in Kubernetes.
#[derive(Clone)]
pub struct Cluster {
    /// The API server.
    pub client: Client,
    /// The meshes' statuses as discovery hears of them.
    pub meshes: watch::Receiver<Arc<StoredMeshes>>,
    /// The records' statuses as discovery hears of them.
    pub peers: watch::Receiver<Arc<StoredRecords>>,
    /// Whether this process may write.
    pub fence: Arc<dyn Fence>,
    /// Name of this replica, in events.
    pub instance: String,
    /// How often counts are written.
    pub timings: StatusTimings,
}

/// Tells what the loops find.
pub struct Reporter {
    news: watch::Receiver<Arc<News>>,
    clock: Clock,
    metrics: ReporterMetrics,
    cluster: Option<Cluster>,
}

/// What is remembered of a mesh between two readings.
#[derive(Default)]
struct Seen {
    conditions: BTreeMap<ConditionKind, (Status, ReasonCode)>,
    expired_at: Timestamp,
    members: MemberLog,
}

/// Sets metrics and logs transitions.
struct Observer {
    metrics: ReporterMetrics,
    convergences: Shared,
    events: Option<Events>,
    seen: BTreeMap<MeshId, Seen>,
}

// === impl Reporter ===

impl Reporter {
    /// A reporter of these news; without a cluster it only sets metrics and logs.
    #[must_use]
    pub fn new(
        news: watch::Receiver<Arc<News>>,
        clock: Clock,
        metrics: ReporterMetrics,
        cluster: Option<Cluster>,
    ) -> Self {
        Self {
            news,
            clock,
            metrics,
            cluster,
        }
    }

    /// Runs until it is dropped. Nothing waits for it.
    pub async fn run(self) {
        let Self {
            news,
            clock,
            metrics,
            cluster,
        } = self;
        let now = || Box::new(move || clock.now());
        let convergences = Shared::default();
        let observer = |events| Observer {
            metrics: metrics.clone(),
            convergences: convergences.clone(),
            events,
            seen: BTreeMap::new(),
        };
        let Some(cluster) = cluster else {
            return observer(None).run(news).await;
        };
        let (events, event_writer) = Events::new(
            cluster.client.clone(),
            Arc::clone(&cluster.fence),
            cluster.instance.clone(),
            now(),
            metrics.clone(),
        );
        let observing = observer(Some(events.clone())).run(news.clone());
        let writer = StatusWriter::new(
            cluster,
            now(),
            metrics.clone(),
            convergences.clone(),
            events,
        );
        tokio::join!(observing, writer.run(news), event_writer.run());
    }
}

// === impl Observer ===

impl Observer {
    async fn run(mut self, mut news: watch::Receiver<Arc<News>>) {
        loop {
            let latest = Arc::clone(&news.borrow_and_update());
            self.take(&latest);
            if news.changed().await.is_err() {
                // The loops have ended; what they found last stands.
                std::future::pending::<()>().await;
            }
        }
    }

    fn take(&mut self, news: &News) {
        self.seen.retain(|mesh, _| news.meshes.contains_key(mesh));
        self.convergences
            .lock()
            .keep(|mesh| news.meshes.contains_key(mesh));
        for (id, mesh) in &news.meshes {
            match &mesh.verdict {
                Verdict::Planned(report) => self.take_report(id, report),
                Verdict::Refused(condition) => {
                    self.take_conditions(id, &kubomesh_api::refused_conditions(condition));
                }
                Verdict::Waiting => self.hush(id),
            }
        }
    }

    /// The loop of a mesh told something and does not any more, such as when the lease was lost:
    /// nothing stands that it told.
    fn hush(&mut self, id: &MeshId) {
        let Some(seen) = self.seen.remove(id) else {
            return;
        };
        let (namespace, mesh) = (&*id.namespace, &*id.name);
        self.take_links(namespace, mesh, LinkCounts::default(), &[]);
        self.take_members(namespace, mesh, &BTreeMap::new());
        self.metrics
            .take_network(id, &NetworkReport::default(), Timestamp::default());
        self.metrics
            .removals_held
            .get(namespace, mesh, ())
            .set_count(0);
        for kind in seen.conditions.into_keys() {
            self.metrics
                .conditions
                .get(namespace, mesh, kind)
                .set_bool(false);
        }
    }

    fn take_report(&mut self, id: &MeshId, report: &Report) {
        let (namespace, mesh) = (&*id.namespace, &*id.name);
        self.take_links(namespace, mesh, report.counts, &report.links);
        self.take_members(namespace, mesh, &report.members);
        self.metrics.take_network(id, &report.network, report.at);
        self.metrics
            .removals_held
            .get(namespace, mesh, ())
            .set_count(report.removals_held);
        if let Some(convergence) = self.convergences.lock().take(report) {
            self.metrics
                .convergence
                .get(namespace, mesh, ())
                .observe(convergence.seconds);
            let LinkCounts {
                healthy, desired, ..
            } = report.counts;
            let said = converged(report.counts);
            tracing::info!(mesh = %id, seconds = convergence.seconds, healthy, desired, "{said}");
        }
        self.take_conditions(id, &report.conditions);
        self.take_expired(id, report);
        // In a cluster the members' own conditions and events tell it.
        if self.events.is_none() {
            let seen = self.seen.entry(id.clone()).or_default();
            for line in seen.members.take(report) {
                line.log(id);
            }
        }
    }

    fn take_links(&self, namespace: &str, mesh: &str, counts: LinkCounts, links: &[LinkReport]) {
        for (state, count) in [
            (LinkState::Healthy, counts.healthy),
            (LinkState::Degraded, counts.degraded),
            (LinkState::Missing, counts.missing),
            (LinkState::Unknown, counts.unknown),
        ] {
            self.metrics
                .links
                .get(namespace, mesh, state)
                .set_count(count);
        }
        for why in OffNetwork::ALL {
            let off = links.iter().filter(|link| link.off_network == Some(why));
            self.metrics
                .links_off_network
                .get(namespace, mesh, why)
                .set_count(off.count() as u64);
        }
        let mut reasons = BTreeMap::from(Reason::LABELS.map(|reason| (reason, 0)));
        let unhealthy = links.iter().filter(|link| link.state != LinkState::Healthy);
        for reason in unhealthy.filter_map(|link| link.reason.as_ref()) {
            *reasons.entry(reason.label()).or_default() += 1;
        }
        for (reason, count) in reasons {
            self.metrics
                .unhealthy_links
                .get(namespace, mesh, reason)
                .set_count(count);
        }
    }

    fn take_members(
        &self,
        namespace: &str,
        mesh: &str,
        members: &BTreeMap<MemberName, MemberReport>,
    ) {
        for state in MemberState::ALL {
            let count = members
                .values()
                .filter(|member| member.state == state)
                .count();
            self.metrics
                .members
                .get(namespace, mesh, state)
                .set_count(count as u64);
        }
        for state in SteeringState::ALL {
            let kept = members.values();
            let kept = kept.filter(|member| member.steering == Some(state));
            self.metrics
                .members_steering
                .get(namespace, mesh, state)
                .set_count(kept.count() as u64);
        }
    }

    /// Sets the conditions' gauges, and logs those whose status changed.
    fn take_conditions(&mut self, id: &MeshId, conditions: &[Condition]) {
        let seen = self.seen.entry(id.clone()).or_default();
        for condition in conditions
            .iter()
            .filter(|c| MESH_CONDITIONS.contains(&c.kind))
        {
            let Condition {
                kind,
                status,
                reason,
                message,
            } = condition;
            self.metrics
                .conditions
                .get(&id.namespace, &id.name, *kind)
                .set_bool(*status == Status::True);
            let before = seen.conditions.insert(*kind, (*status, *reason));
            if before != Some((*status, *reason)) {
                let said = if message.is_empty() {
                    "as wanted"
                } else {
                    message
                };
                if is_bad(condition) {
                    tracing::warn!(mesh = %id, condition = %kind, %status, %reason, "{said}");
                } else {
                    tracing::info!(mesh = %id, condition = %kind, %status, %reason, "{said}");
                }
            }
        }
    }

    /// What was given up: retired identities that some nodes may still hold, and filters that were to
    /// be given back.
    fn take_expired(&mut self, id: &MeshId, report: &Report) {
        let seen = self.seen.entry(id.clone()).or_default();
        let given_up = !report.retired_expired.is_empty() || !report.filters_lost.is_empty();
        if !given_up || seen.expired_at == report.at {
            return;
        }
        seen.expired_at = report.at;
        let count = report.retired_expired.len();
        self.metrics
            .retired_expired
            .get(&id.namespace, &id.name, ())
            .add(count as u64);
        for peer in &report.retired_expired {
            let note = format!(
                "the retired identity {peer} is given up after its time although nodes that cannot \
                 be reached may still hold an entry for it"
            );
            self.warn(
                id,
                ReasonCode::RetiredExpired,
                format!("Retire {peer}"),
                note,
            );
        }
        let count = report.filters_lost.len();
        self.metrics
            .filters_lost
            .get(&id.namespace, &id.name, ())
            .add(count as u64);
        for lost in &report.filters_lost {
            let action = format!("Forget {}", lost.member);
            self.warn(id, ReasonCode::FiltersLost, action, lost.to_string());
        }
    }

    /// A line of the log and an event about something that is seen in one report only.
    fn warn(&self, id: &MeshId, reason: ReasonCode, action: String, note: String) {
        tracing::warn!(mesh = %id, "{note}");
        if let Some(events) = &self.events {
            let transition = Transition {
                action,
                warning: true,
                reason: reason.to_string(),
                note,
            };
            events.say(regarding(id), transition);
        }
    }
}

/// Whether a status of a mesh's condition is trouble. What was not asked yet is none, nor is what a
/// policy of mode Release asks for.
fn is_bad(condition: &Condition) -> bool {
    let bad = match condition.kind {
        ConditionKind::Degraded => Status::True,
        _ => Status::False,
    };
    let meant = [ReasonCode::NotAsked, ReasonCode::Releasing].contains(&condition.reason);
    condition.status == bad && !meant
}

fn regarding(id: &MeshId) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{GROUP}/{VERSION}")),
        kind: Some("SwarmMesh".into()),
        name: Some(id.name.to_string()),
        namespace: Some(id.namespace.to_string()),
        uid: Some(id.uid.to_string()),
        ..ObjectReference::default()
    }
}
