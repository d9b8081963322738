//! Filters of identities whose record is another name's.

use kubomesh_core::{FilterStep, OwnedFilter, PeerId, Record, RemovedFilter};

use crate::world::{Node, World};

/// What a record without a live member says of the filters of an identity.
pub(super) struct Legacy<'a> {
    owner: PeerId,
    from: usize,
    record: &'a Record,
}

// === impl Legacy ===

impl<'a> Legacy<'a> {
    /// Of every record without a live member that names filters.
    pub(super) fn all(world: &World<'a>) -> Vec<Self> {
        let legacy = |(from, node): (usize, &Node<'a>)| {
            let record = node.record.filter(|_| !node.is_recorded())?;
            let holds = !record.owned_filters.is_empty() || !record.removed_filters.is_empty();
            let owner = record.filters_owner().filter(|_| holds)?;
            Some(Self {
                owner,
                from,
                record,
            })
        };
        world.nodes.iter().enumerate().filter_map(legacy).collect()
    }
}

/// Filters belong to an identity: where it lives under another name now, its record there takes over
/// what the one here says of them, and this one gives it up once that is stored.
pub(super) fn handed_on(
    world: &World<'_>,
    legacies: &[Legacy<'_>],
    index: usize,
    mut record: Record,
) -> Record {
    let node = &world.nodes[index];
    if node.is_recorded() {
        let mine = |heir: &&Legacy<'_>| Some(heir.owner) == node.place && heir.from != index;
        for Legacy { record: from, .. } in legacies.iter().filter(mine) {
            let known = |cidr: &str| record.owned_filters.iter().any(|one| *one.cidr == *cidr);
            let owned = from.owned_filters.iter().filter(|one| !known(&one.cidr));
            let owned: Vec<OwnedFilter> = owned
                .map(|one| OwnedFilter {
                    step: FilterStep::Leaving,
                    ..one.clone()
                })
                .collect();
            record.owned_filters.extend(owned);
            let known = |cidr: &str| record.removed_filters.iter().any(|one| *one.cidr == *cidr);
            let removed = from.removed_filters.iter().filter(|one| !known(&one.cidr));
            let removed: Vec<RemovedFilter> = removed.cloned().collect();
            record.removed_filters.extend(removed);
        }
    } else if let Some(legacy) = legacies.iter().find(|legacy| legacy.from == index) {
        let heir = world.holder(&legacy.owner).map(|heir| &world.nodes[heir]);
        let heir = heir
            .filter(|heir| heir.is_recorded())
            .and_then(|heir| heir.record);
        if let Some(heir) = heir {
            let owned = |cidr: &str| heir.owned_filters.iter().any(|one| *one.cidr == *cidr);
            record.owned_filters.retain(|one| !owned(&one.cidr));
            let removed = |cidr: &str| heir.removed_filters.iter().any(|one| *one.cidr == *cidr);
            record.removed_filters.retain(|one| !removed(&one.cidr));
        }
    }
    record
}
