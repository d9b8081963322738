//! The catalogue of metrics: one registry, the rules for names, and all series made at once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::Collector;
use prometheus::{Registry, TextEncoder};

use crate::family::{Counters, Family, Gauges, Histograms};
use crate::instrument::Recipe;
use crate::mesh::{MeshCounters, MeshFamily, MeshGauges, MeshHistograms, MeshSeries, Meshes};
use crate::{BUILD, Counter, Gauge, Histogram, Instrument, Kind, LabelSet, name, page};

/// All metrics of a process. Cheap to clone; every clone is the same catalogue.
#[derive(Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

/// A metric that breaks a rule: a mistake in the program, found when it starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The name or the help text breaks a naming rule.
    #[error("metric `{name}`: {why}")]
    Name {
        /// The name.
        name: &'static str,
        /// The rule.
        why: &'static str,
    },
    /// Two families have one name.
    #[error("metric `{name}` is registered twice")]
    Twice {
        /// The name.
        name: &'static str,
    },
    /// The metrics library refuses it.
    #[error("metric `{name}` cannot be registered: {why}")]
    Refused {
        /// The name.
        name: String,
        /// What the library says.
        why: String,
    },
    /// The text for `/metrics` could not be made.
    #[error("the metrics cannot be written as text: {why}")]
    Render {
        /// What the library says.
        why: String,
    },
}

/// What the page says of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) help: String,
    /// Labels with all their values; no values where they are not a closed set.
    pub(crate) labels: Vec<(String, Vec<&'static str>)>,
}

type Hook = Box<dyn Fn() + Send + Sync>;

struct Inner {
    registry: Registry,
    entries: Mutex<BTreeMap<String, Entry>>,
    hooks: Mutex<Vec<Hook>>,
    meshes: MeshSeries,
}

// === impl Catalog ===

impl Catalog {
    /// The `Content-Type` of [`Catalog::render`].
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// A catalogue with `kubomesh_build_info` and the process's own metrics (`process_*`, Linux).
    ///
    /// # Errors
    /// When the operating system does not let the process read its own state.
    pub fn new() -> Result<Self, CatalogError> {
        let registry = Registry::new();
        let meshes = MeshSeries::new(registry.clone());
        let (entries, hooks) = (Mutex::default(), Mutex::default());
        let catalog = Self {
            inner: Arc::new(Inner {
                registry,
                entries,
                hooks,
                meshes,
            }),
        };
        catalog.add_build_info()?;
        catalog.add_process()?;
        Ok(catalog)
    }

    /// One counter.
    ///
    /// # Errors
    /// When the name breaks a rule or is taken; so with all that follow.
    pub fn counter(&self, name: &'static str, help: &str) -> Result<Counter, CatalogError> {
        self.single(name, help, &[])
    }

