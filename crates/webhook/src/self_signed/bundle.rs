//! The authorities that the API servers believe: `caBundle` of the two webhook configurations.

use k8s_openapi::ByteString;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::{Client, Error};
use serde_json::Value;

/// Both kinds of configuration.
const KINDS: [(&str, &str); 2] = [
    (
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    ),
    (
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    ),
];

/// The two configurations of one name.
pub(super) struct Bundles {
    client: Client,
    name: String,
}

// === impl Bundles ===

impl Bundles {
    /// Of this name.
    pub(super) fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// Has every webhook of both believe these authorities. Whether anything was to be written.
    ///
    /// # Errors
    /// When one cannot be read or written. Whatever else is in them is kept, fields of later versions
    /// too; a version that is not the present one is refused by the API server.
    pub(super) async fn set(&self, bundle: &str) -> Result<bool, Error> {
        let wanted = serde_json::to_value(ByteString(bundle.as_bytes().to_vec()));
        let wanted = wanted.map_err(Error::SerdeError)?;
        let mut written = false;
        for (kind, plural) in KINDS {
            let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
            let kind = ApiResource::from_gvk_with_plural(&kind, plural);
            let api = Api::<DynamicObject>::all_with(self.client.clone(), &kind);
            let mut object = api.get(&self.name).await?;
            if believes(&mut object.data, &wanted) {
                api.replace(&self.name, &PostParams::default(), &object)
                    .await?;
                written = true;
            }
        }
        Ok(written)
    }
}

/// Sets the bundle of every webhook; whether one had another.
fn believes(configuration: &mut Value, wanted: &Value) -> bool {
    let webhooks = configuration.get_mut("webhooks");
    let webhooks = webhooks.and_then(Value::as_array_mut);
    let mut changed = false;
    for webhook in webhooks.into_iter().flatten() {
        let config = &mut webhook["clientConfig"];
        if config["caBundle"] != *wanted {
            config["caBundle"] = wanted.clone();
            changed = true;
        }
    }
    changed
}
