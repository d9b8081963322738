//! Records whose mesh object is gone.

use std::collections::BTreeSet;

use kubomesh_core::{Record, RecordWrite};

/// Deletes the records of one namespace whose mesh is not among the live ones. Links and peering
/// entries stay: deleting a mesh never tears a fleet apart (rules.md, Records). A record that still
/// owns filters on a node is kept until they are lifted, which this version never has to do.
///
/// The caller has a complete list of the meshes; a list that may lack one must not come here.
#[must_use]
pub fn orphans<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    meshes: &BTreeSet<&str>,
) -> Vec<RecordWrite> {
    records
        .into_iter()
        .filter(|record| !meshes.contains(&*record.mesh) && record.owned_filters.is_empty())
        .map(|record| RecordWrite::Delete(record.name()))
        .collect()
}
