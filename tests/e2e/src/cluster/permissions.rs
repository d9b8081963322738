//! What the controller may do, and taking one verb of it away.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::Cluster;
use super::install::{CONTROLLER_ACCOUNT, CONTROLLER_NAMESPACE};
use crate::wait::until;

/// How long a changed role may take to count.
const COUNTS: Duration = Duration::from_secs(5);

/// One verb on one resource, as a rule of a role gives it.
#[derive(Debug)]
pub(crate) struct Permission {
    /// The role's namespace; `None` for a cluster role.
    namespace: Option<String>,
    role: String,
    /// All rules of the role.
    rules: Vec<Value>,
    /// Which of them gives it.
    rule: usize,
    /// Such as `pods` or `swarmpeers/status`.
    pub(crate) resource: String,
    /// Such as `list`.
    pub(crate) verb: String,
}

// === impl Cluster ===

impl Cluster {
    /// Every verb that a role gives on every resource. Without a namespace it is a cluster role.
    pub(crate) async fn permissions(
        &self,
        namespace: Option<&str>,
        role: &str,
    ) -> Result<Vec<Permission>> {
        let object = self.roles(namespace).get(role).await;
        let object = object.with_context(|| format!("role {role}"))?;
        let rules = object.data["rules"].as_array().context("no rules")?;
        let mut all = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for (resource, verb) in pairs(rule) {
                all.push(Permission {
                    namespace: namespace.map(str::to_owned),
                    role: role.to_owned(),
                    rules: rules.clone(),
                    rule: index,
                    resource,
                    verb,
                });
            }
        }
        Ok(all)
    }

    /// Takes a permission away; it counts when this returns.
    pub(crate) async fn revoke(&self, permission: &Permission) -> Result<()> {
        let mut rules = permission.rules.clone();
        let rule = &mut rules[permission.rule];
        let resources = rule["resources"].as_array().map_or(0, Vec::len);
        ensure!(resources == 1, "a rule about several resources: {rule}");
        let verbs = rule["verbs"].as_array_mut().context("no verbs")?;
        verbs.retain(|verb| *verb != *permission.verb);
        if verbs.is_empty() {
            rules.remove(permission.rule);
        }
        self.write_rules(permission, &rules, false).await
    }

    /// Gives it back; it counts when this returns.
    pub(crate) async fn grant(&self, permission: &Permission) -> Result<()> {
        self.write_rules(permission, &permission.rules, true).await
    }

    async fn write_rules(
        &self,
        permission: &Permission,
        rules: &[Value],
        allowed: bool,
    ) -> Result<()> {
        let roles = self.roles(permission.namespace.as_deref());
        let patch = Patch::Merge(json!({"rules": rules}));
        roles
            .patch(&permission.role, &PatchParams::default(), &patch)
            .await?;
        let Permission { resource, verb, .. } = permission;
        let what = format!("the permission to {verb} {resource} is {allowed}");
        until(&what, COUNTS, async || {
            ensure!(self.may(permission).await? == allowed, "not yet");
            Ok(())
        })
        .await
    }

    /// What the API server says of the controller's account.
    async fn may(&self, permission: &Permission) -> Result<bool> {
        let rule = &permission.rules[permission.rule];
        let (resource, part) = match permission.resource.split_once('/') {
            Some((resource, part)) => (resource, part),
            None => (permission.resource.as_str(), ""),
        };
        let review: SubjectAccessReview = serde_json::from_value(json!({"spec": {
            "user": format!("system:serviceaccount:{CONTROLLER_NAMESPACE}:{CONTROLLER_ACCOUNT}"),
            "resourceAttributes": {
                "namespace": permission.namespace.as_deref().unwrap_or_default(),
                "group": rule["apiGroups"][0],
                "resource": resource,
                "subresource": part,
                "name": rule["resourceNames"][0].as_str().unwrap_or_default(),
                "verb": permission.verb,
            },
        }}))?;
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    fn roles(&self, namespace: Option<&str>) -> Api<DynamicObject> {
        let of = |kind, plural| {
            let kind = GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind);
            ApiResource::from_gvk_with_plural(&kind, plural)
        };
        match namespace {
            None => Api::all_with(self.client.clone(), &of("ClusterRole", "clusterroles")),
            Some(namespace) => {
                let roles = of("Role", "roles");
                Api::namespaced_with(self.client.clone(), namespace, &roles)
            }
        }
    }
}

/// Resources and verbs of a rule, each with each.
fn pairs(rule: &Value) -> Vec<(String, String)> {
    let texts = |key: &str| {
        let list = rule[key].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned)
    };
    texts("resources")
        .flat_map(|resource| texts("verbs").map(move |verb| (resource.clone(), verb)))
        .collect()
}
