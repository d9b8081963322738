//! The three kinds of series. They hide the `prometheus` crate, so that it can be swapped here.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{HistogramOpts, Opts};

/// What a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; its name ends in `_total`.
    Counter,
    /// A present value.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// Counts events since the process started.
#[derive(Debug, Clone)]
pub struct Counter(prometheus::IntCounter);

/// A present value.
#[derive(Debug, Clone)]
pub struct Gauge(prometheus::Gauge);

/// A distribution.
#[derive(Debug, Clone)]
pub struct Histogram(prometheus::Histogram);

/// What a series is made from.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) help: String,
    pub(crate) buckets: &'static [f64],
}

/// A kind of series; sealed by [`Recipe`], which only the catalogue makes.
pub trait Instrument: Clone + Send + Sync + 'static {
    /// What it is.
    const KIND: Kind;

    /// A series with these labels that is not registered yet.
    ///
    /// # Errors
    /// When a name is not one of the exposition format.
    #[doc(hidden)]
    fn create(recipe: &Recipe, labels: HashMap<String, String>) -> prometheus::Result<Self>;

    /// What a registry reads it by.
    #[doc(hidden)]
    fn collector(&self) -> Box<dyn Collector>;
}

// === impl Kind ===

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

// === impl Counter ===

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.0.inc();
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.inc_by(count);
    }

    /// The count so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Instrument for Counter {
    const KIND: Kind = Kind::Counter;

    fn create(recipe: &Recipe, labels: HashMap<String, String>) -> prometheus::Result<Self> {
        prometheus::IntCounter::with_opts(recipe.opts(labels)).map(Self)
    }

    fn collector(&self) -> Box<dyn Collector> {
        Box::new(self.0.clone())
    }
}

// === impl Gauge ===

impl Gauge {
    /// Sets the value, in the unit that the name says.
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }

    /// Sets a number of things.
    #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
    pub fn set_count(&self, count: u64) {
        self.0.set(count as f64);
    }

    /// Sets 1 or 0.
    pub fn set_bool(&self, value: bool) {
        self.0.set(if value { 1.0 } else { 0.0 });
    }

    /// Sets seconds.
    pub fn set_duration(&self, span: Duration) {
        self.0.set(span.as_secs_f64());
    }

    /// Sets the wall clock's time, seconds since 1970-01-01 UTC: what a scraper compares with its own.
    pub fn set_to_now(&self) {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.set_duration(since_epoch);
    }

    /// The present value.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.0.get()
    }
}

impl Instrument for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn create(recipe: &Recipe, labels: HashMap<String, String>) -> prometheus::Result<Self> {
        prometheus::Gauge::with_opts(recipe.opts(labels)).map(Self)
    }

    fn collector(&self) -> Box<dyn Collector> {
        Box::new(self.0.clone())
    }
}

// === impl Histogram ===

impl Histogram {
    /// Adds a value, in the unit that the name says.
    pub fn observe(&self, value: f64) {
        self.0.observe(value);
    }

    /// Adds a span to a histogram of seconds.
    pub fn observe_duration(&self, span: Duration) {
        self.0.observe(span.as_secs_f64());
    }

    /// How many values so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.get_sample_count()
    }
}

impl Instrument for Histogram {
    const KIND: Kind = Kind::Histogram;

    fn create(recipe: &Recipe, labels: HashMap<String, String>) -> prometheus::Result<Self> {
        let opts = HistogramOpts::from(recipe.opts(labels)).buckets(recipe.buckets.to_vec());
        prometheus::Histogram::with_opts(opts).map(Self)
    }

    fn collector(&self) -> Box<dyn Collector> {
        Box::new(self.0.clone())
    }
}

// === impl Recipe ===

impl Recipe {
    fn opts(&self, labels: HashMap<String, String>) -> Opts {
        Opts::new(self.name, &self.help).const_labels(labels)
    }
}
