//! The permissions, each with its reason. `cargo xtask tidy` holds the manifests against this table.

/// One permission.
struct Permission {
    role: &'static str,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [(&'static str, &'static str)],
}

/// All of them, as in `manifests/`.
const PERMISSIONS: &[Permission] = &[
    Permission {
        role: "ClusterRole kubomesh",
        group: "",
        resource: "pods",
        verbs: &[
            (
                "list",
                "the members of every mesh, at the start and every 10 minutes",
            ),
            ("watch", "members that come, go, become ready or restart"),
        ],
    },
    Permission {
        role: "ClusterRole kubomesh",
        group: "",
        resource: "nodes",
        verbs: &[
            (
                "list",
                "the zone of each member: `topology.kubernetes.io/zone` of its node",
            ),
            ("watch", "zones of nodes that come later"),
        ],
    },
    Permission {
        role: "ClusterRole kubomesh",
        group: "kubomesh.dev",
        resource: "swarmmeshes",
        verbs: &[("list", "the policies"), ("watch", "policies that change")],
    },
    Permission {
        role: "ClusterRole kubomesh",
        group: "kubomesh.dev",
        resource: "swarmmeshes/status",
        verbs: &[("patch", "the status of a mesh")],
    },
    Permission {
        role: "ClusterRole kubomesh",
        group: "kubomesh.dev",
        resource: "swarmpeers",
        verbs: &[
            (
                "list",
                "the records, at the start and every 10 minutes; one of them after a conflict",
            ),
            ("watch", "records that somebody else changed or deleted"),
            ("create", "the record of a new member"),
            ("patch", "a record before the calls that it covers"),
            ("delete", "the record of a member that is gone and unlinked"),
        ],
    },
    Permission {
        role: "ClusterRole kubomesh",
        group: "kubomesh.dev",
        resource: "swarmpeers/status",
        verbs: &[("patch", "the status of a member")],
    },
    Permission {
        role: "ClusterRole kubomesh",
        group: "events.k8s.io",
        resource: "events",
        verbs: &[("create", "events on transitions")],
    },
    Permission {
        role: "Role kubomesh-lease",
        group: "coordination.k8s.io",
        resource: "leases",
        verbs: &[
            ("create", "the lease, once"),
            ("get", "who holds it"),
            ("update", "taking, renewing and giving it back"),
        ],
    },
    Permission {
        role: "Role kubomesh-secrets (component, in a mesh's namespace)",
        group: "",
        resource: "secrets",
        verbs: &[(
            "get",
            "the RPC token that `spec.peers.rpc.authSecretRef` names",
        )],
    },
    Permission {
        role: "ClusterRole kubomesh-storage-network (component)",
        group: "k8s.cni.cncf.io",
        resource: "network-attachment-definitions",
        verbs: &[
            (
                "list",
                "the storage network that `spec.network.attachment` names: its ranges",
            ),
            ("watch", "edits of it, which are reported as drift"),
        ],
    },
    Permission {
        role: "ClusterRole kubomesh-webhook (component)",
        group: "kubomesh.dev",
        resource: "swarmmeshes",
        verbs: &[
            ("list", "which mesh a new pod belongs to"),
            ("watch", "meshes that change"),
        ],
    },
    Permission {
        role: "ClusterRole kubomesh-webhook (component)",
        group: "kubomesh.dev",
        resource: "swarmpeers",
        verbs: &[(
            "list",
            "whether a storage network overlaps the addresses of a mesh's pods",
        )],
    },
    Permission {
        role: "ClusterRole kubomesh-webhook (component)",
        group: "k8s.cni.cncf.io",
        resource: "network-attachment-definitions",
        verbs: &[(
            "get",
            "whether the network that `spec.network.attachment` names exists and can be read",
        )],
    },
    Permission {
        role: "ClusterRole kubomesh-webhook (component, the one name kubomesh-agent-tls)",
        group: "",
        resource: "secrets",
        verbs: &[(
            "get",
            "whether the agents of a namespace have a certificate; only the metadata is asked for",
        )],
    },
    Permission {
        role: "ClusterRole kubomesh-webhook (component)",
        group: "events.k8s.io",
        resource: "events",
        verbs: &[("create", "why a pod was admitted without what it asked for")],
    },
    Permission {
        role: "ClusterRole kubomesh-webhook-authorities (component, one name)",
        group: "admissionregistration.k8s.io",
        resource: "mutatingwebhookconfigurations",
        verbs: CA_BUNDLE,
    },
    Permission {
        role: "ClusterRole kubomesh-webhook-authorities (component, one name)",
        group: "admissionregistration.k8s.io",
        resource: "validatingwebhookconfigurations",
        verbs: CA_BUNDLE,
    },
    Permission {
        role: "Role kubomesh-webhook-certificate (component, one name)",
        group: "",
        resource: "secrets",
        verbs: &[
            ("get", "the certificate that the webhook made for itself"),
            ("update", "its rotation"),
        ],
    },
    Permission {
        role: "Role kubomesh-webhook-certificate (component)",
        group: "coordination.k8s.io",
        resource: "leases",
        verbs: &[
            ("create", "the lease of who rotates, once"),
            ("get", "who holds it"),
            ("update", "taking, renewing and giving it back"),
        ],
    },
];

/// What the webhook does to a configuration of its own.
const CA_BUNDLE: &[(&str, &str)] = &[
    ("get", "which authorities the API servers believe"),
    ("update", "its `caBundle`, when the certificate is rotated"),
];

/// The page `docs/rbac.md`.
pub(super) fn page() -> String {
    let mut page = String::from(
        "# Permissions\n\nEvery verb that the controller and the webhook ask for, and why. Generated by `kubomesh gen rbac`; \
         `cargo xtask tidy` holds `manifests/` against it, and the lab's scenario \
         `rbac_is_enough_and_each_verb_is_needed` takes each of the controller's away in turn.\n\n\
         | role | API group | resource | verb | reason |\n|---|---|---|---|---|\n",
    );
    for Permission {
        role,
        group,
        resource,
        verbs,
    } in PERMISSIONS
    {
        let group = if group.is_empty() { "core" } else { group };
        for (verb, reason) in *verbs {
            page.push_str(&format!(
                "| {role} | {group} | {resource} | {verb} | {reason} |\n"
            ));
        }
    }
    page
}
