//! The parts of `cargo xtask test`, in the order in which they run: quick ones first.

use super::{Need, Part, alerts, benches, cargo, demo, go, lab, sim};
use crate::e2e;

/// Every part.
pub(super) const ALL: &[Part] = &[
    Part {
        name: "cargo",
        needs: &[],
        subject: |_| true,
        run: cargo::run,
    },
    Part {
        name: "sim",
        needs: &[],
        subject: sim::is_there,
        run: sim::run,
    },
    Part {
        name: "benches",
        needs: &[],
        subject: benches::is_there,
        run: benches::smoke,
    },
    Part {
        name: "demo-on-fakes",
        needs: &[],
        subject: demo::is_there,
        run: demo::on_fakes,
    },
    Part {
        name: "demo",
        needs: &[Need::Go],
        subject: demo::is_there,
        run: demo::on_nodes,
    },
    Part {
        name: "swarmnode",
        needs: &[Need::Go],
        subject: |project| project.path(go::SWARMNODE).join("go.mod").is_file(),
        run: go::swarmnode,
    },
    Part {
        name: "manifests",
        needs: &[Need::Go],
        subject: lab::has_manifests,
        run: lab::manifests,
    },
    Part {
        name: "alerts",
        needs: &[Need::Go],
        subject: alerts::is_there,
        run: alerts::run,
    },
    Part {
        name: "scenarios",
        needs: &[Need::Go, Need::Namespaces],
        subject: e2e::is_there,
        run: lab::scenarios,
    },
];
