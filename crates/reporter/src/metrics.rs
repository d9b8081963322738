//! Metrics of meshes, set from the same report that the statuses are written from.

use kubomesh_core::{
    ConditionKind, FilterStep, LinkState, MemberState, MeshId, NetworkReport, NetworkTrouble,
    OffNetwork, Reason, SteeringState, Timestamp,
};
use kubomesh_telemetry::{
    Counter, Counters, Label, MeshCounters, MeshGauges, MeshHistograms, metrics,
};

use crate::StoreErrorKind;

/// Conditions of a mesh.
pub(crate) const MESH_CONDITIONS: [ConditionKind; 5] = [
    ConditionKind::Accepted,
    ConditionKind::NetworkApplied,
    ConditionKind::Connected,
    ConditionKind::Degraded,
    ConditionKind::Ready,
];

/// From the first report that is not Ready to the one that is: 0.1 s to 10 min.
const CONVERGENCE_BUCKETS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];

const WHAT: &[&str] = &["mesh_status", "peer_status", "record", "event"];

const OUTCOME: &[&str] = &["done", "conflict", "failed"];

const fn condition_label(kind: ConditionKind) -> &'static str {
    match kind {
        ConditionKind::Accepted => "Accepted",
        ConditionKind::NetworkApplied => "NetworkApplied",
        ConditionKind::Connected => "Connected",
        ConditionKind::Degraded => "Degraded",
        _ => "Ready",
    }
}

metrics! {
    /// Metrics of what is reported.
    pub struct ReporterMetrics {
        /// Desired links of a mesh, by state.
        pub links: MeshGauges<Label<LinkState>> = mesh_gauges(
            "kubomesh_links",
            Label::new("state", &LinkState::ALL, LinkState::label)
        ),
        /// Desired links of a mesh that are not healthy, by reason; `/debug/report` names them.
        pub unhealthy_links: MeshGauges<Label<&'static str>> = mesh_gauges(
            "kubomesh_unhealthy_links",
            Label::of_texts("reason", &Reason::LABELS)
        ),
        /// Members of a mesh, those away included, by state. Pods that are none do not count.
        pub members: MeshGauges<Label<MemberState>> = mesh_gauges(
            "kubomesh_members",
            Label::new("state", &MemberState::ALL, MemberState::label)
        ),
        /// Desired links that use another network than the wanted one on purpose, by why. Those that
        /// do so against it are in `kubomesh_unhealthy_links`: `wrong_network`, `extra_connection`.
        pub links_off_network: MeshGauges<Label<OffNetwork>> = mesh_gauges(
            "kubomesh_links_off_network",
            Label::new("why", &OffNetwork::ALL, OffNetwork::label)
        ),
        /// Members on the storage network, by how their connections are kept there.
        pub members_steering: MeshGauges<Label<SteeringState>> = mesh_gauges(
            "kubomesh_members_steering",
            Label::new("state", &SteeringState::ALL, SteeringState::label)
        ),
        /// Dial filters of ours that the records of a mesh hold, by how far they are.
        pub owned_filters: MeshGauges<Label<FilterStep>> = mesh_gauges(
            "kubomesh_owned_filters",
            Label::new("step", &FilterStep::ALL, FilterStep::label)
        ),
        /// Age of the oldest dial filter of ours that is not to stay, at a node whose pod lives; 0
        /// without one.
        pub passing_filter_age: MeshGauges<()> = mesh_gauges("kubomesh_passing_filter_age_seconds", ()),
        /// 1 while that is wrong with the network that the links of a mesh are to use.
        pub network_trouble: MeshGauges<Label<NetworkTrouble>> = mesh_gauges(
            "kubomesh_network_trouble",
            Label::new("trouble", &NetworkTrouble::ALL, NetworkTrouble::label)
        ),
        /// 1 while a condition of the mesh is True, 0 while it is False or Unknown.
        pub conditions: MeshGauges<Label<ConditionKind>> = mesh_gauges(
            "kubomesh_mesh_condition",
            Label::new("condition", &MESH_CONDITIONS, condition_label)
        ),
        /// Peering entries, retired identities and records that would go were it not for doubt.
        pub removals_held: MeshGauges<()> = mesh_gauges("kubomesh_removals_held", ()),
        /// Time from the first report that was not Ready to the one that was again.
        pub convergence: MeshHistograms<()> =
            mesh_histograms("kubomesh_convergence_seconds", CONVERGENCE_BUCKETS, ()),
        /// Retired identities dropped after their time although unreachable nodes may hold an entry.
        pub retired_expired: MeshCounters<()> = mesh_counters("kubomesh_retired_expired_total", ()),
        /// Members whose dial filters were to be given back and are remembered no longer.
        pub filters_lost: MeshCounters<()> = mesh_counters("kubomesh_filters_lost_total", ()),
        /// Writes of records (with a members file: into the state directory), statuses and events, by
        /// what and outcome. A conflict is planned again.
        pub writes: Counters<(Label<&'static str>, Label<&'static str>)> = counters(
            "kubomesh_object_writes_total",
            (Label::of_texts("what", WHAT), Label::of_texts("outcome", OUTCOME))
        ),
        /// Events that were left out because too many waited.
        pub events_dropped: Counter = counter("kubomesh_events_dropped_total"),
    }
}

impl ReporterMetrics {
    /// Sets what is said of the network of a mesh.
    pub(crate) fn take_network(&self, id: &MeshId, network: &NetworkReport, at: Timestamp) {
        let (namespace, mesh) = (&*id.namespace, &*id.name);
        for trouble in NetworkTrouble::ALL {
            let is = network.troubles.contains(&trouble);
            let gauge = self.network_trouble.get(namespace, mesh, trouble);
            gauge.set_bool(is);
        }
        for step in FilterStep::ALL {
            let count = network.owned_filters.get(&step).copied();
            let gauge = self.owned_filters.get(namespace, mesh, step);
            gauge.set_count(count.unwrap_or_default());
        }
        let age = network.passing_since.map(|since| at.since(since));
        let gauge = self.passing_filter_age.get(namespace, mesh, ());
        gauge.set_count(age.map_or(0, |age| age.as_secs()));
    }

    /// Counts the write of a record.
    pub(crate) fn stored(&self, failure: Option<StoreErrorKind>) {
        let outcome = match failure {
            None => "done",
            Some(StoreErrorKind::Fenced | StoreErrorKind::Conflict) => "conflict",
            Some(_) => "failed",
        };
        self.writes.get(("record", outcome)).inc();
    }
}
