//! A core [`Record`] as a `SwarmPeer`'s spec and back, without loss. What a hand edited into
//! nonsense is refused by field; it is never guessed at.

use std::sync::Arc;

use kubomesh_core::{
    Address, Capacity, CapacityError, ContainerStart, FilterStepError, MemberName, OwnedFilter,
    PeerId, Record, RemovedFilter, Retired, Role, Timestamp, TimestampError,
};

use crate::{
    ContainerSpec, OwnedFilterSpec, RemovedFilterSpec, RetiredSpec, RoleSpec, SwarmPeerSpec,
};

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} of record {record} is `{value}`: {why}; put it right or delete the record")]
pub struct RecordError {
    /// Name of the record.
    pub record: String,
    /// The field, from the object's root.
    pub field: String,
    /// Its value, at most 200 characters.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
}

/// The spec of the `SwarmPeer` that holds a record.
#[must_use]
pub fn record_spec(record: &Record) -> SwarmPeerSpec {
    SwarmPeerSpec {
        mesh: record.mesh.to_string(),
        role: role_spec(record.role),
        rpc: record.rpc.to_string(),
        pod_uid: record.uid.to_string(),
        peer_id: record.peer_id.map(|id| id.to_string()),
        addresses: texts(&record.addresses),
        container: record.container.as_ref().map(container_spec),
        capacity: record.capacity.map(|capacity| capacity.to_string()),
        zone: record.zone.to_string(),
        retired: record.retired.iter().map(retired_spec).collect(),
        owned_filters: record.owned_filters.iter().map(owned_spec).collect(),
        removed_filters: record.removed_filters.iter().map(removed_spec).collect(),
    }
}

/// The record in a `SwarmPeer` of this name.
///
/// # Errors
/// At the first field that cannot be read.
pub fn record_from(name: &str, spec: &SwarmPeerSpec) -> Result<Record, RecordError> {
    let read = Reader { name };
    let role = role(spec.role);
    let member = name
        .strip_suffix(role.record_suffix())
        .filter(|member| !member.is_empty());
    let member = member.ok_or_else(|| {
        let why = format!(
            "the name of such a record ends in `{}`",
            role.record_suffix()
        );
        read.refused("spec.role".into(), &format!("{:?}", spec.role), why)
    })?;
    if spec.mesh.is_empty() {
        return Err(read.refused("spec.mesh".into(), "", "it names no mesh".into()));
    }
    Ok(Record {
        mesh: spec.mesh.as_str().into(),
        member: MemberName::from(member),
        role,
        rpc: spec.rpc.as_str().into(),
        uid: spec.pod_uid.as_str().into(),
        peer_id: spec
            .peer_id
            .as_deref()
            .map(|id| read.peer("spec.peerID", id))
            .transpose()?,
        addresses: read.addresses("spec.addresses", &spec.addresses)?,
        container: spec
            .container
            .as_ref()
            .map(|start| read.container("spec.container", start))
            .transpose()?,
        capacity: spec
            .capacity
            .as_deref()
            .map(|text| read.capacity(text))
            .transpose()?,
        zone: spec.zone.as_str().into(),
        retired: read.each("spec.retired", &spec.retired, Reader::retired)?,
        owned_filters: read.each("spec.ownedFilters", &spec.owned_filters, Reader::owned)?,
        removed_filters: read.each(
            "spec.removedFilters",
            &spec.removed_filters,
            Reader::removed,
        )?,
    })
}

/// Names the record and the field in every refusal.
#[derive(Clone, Copy)]
struct Reader<'a> {
    name: &'a str,
}

// === impl Reader ===

