//! What each program's service account may do: what the manifests grant it, and nothing else.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Account {
    /// The controller.
    #[default]
    Controller,
    /// The admission webhook.
    Webhook,
}

/// Where the controller's grants stand.
const CONTROLLER: [&str; 3] = [
    include_str!("../../../../manifests/base/rbac.yaml"),
    include_str!("../../../../manifests/components/mesh-secrets/role.yaml"),
    include_str!("../../../../manifests/components/storage-network/role.yaml"),
];

/// Where the webhook's grants stand.
const WEBHOOK: [&str; 2] = [
    include_str!("../../../../manifests/components/webhook/rbac.yaml"),
    include_str!("../../../../manifests/components/webhook-self-signed/rbac.yaml"),
];

/// `(resource, verb)`, wherever it is granted: namespaces and names are not looked at.
type Grants = BTreeSet<(String, String)>;

static OF_CONTROLLER: LazyLock<Grants> = LazyLock::new(|| granted(&CONTROLLER));

static OF_WEBHOOK: LazyLock<Grants> = LazyLock::new(|| granted(&WEBHOOK));

/// A role; of any other object no rules are read.
#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    resources: Vec<String>,
    verbs: Vec<String>,
}

/// Whether a verb on a resource, or `resource/subresource`, is granted.
pub(super) fn may(account: Account, verb: &str, resource: &str) -> bool {
    let granted = match account {
        Account::Controller => &OF_CONTROLLER,
        Account::Webhook => &OF_WEBHOOK,
    };
    granted.contains(&(resource.to_owned(), verb.to_owned()))
}

fn granted(manifests: &[&str]) -> Grants {
    // What does not parse grants nothing, and every test says so.
    let objects = manifests
        .iter()
        .flat_map(|text| serde_saphyr::from_multiple::<Object>(text).unwrap_or_default());
    let rules = objects.flat_map(|object| object.rules);
    rules
        .flat_map(|Rule { resources, verbs }| {
            let each = move |resource: String| {
                let with = verbs.clone().into_iter();
                with.map(move |verb| (resource.clone(), verb))
            };
            resources.into_iter().flat_map(each)
        })
        .collect()
}
