//! The records by mesh. What does not change is shared from one view to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_api::{RecordError, RecordKey};
use kubomesh_core::{MemberName, MeshId, Record};

/// All records at one moment.
#[derive(Debug, Clone, Default)]
pub struct RecordsView {
    /// Whether the first list is complete.
    pub synced: bool,
    /// Records that cannot be read: they are neither used nor overwritten.
    pub unreadable: BTreeMap<RecordKey, RecordError>,
    /// Why no record can be stored at present, where that is known before one is to be: a state
    /// directory that is gone.
    pub trouble: Option<Arc<str>>,
    /// By namespace and mesh, then by record name.
    meshes: BTreeMap<Home, Arc<BTreeMap<String, Record>>>,
    /// The mesh that each record says it belongs to.
    homes: BTreeMap<RecordKey, Arc<str>>,
    /// What a mesh without records has.
    none: Arc<BTreeMap<String, Record>>,
}

/// A record of a mesh's namespace that is not the mesh's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOurs<'a> {
    /// It cannot be read, whosever it is.
    Unreadable {
        /// The record's name.
        record: &'a str,
        /// What is wrong with it.
        why: &'a RecordError,
    },
    /// Another mesh's.
    OfMesh {
        /// The member that it is about.
        member: &'a MemberName,
        /// Name of the other mesh.
        mesh: &'a str,
    },
}

/// Namespace and name of a mesh.
type Home = (Arc<str>, Arc<str>);

/// What a record became; `None`: it is gone.
pub(super) type Change = (RecordKey, Option<Result<Arc<Record>, RecordError>>);

// === impl RecordsView ===

impl RecordsView {
    /// The records of a mesh, by record name. The same value while none of them changes.
    #[must_use]
    pub fn of_mesh(&self, mesh: &MeshId) -> Arc<BTreeMap<String, Record>> {
        let key = (mesh.namespace.clone(), mesh.name.clone());
        Arc::clone(self.meshes.get(&key).unwrap_or(&self.none))
    }

    /// Namespace, mesh and records of every mesh that has any, whether it exists or not.
    pub fn meshes(&self) -> impl Iterator<Item = (&str, &str, &BTreeMap<String, Record>)> {
        self.meshes
            .iter()
            .map(|((namespace, mesh), records)| (&**namespace, &**mesh, &**records))
    }

    /// One record.
    #[must_use]
    pub fn get(&self, key: &RecordKey) -> Option<&Record> {
        let home = self.homes.get(key)?;
        self.meshes
            .get(&(key.namespace.clone(), home.clone()))?
            .get(&*key.name)
    }

    /// What stands under a name, whosever it is; `None`: nothing.
    pub(super) fn stands(&self, key: &RecordKey) -> Option<Result<&Record, &RecordError>> {
        let unreadable = self.unreadable.get(key).map(Err);
        unreadable.or_else(|| self.get(key).map(Ok))
    }

    /// The records of a mesh's namespace that are not the mesh's: its pods of these names have to
    /// wait. Empty where a namespace has one mesh and nothing is wrong.
    pub fn not_ours<'a>(&'a self, mesh: &'a MeshId) -> impl Iterator<Item = NotOurs<'a>> {
        let unreadable = self.unreadable.iter();
        let unreadable = unreadable.filter(|(key, _)| key.namespace == mesh.namespace);
        let unreadable = unreadable.map(|(key, why)| NotOurs::Unreadable {
            record: &key.name,
            why,
        });
        let others = self.meshes.iter();
        let others = others
            .filter(|((namespace, name), _)| *namespace == mesh.namespace && *name != mesh.name);
        let others = others.flat_map(|((_, name), records)| {
            let of_mesh = move |record: &'a Record| NotOurs::OfMesh {
                member: &record.member,
                mesh: name,
            };
            records.values().map(of_mesh)
        });
        unreadable.chain(others)
    }

    /// Takes changes in; whether anything is other than before.
    pub(super) fn take(&mut self, changes: Vec<Change>) -> bool {
        let mut changed = false;
        for (key, record) in changes {
            changed |= match record {
                Some(Ok(record)) => self.put(key, &record),
                Some(Err(error)) => {
                    let gone = self.remove(&key);
                    self.unreadable.insert(key, error.clone()) != Some(error) || gone
                }
                None => self.unreadable.remove(&key).is_some() | self.remove(&key),
            };
        }
        changed
    }

    fn put(&mut self, key: RecordKey, record: &Arc<Record>) -> bool {
        self.unreadable.remove(&key);
        if self.get(&key) == Some(record) {
            return false;
        }
        if self
            .homes
            .get(&key)
            .is_some_and(|home| *home != record.mesh)
        {
            self.remove(&key);
        }
        let mesh = (key.namespace.clone(), record.mesh.clone());
        let records = Arc::make_mut(self.meshes.entry(mesh).or_default());
        records.insert(key.name.to_string(), (**record).clone());
        self.homes.insert(key, record.mesh.clone());
        true
    }

    fn remove(&mut self, key: &RecordKey) -> bool {
        let Some(home) = self.homes.remove(key) else {
            return false;
        };
        let mesh = (key.namespace.clone(), home);
        if let Some(records) = self.meshes.get_mut(&mesh) {
            Arc::make_mut(records).remove(&*key.name);
            if records.is_empty() {
                self.meshes.remove(&mesh);
            }
        }
        true
    }
}
