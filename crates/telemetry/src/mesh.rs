//! Series of a mesh: labels `namespace` and `mesh`, made and removed together with it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus::Registry;

use crate::catalog::lock;
use crate::family::Children;
use crate::instrument::Recipe;
use crate::{Counter, Gauge, Histogram, Instrument, LabelSet};

/// The meshes whose series exist. Cheap to clone; every clone is the same set.
#[derive(Clone)]
pub struct MeshSeries {
    meshes: Arc<Mutex<Meshes>>,
}

/// One metric that every mesh has. Cheap to clone.
#[derive(Debug)]
pub struct MeshFamily<M, D> {
    shared: Arc<Shared<M, D>>,
}

/// Counters of each mesh.
pub type MeshCounters<D> = MeshFamily<Counter, D>;
/// Gauges of each mesh.
pub type MeshGauges<D> = MeshFamily<Gauge, D>;
/// Histograms of each mesh.
pub type MeshHistograms<D> = MeshFamily<Histogram, D>;

/// Namespace and name.
type Key = (String, String);

/// Which meshes there are, and every family that follows them.
pub(crate) struct Meshes {
    registry: Registry,
    live: std::collections::BTreeSet<Key>,
    families: Vec<Box<dyn Follows>>,
}

/// What the set of meshes needs of a family, whatever its kind and labels.
trait Follows: Send + Sync {
    fn add(&self, registry: &Registry, key: &Key) -> prometheus::Result<()>;
    fn remove(&self, registry: &Registry, key: &Key);
}

#[derive(Debug)]
struct Shared<M, D> {
    recipe: Recipe,
    labels: D,
    children: Mutex<BTreeMap<Key, Children<M>>>,
    /// Takes what is given for a mesh that is gone.
    hidden: M,
}

// === impl MeshSeries ===

impl MeshSeries {
    pub(crate) fn new(registry: Registry) -> Self {
        let (live, families) = Default::default();
        Self {
            meshes: Arc::new(Mutex::new(Meshes {
                registry,
                live,
                families,
            })),
        }
    }

    /// A mesh appeared: makes its series in every family of meshes, also in those that are
    /// registered later. Nothing happens for one that is known.
    pub fn add(&self, namespace: &str, mesh: &str) {
        let mut meshes = lock(&self.meshes);
        let key = (namespace.to_owned(), mesh.to_owned());
        if meshes.live.insert(key.clone()) {
            for family in &meshes.families {
                meshes.follow(family.as_ref(), &key);
            }
        }
    }

    /// A mesh is gone: its series go with it. Nothing happens for one that is not known.
    pub fn remove(&self, namespace: &str, mesh: &str) {
        let mut meshes = lock(&self.meshes);
        let key = (namespace.to_owned(), mesh.to_owned());
        if meshes.live.remove(&key) {
            meshes
                .families
                .iter()
                .for_each(|family| family.remove(&meshes.registry, &key));
        }
    }

    pub(crate) fn join<M: Instrument, D: LabelSet>(&self, family: &MeshFamily<M, D>) {
        let mut meshes = lock(&self.meshes);
        for key in &meshes.live {
            meshes.follow(family.shared.as_ref(), key);
        }
        meshes.families.push(Box::new(Arc::clone(&family.shared)));
    }
}

impl fmt::Debug for MeshSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&lock(&self.meshes).live).finish()
    }
}

// === impl Meshes ===

impl Meshes {
    /// What every series of a mesh is labelled with.
    pub(crate) const LABELS: [&'static str; 2] = ["namespace", "mesh"];

    fn follow(&self, family: &dyn Follows, key: &Key) {
        if let Err(error) = family.add(&self.registry, key) {
            tracing::error!(namespace = key.0, mesh = key.1, %error, "no series for this mesh");
        }
    }
}

// === impl MeshFamily ===

impl<M: Instrument, D: LabelSet> MeshFamily<M, D> {
    /// The series of one mesh and one combination of values. For a mesh that was not added, or is
    /// gone, a series that is shown nowhere: a late result does not bring a removed mesh back.
    #[must_use]
    pub fn get(&self, namespace: &str, mesh: &str, key: D::Key) -> M {
        let children = lock(&self.shared.children);
        let of_mesh = children.get(&(namespace.to_owned(), mesh.to_owned()));
        let found = of_mesh.map(|of_mesh| of_mesh.get(&self.shared.labels.values(key)));
        found.unwrap_or(&self.shared.hidden).clone()
    }

    pub(crate) fn create(recipe: Recipe, labels: D) -> prometheus::Result<Self> {
        let hidden = M::create(&recipe, HashMap::new())?;
        let children = Mutex::default();
        Ok(Self {
            shared: Arc::new(Shared {
                recipe,
                labels,
                children,
                hidden,
            }),
        })
    }
}

impl<M, D> Clone for MeshFamily<M, D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<M: Instrument, D: LabelSet> Follows for Shared<M, D> {
    fn add(&self, registry: &Registry, key: &Key) -> prometheus::Result<()> {
        let [namespace, mesh] = Meshes::LABELS;
        let outer = [(namespace, key.0.as_str()), (mesh, key.1.as_str())];
        let of_mesh = Children::create(&self.recipe, &self.labels, &outer)?;
        for series in of_mesh.series() {
            registry.register(M::collector(series))?;
        }
        lock(&self.children).insert(key.clone(), of_mesh);
        Ok(())
    }

    fn remove(&self, registry: &Registry, key: &Key) {
        let of_mesh = lock(&self.children).remove(key);
        for series in of_mesh.iter().flat_map(Children::series) {
            // It was registered when it was made, so there is nothing to hear.
            let _ = registry.unregister(M::collector(series));
        }
    }
}

impl<T: Follows + ?Sized> Follows for Arc<T> {
    fn add(&self, registry: &Registry, key: &Key) -> prometheus::Result<()> {
        T::add(self, registry, key)
    }

    fn remove(&self, registry: &Registry, key: &Key) {
        T::remove(self, registry, key);
    }
}
