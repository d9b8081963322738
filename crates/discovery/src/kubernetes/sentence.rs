//! What an API server's refusal means and what is to be done, in one sentence.

use kube::Error;

use super::WatchKind;

/// A failed list or watch as a sentence. `scope` is where: `in all namespaces`, `in namespace apps`.
pub(super) fn sentence(kind: WatchKind, verb: &str, scope: &str, error: &Error) -> String {
    let plural = kind.label();
    let group = kind.group();
    let resource = if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    };
    let of_multus = kind == WatchKind::Attachments;
    match error {
        Error::Api(status) if status.code == 403 && of_multus => format!(
            "the controller may not {verb} {resource} {scope}: add manifests/components/storage-network \
             to the kustomization"
        ),
        Error::Api(status) if status.code == 404 && of_multus => format!(
            "Multus' CustomResourceDefinition {resource} is not installed: install Multus, or set \
             spec.network.attachment to \"\""
        ),
        Error::Api(status) if status.code == 403 => format!(
            "the controller may not {verb} {resource} {scope}: grant its service account the verb \
             `{verb}` on them, as manifests/base/rbac.yaml does"
        ),
        Error::Api(status) if status.code == 401 => format!(
            "the API server does not accept the controller's token ({verb} {resource}): check its \
             service account"
        ),
        Error::Api(status) if status.code == 404 && !group.is_empty() => format!(
            "the API server does not know {resource}: install the CRDs with `kubomesh gen crds | \
             kubectl apply --server-side -f -`"
        ),
        Error::Api(status) => {
            format!(
                "cannot {verb} {resource} {scope}: {} ({})",
                status.message, status.code
            )
        }
        other => format!("cannot {verb} {resource} {scope}: {}", chain(other)),
    }
}

/// An error with its causes: the outermost alone often says no more than `client error (Connect)`.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