    /// A counter for every combination of the labels' values.
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn counters<D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        labels: D,
    ) -> Result<Counters<D>, CatalogError> {
        self.family(name, help, &[], labels)
    }

    /// One gauge.
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn gauge(&self, name: &'static str, help: &str) -> Result<Gauge, CatalogError> {
        self.single(name, help, &[])
    }

    /// A gauge for every combination of the labels' values.
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn gauges<D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        labels: D,
    ) -> Result<Gauges<D>, CatalogError> {
        self.family(name, help, &[], labels)
    }

    /// One histogram; see [`crate::buckets`] for bounds.
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn histogram(
        &self,
        name: &'static str,
        help: &str,
        buckets: &'static [f64],
    ) -> Result<Histogram, CatalogError> {
        self.single(name, help, buckets)
    }

    /// A histogram for every combination of the labels' values.
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn histograms<D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        buckets: &'static [f64],
        labels: D,
    ) -> Result<Histograms<D>, CatalogError> {
        self.family(name, help, buckets, labels)
    }

    /// Counters of each mesh: labels `namespace` and `mesh`, then the given ones (`()` for none).
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn mesh_counters<D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        labels: D,
    ) -> Result<MeshCounters<D>, CatalogError> {
        self.mesh_family(name, help, &[], labels)
    }

    /// Gauges of each mesh; labels as with [`Catalog::mesh_counters`].
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn mesh_gauges<D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        labels: D,
    ) -> Result<MeshGauges<D>, CatalogError> {
        self.mesh_family(name, help, &[], labels)
    }

    /// Histograms of each mesh; labels as with [`Catalog::mesh_counters`].
    ///
    /// # Errors
    /// As [`Catalog::counter`].
    pub fn mesh_histograms<D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        buckets: &'static [f64],
        labels: D,
    ) -> Result<MeshHistograms<D>, CatalogError> {
        self.mesh_family(name, help, buckets, labels)
    }

    /// The meshes whose series exist: made when a mesh appears, removed with it.
    #[must_use]
    pub fn meshes(&self) -> MeshSeries {
        self.inner.meshes.clone()
    }

    /// Runs before every scrape: sets gauges of present state from the same values the loop uses,
    /// so that dashboards and decisions cannot disagree. Must be quick and must not call back here.
    pub fn before_scrape(&self, hook: impl Fn() + Send + Sync + 'static) {
        lock(&self.inner.hooks).push(Box::new(hook));
    }

    /// All series in Prometheus' text format.
    ///
    /// # Errors
    /// When the library refuses to write a family.
    pub fn render(&self) -> Result<String, CatalogError> {
        lock(&self.inner.hooks).iter().for_each(|hook| hook());
        let families = self.inner.registry.gather();
        let text = TextEncoder::new().encode_to_string(&families);
        text.map_err(|e| CatalogError::Render { why: e.to_string() })
    }

    /// The page `docs/metrics.md`: every metric by name, with type, unit, labels and meaning.
    #[must_use]
    pub fn page(&self) -> String {
        page::page(&lock(&self.inner.entries))
    }

    /// Every metric's name, sorted: what a dashboard may ask for.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        lock(&self.inner.entries).keys().cloned().collect()
    }

    fn single<M: Instrument>(
        &self,
        name: &'static str,
        help: &str,
        buckets: &'static [f64],
    ) -> Result<M, CatalogError> {
        let family: Family<M, ()> = self.family(name, help, buckets, ())?;
        Ok(family.get(()).clone())
    }

    fn family<M: Instrument, D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        buckets: &'static [f64],
        labels: D,
    ) -> Result<Family<M, D>, CatalogError> {
        let recipe = self.enter::<M>(name, help, buckets, owned(labels.dimensions()))?;
        let family: Family<M, D> =
            Family::create(&recipe, labels).map_err(|e| refused(name, &e))?;
        for series in family.series() {
            let registered = self.inner.registry.register(series.collector());
            registered.map_err(|e| refused(name, &e))?;
        }
        Ok(family)
    }

    fn mesh_family<M: Instrument, D: LabelSet>(
        &self,
        name: &'static str,
        help: &str,
        buckets: &'static [f64],
        labels: D,
    ) -> Result<MeshFamily<M, D>, CatalogError> {
        let own = Meshes::LABELS.map(|label| (label.to_owned(), Vec::new()));
        let all = own.into_iter().chain(owned(labels.dimensions())).collect();
        let recipe = self.enter::<M>(name, help, buckets, all)?;
        let family = MeshFamily::create(recipe, labels).map_err(|e| refused(name, &e))?;
        self.inner.meshes.join(&family);
        Ok(family)
    }

    /// Writes a metric into the book of names, once and by the rules.
    fn enter<M: Instrument>(
        &self,
        name: &'static str,
        help: &str,
        buckets: &'static [f64],
        labels: Vec<(String, Vec<&'static str>)>,
    ) -> Result<Recipe, CatalogError> {
        // A doc comment's lines arrive with their indentation.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        name::check(name, M::KIND, &help)?;
        let mut entries = lock(&self.inner.entries);
        if entries.contains_key(name) {
            return Err(CatalogError::Twice { name });
        }
        entries.insert(
            name.into(),
            Entry {
                kind: M::KIND,
                help: help.clone(),
                labels,
            },
        );
        Ok(Recipe {
            name,
            help,
            buckets,
        })
    }

    fn add_build_info(&self) -> Result<(), CatalogError> {
        let values = [
            ("version", BUILD.version),
            ("commit", BUILD.commit),
            ("rustc", BUILD.rustc),
        ];
        let labels = values
            .map(|(label, _)| (label.to_owned(), Vec::new()))
            .into();
        let name = "kubomesh_build_info";
        let recipe =
            self.enter::<Gauge>(name, "Always 1; the labels say what runs.", &[], labels)?;
        let constant: HashMap<_, _> = values
            .into_iter()
            .map(|(label, value)| (label.into(), value.into()))
            .collect();
        let gauge = Gauge::create(&recipe, constant).map_err(|e| refused(name, &e))?;
        gauge.set(1.0);
        self.inner
            .registry
            .register(gauge.collector())
            .map_err(|e| refused(name, &e))
    }

    #[cfg(target_os = "linux")]
    fn add_process(&self) -> Result<(), CatalogError> {
        let collector = prometheus::process_collector::ProcessCollector::for_self();
        let mut entries = lock(&self.inner.entries);
        for desc in collector.desc() {
            let counts = desc.fq_name.ends_with("_total");
            let kind = if counts { Kind::Counter } else { Kind::Gauge };
            let entry = Entry {
                kind,
                help: desc.help.clone(),
                labels: Vec::new(),
            };
            entries.insert(desc.fq_name.clone(), entry);
        }
        let registered = self.inner.registry.register(Box::new(collector));
        registered.map_err(|e| refused("process_*", &e))
    }

    #[cfg(not(target_os = "linux"))]
    fn add_process(&self) -> Result<(), CatalogError> {
        Ok(())
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("names", &self.names())
            .finish()
    }
}

// === helpers ===

/// A lock that a panic elsewhere does not take away: everything behind it is whole at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn owned(labels: Vec<(&'static str, Vec<&'static str>)>) -> Vec<(String, Vec<&'static str>)> {
    labels
        .into_iter()
        .map(|(label, values)| (label.to_owned(), values))
        .collect()
}

fn refused(name: &str, error: &prometheus::Error) -> CatalogError {
    CatalogError::Refused {
        name: name.into(),
        why: error.to_string(),
    }
}
