//! Records whose mesh object is gone.

use kubomesh_core::{Record, RecordWrite};

/// Deletes the records of a mesh that is gone. Links and peering entries stay: deleting a mesh never
/// tears a fleet apart (rules.md, Records). A record that still owns filters on a node is kept until
/// they are lifted, which this version never has to do.
///
/// That the mesh is gone, and not missing from a list by mistake, is for the caller to know.
#[must_use]
pub fn orphans<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<RecordWrite> {
    records
        .into_iter()
        .filter(|record| record.owned_filters.is_empty())
        .map(|record| RecordWrite::Delete(record.name()))
        .collect()
}
