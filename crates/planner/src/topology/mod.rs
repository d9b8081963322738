//! The topology: which pairs of members are linked. A pure function of {peer key, zone, capacity}
//! and the policy, independent of history and of the order of its input (design: topology.md).

mod extras;
mod position;
mod rings;
mod rows;

use kubomesh_core::{Degree, TopologyPolicy};

pub use self::position::Positions;
pub use self::rings::{Ring, Rings};

/// One member as the topology sees it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The peer ID's bytes; no two places have the same.
    pub key: &'a [u8],
    /// Its zone; members of an unknown zone are a zone of their own.
    pub zone: &'a str,
    /// How many links it may have; less than 8 counts as 8.
    pub capacity: u32,
}

/// Pairs of indices into the places, the smaller index first, sorted, each once.
pub type Pairs = Vec<(u32, u32)>;

/// What is built for a number of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Every pair.
    FullMesh,
    /// Zoned hash rings.
    Rings {
        /// Links a member, even, at least 8.
        degree: u32,
    },
}

/// The pairs that the policy wants linked. `salt` is the mesh's UID.
#[must_use]
pub fn desired(places: &[Place<'_>], policy: &TopologyPolicy, salt: &str) -> Pairs {
    Shape::of(places.len(), policy).pairs(places, salt)
}

// === impl Shape ===

impl Shape {
    /// Least degree: ring 0 at hops 1 and 2, one zone ring, one more ring.
    pub const LEAST_DEGREE: u32 = 8;

    /// What is built for so many members (topology.md, first table).
    #[must_use]
    pub fn of(members: usize, policy: &TopologyPolicy) -> Self {
        if members <= usize::try_from(policy.full_mesh_up_to).unwrap_or(usize::MAX) {
            return Self::FullMesh;
        }
        Self::rings(members, policy)
    }

    /// Rings for so many members, whether or not they are few enough for a full mesh.
    #[must_use]
    pub fn rings(members: usize, policy: &TopologyPolicy) -> Self {
        let degree = match (policy.degree, members) {
            (Degree::Fixed(degree), _) => degree.max(Self::LEAST_DEGREE) & !1,
            (Degree::Auto, ..=1_000) => 16,
            (Degree::Auto, ..=10_000) => 20,
            (Degree::Auto, _) => 24,
        };
        Self::Rings { degree }
    }

    /// The pairs of this shape over these places.
    #[must_use]
    pub fn pairs(self, places: &[Place<'_>], salt: &str) -> Pairs {
        match self {
            Self::FullMesh => every_pair(places.len()),
            Self::Rings { degree } => Rings::build(places, degree, salt).pairs(places),
        }
    }
}

fn every_pair(members: usize) -> Pairs {
    let members = u32::try_from(members).unwrap_or(u32::MAX);
    (0..members)
        .flat_map(|a| (a + 1..members).map(move |b| (a, b)))
        .collect()
}
