//! By which of its recorded addresses a member may be given to others.

use kubomesh_core::{Member, NetworkPolicy, Record};

use crate::network::{self, On};

/// Places in a record's addresses, by network.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Offered([Option<u8>; 3]);

// === impl Offered ===

impl Offered {
    pub(crate) fn of(
        policy: &NetworkPolicy,
        member: Option<&Member>,
        record: Option<&Record>,
    ) -> Self {
        let mut places = Self::default();
        let (Some(member), Some(record)) = (member, record) else {
            return places;
        };
        for on in network::offered(policy, member) {
            // The one with a former port stands behind the present one.
            let at = match (&member.swarm, network::mesh_ip(member, on)) {
                (None, Some(ip)) => record.addresses.iter().position(|one| one.ip() == Some(ip)),
                _ => Some(0),
            };
            places.0[on as usize] = at.and_then(|at| u8::try_from(at).ok());
        }
        places
    }

    /// The place of the address on a network.
    pub(crate) fn at(self, on: On) -> Option<usize> {
        self.0[on as usize].map(usize::from)
    }

    /// The first place: where one that does not live has the address that it had.
    pub(crate) const fn former() -> Self {
        Self([Some(0), None, None])
    }

    /// Every place.
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().flatten().map(usize::from)
    }
}
