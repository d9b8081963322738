//! The table itself.

/// Where a room stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// A room of the product: it uses rooms of lower numbers.
    Product(u8),
    /// A room for tests: it uses the rooms that it names.
    Aside(&'static [&'static str]),
}

/// A crate that a room never imports.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ban {
    /// Not in its own Cargo.toml.
    Direct(&'static str),
    /// Not by way of others either.
    Anywhere(&'static str),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Room {
    /// The package's name without `kubomesh-`.
    pub(crate) name: &'static str,
    /// Where it stands.
    pub(crate) layer: Layer,
    /// What it never imports.
    pub(crate) never: &'static [Ban],
}

use Ban::{Anywhere, Direct};
use Layer::{Aside, Product};

/// Rooms that dev-dependencies may use whatever their layer: those for tests, and the agent, which runs
/// beside fakes in the tests of whoever talks to it.
pub(crate) const FOR_TESTS: [&str; 4] = ["model", "testkit", "sim", "agent"];

/// The table of ARCHITECTURE.md. `anyhow` is for programs and tests; a library has error types.
pub(crate) const ROOMS: &[Room] = &[
    Room {
        name: "core",
        layer: Product(0),
        never: &[
            Anywhere("tokio"),
            Anywhere("kube"),
            Anywhere("axum"),
            Anywhere("prometheus"),
            Direct("anyhow"),
        ],
    },
    Room {
        name: "planner",
        layer: Product(1),
        never: &[
            Anywhere("tokio"),
            Anywhere("futures"),
            Anywhere("kube"),
            Direct("anyhow"),
        ],
    },
    Room {
        name: "conn",
        layer: Product(1),
        never: &[Anywhere("kube"), Anywhere("axum"), Direct("anyhow")],
    },
    Room {
        name: "multus",
        layer: Product(1),
        never: &[Anywhere("tokio"), Direct("anyhow")],
    },
    Room {
        name: "api",
        layer: Product(1),
        never: &[Direct("tokio"), Direct("anyhow")],
    },
    Room {
        name: "telemetry",
        layer: Product(1),
        never: &[Anywhere("kube"), Direct("anyhow")],
    },
    Room {
        name: "process",
        layer: Product(1),
        never: &[Anywhere("kube"), Direct("anyhow")],
    },
    Room {
        name: "kubo",
        layer: Product(2),
        never: &[Anywhere("kube"), Anywhere("axum"), Direct("anyhow")],
    },
    Room {
        name: "agent-api",
        layer: Product(2),
        never: &[Anywhere("kube"), Direct("anyhow")],
    },
    Room {
        name: "relay-api",
        layer: Product(2),
        never: &[Anywhere("kube"), Direct("anyhow")],
    },
    Room {
        name: "cluster",
        layer: Product(2),
        never: &[Anywhere("kube"), Direct("anyhow")],
    },
    Room {
        name: "discovery",
        layer: Product(3),
        never: &[
            Anywhere("kubomesh-planner"),
            Anywhere("kubomesh-executor"),
            Direct("anyhow"),
        ],
    },
    Room {
        name: "executor",
        layer: Product(3),
        never: &[
            Anywhere("kube"),
            Anywhere("kubomesh-planner"),
            Direct("anyhow"),
        ],
    },
    Room {
        name: "reporter",
        layer: Product(3),
        never: &[Anywhere("kubomesh-planner"), Direct("anyhow")],
    },
    Room {
        name: "lease",
        layer: Product(3),
        never: &[Anywhere("kubomesh-planner"), Direct("anyhow")],
    },
    Room {
        name: "server",
        layer: Product(3),
        never: &[
            Anywhere("kube"),
            Anywhere("kubomesh-executor"),
            Direct("anyhow"),
        ],
    },
    Room {
        name: "controller",
        layer: Product(4),
        never: &[],
    },
    Room {
        name: "agent",
        layer: Product(4),
        never: &[Anywhere("kubomesh-planner"), Anywhere("kubomesh-executor")],
    },
    Room {
        name: "relay",
        layer: Product(4),
        never: &[Anywhere("kubomesh-planner"), Anywhere("kubomesh-executor")],
    },
    Room {
        name: "webhook",
        layer: Product(4),
        never: &[Anywhere("kubomesh-planner"), Anywhere("kubomesh-executor")],
    },
    Room {
        name: "model",
        layer: Aside(&["core"]),
        never: &[Anywhere("tokio"), Anywhere("kube")],
    },
    Room {
        name: "testkit",
        layer: Aside(&["core", "api", "model"]),
        never: &[],
    },
    Room {
        name: "sim",
        layer: Aside(&["core", "planner", "model"]),
        never: &[Anywhere("tokio"), Anywhere("kube")],
    },
    Room {
        name: "e2e",
        layer: Aside(&["agent-api", "model", "testkit"]),
        never: &[],
    },
    Room {
        name: "bench",
        layer: Aside(&[
            "core",
            "conn",
            "kubo",
            "planner",
            "model",
            "testkit",
            "agent",
            "agent-api",
        ]),
        never: &[],
    },
    Room {
        name: "xtask",
        layer: Aside(&[]),
        never: &[],
    },
];

/// The room of a package.
pub(crate) fn room_of(package: &str) -> Option<&'static Room> {
    let name = package.strip_prefix("kubomesh-").unwrap_or(package);
    ROOMS.iter().find(|room| room.name == name)
}

// === impl Room ===

impl Room {
    pub(crate) fn may_use(&self, other: &Self) -> bool {
        match (self.layer, other.layer) {
            (Product(own), Product(others)) => others < own,
            (Product(_), Aside(_)) => false,
            (Aside(allowed), _) => allowed.contains(&other.name),
        }
    }

    /// The layer's number; a room for tests has none.
    pub(crate) fn layer_name(&self) -> Option<String> {
        match self.layer {
            Product(layer) => Some(layer.to_string()),
            Aside(_) => None,
        }
    }

    pub(crate) fn rule(&self) -> String {
        match self.layer {
            Product(layer) => format!("and a room of layer {layer} uses lower layers only"),
            Aside([]) => "and it uses no other room".to_owned(),
            Aside(allowed) => format!("and it uses only {}", allowed.join(", ")),
        }
    }
}

// === impl Ban ===

impl Ban {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Direct(name) | Anywhere(name) => name,
        }
    }
}
