//! The Lease object: what is read from it and what is written into it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;
use kubomesh_core::Timestamp;

use crate::Timing;
use crate::machine::Sight;

/// What the decisions need of the object.
pub(crate) fn sight(lease: &Lease) -> Sight {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.clone());
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    Sight {
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
        holder: holder.filter(|holder| !holder.is_empty()),
        // Above an hour it is nobody's working lease.
        duration: seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(|seconds| Duration::from_secs(seconds.min(3600))),
    }
}

/// An object that does not exist yet.
pub(crate) fn empty(namespace: &str, name: &str) -> Lease {
    let (name, namespace) = (Some(name.to_owned()), Some(namespace.to_owned()));
    Lease {
        metadata: ObjectMeta {
            name,
            namespace,
            ..ObjectMeta::default()
        },
        spec: None,
    }
}

/// The object with `identity` as its holder, renewed now. The times in it are for people: nobody
/// decides by them.
pub(crate) fn held(mut lease: Lease, identity: &str, timing: Timing, now: Timestamp) -> Lease {
    let mut spec = lease.spec.take().unwrap_or_default();
    let at = micro_time(now);
    if spec.holder_identity.as_deref() != Some(identity) {
        let transitions = spec
            .lease_transitions
            .map_or(0, |count| count.saturating_add(1));
        spec.lease_transitions = Some(transitions);
        spec.acquire_time.clone_from(&at);
    }
    spec.holder_identity = Some(identity.to_owned());
    spec.lease_duration_seconds = i32::try_from(timing.duration().as_secs()).ok();
    spec.renew_time = at;
    lease.spec = Some(spec);
    lease
}

/// The object without a holder, so that the next one need not wait.
pub(crate) fn given_back(mut lease: Lease, now: Timestamp) -> Lease {
    let spec: &mut LeaseSpec = lease.spec.get_or_insert_default();
    spec.holder_identity = None;
    spec.renew_time = micro_time(now);
    lease
}

fn micro_time(at: Timestamp) -> Option<MicroTime> {
    let millis = i64::try_from(at.0).ok()?;
    jiff::Timestamp::from_millisecond(millis)
        .ok()
        .map(MicroTime)
}