impl Reader<'_> {
    fn refused(self, field: String, value: &str, why: String) -> RecordError {
        let value = value.chars().take(200).collect();
        RecordError {
            record: self.name.into(),
            field,
            value,
            why,
        }
    }

    fn each<T, U>(
        self,
        field: &str,
        items: &[T],
        read: impl Fn(Self, &str, &T) -> Result<U, RecordError>,
    ) -> Result<Vec<U>, RecordError> {
        let at = |(at, item)| read(self, &format!("{field}[{at}]"), item);
        items.iter().enumerate().map(at).collect()
    }

    fn peer(self, field: &str, text: &str) -> Result<PeerId, RecordError> {
        text.parse().map_err(|e: kubomesh_core::PeerIdError| {
            self.refused(
                field.into(),
                text,
                format!("it is not a peer ID ({})", e.why),
            )
        })
    }

    fn addresses(self, field: &str, texts: &[String]) -> Result<Vec<Address>, RecordError> {
        self.each(field, texts, |read, field, text| {
            Address::parse(text).map_err(|e| {
                read.refused(
                    field.into(),
                    text,
                    format!("it is not a multiaddr ({})", e.why),
                )
            })
        })
    }

    fn time(self, field: &str, text: &str) -> Result<Timestamp, RecordError> {
        text.parse()
            .map_err(|e: TimestampError| self.refused(field.into(), text, e.to_string()))
    }

    fn container(self, field: &str, spec: &ContainerSpec) -> Result<ContainerStart, RecordError> {
        let restarts = u32::try_from(spec.restarts).map_err(|_| {
            let why = "it is not a count of restarts";
            self.refused(
                format!("{field}.restarts"),
                &spec.restarts.to_string(),
                why.into(),
            )
        })?;
        Ok(ContainerStart {
            restarts,
            id: spec.id.as_str().into(),
        })
    }

    fn capacity(self, text: &str) -> Result<Capacity, RecordError> {
        text.parse()
            .map_err(|e: CapacityError| self.refused("spec.capacity".into(), text, e.to_string()))
    }

    fn retired(self, field: &str, spec: &RetiredSpec) -> Result<Retired, RecordError> {
        Ok(Retired {
            uid: spec.pod_uid.as_str().into(),
            peer_id: self.peer(&format!("{field}.peerID"), &spec.peer_id)?,
            addresses: self.addresses(&format!("{field}.addresses"), &spec.addresses)?,
            since: self.time(&format!("{field}.since"), &spec.since)?,
        })
    }

    fn owned(self, field: &str, spec: &OwnedFilterSpec) -> Result<OwnedFilter, RecordError> {
        Ok(OwnedFilter {
            peer: match spec.peer.as_str() {
                "" => None,
                peer => Some(self.peer(&format!("{field}.peer"), peer)?),
            },
            cidr: spec.cidr.as_str().into(),
            step: spec.step.parse().map_err(|e: FilterStepError| {
                self.refused(format!("{field}.step"), &spec.step, e.to_string())
            })?,
            since: self.time(&format!("{field}.since"), &spec.since)?,
        })
    }

    fn removed(self, field: &str, spec: &RemovedFilterSpec) -> Result<RemovedFilter, RecordError> {
        let container = spec.container.as_ref();
        let start = container.map(|start| self.container(&format!("{field}.container"), start));
        Ok(RemovedFilter {
            cidr: Arc::from(spec.cidr.as_str()),
            container: start.transpose()?,
            since: self.time(&format!("{field}.since"), &spec.since)?,
            gone: spec.gone,
        })
    }
}

const fn role_spec(role: Role) -> RoleSpec {
    match role {
        Role::Relay => RoleSpec::Relay,
        Role::Cluster => RoleSpec::Cluster,
        _ => RoleSpec::Kubo,
    }
}

const fn role(spec: RoleSpec) -> Role {
    match spec {
        RoleSpec::Kubo => Role::Kubo,
        RoleSpec::Relay => Role::Relay,
        RoleSpec::Cluster => Role::Cluster,
    }
}

fn texts(addresses: &[Address]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

fn container_spec(start: &ContainerStart) -> ContainerSpec {
    ContainerSpec {
        restarts: start.restarts.into(),
        id: start.id.to_string(),
    }
}

fn retired_spec(retired: &Retired) -> RetiredSpec {
    RetiredSpec {
        pod_uid: retired.uid.to_string(),
        peer_id: retired.peer_id.to_string(),
        addresses: texts(&retired.addresses),
        since: retired.since.to_string(),
    }
}

fn owned_spec(filter: &OwnedFilter) -> OwnedFilterSpec {
    OwnedFilterSpec {
        peer: filter.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        cidr: filter.cidr.to_string(),
        step: filter.step.to_string(),
        since: filter.since.to_string(),
    }
}

fn removed_spec(filter: &RemovedFilter) -> RemovedFilterSpec {
    RemovedFilterSpec {
        cidr: filter.cidr.to_string(),
        container: filter.container.as_ref().map(container_spec),
        since: filter.since.to_string(),
        gone: filter.gone,
    }
}
