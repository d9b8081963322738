//! What the controller's service account may do: what the manifests grant it, and nothing else.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

/// Where the grants stand.
const MANIFESTS: [&str; 2] = [
    include_str!("../../../../manifests/base/rbac.yaml"),
    include_str!("../../../../manifests/components/mesh-secrets/role.yaml"),
];

/// `(resource, verb)`, wherever it is granted: namespaces and names are not looked at.
static GRANTED: LazyLock<BTreeSet<(String, String)>> = LazyLock::new(granted);

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
pub(super) fn may(verb: &str, resource: &str) -> bool {
    GRANTED.contains(&(resource.to_owned(), verb.to_owned()))
}

fn granted() -> BTreeSet<(String, String)> {
    // What does not parse grants nothing, and every test says so.
    let objects = MANIFESTS
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
