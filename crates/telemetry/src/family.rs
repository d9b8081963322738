//! Families: one metric with every series of its labels made at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::instrument::Recipe;
use crate::{Counter, Gauge, Histogram, Instrument, LabelSet};

/// The series of one metric. Cheap to clone.
#[derive(Debug)]
pub struct Family<M, D> {
    labels: D,
    children: Arc<Children<M>>,
}

/// A family of counters.
pub type Counters<D> = Family<Counter, D>;
/// A family of gauges.
pub type Gauges<D> = Family<Gauge, D>;
/// A family of histograms.
pub type Histograms<D> = Family<Histogram, D>;

/// Every series by its labels' values, and one that is shown nowhere: it takes what is given for a
/// value that `ALL` forgot, so that counting never fails. Debug builds stop there.
#[derive(Debug)]
pub(crate) struct Children<M> {
    by_values: BTreeMap<Vec<&'static str>, M>,
    hidden: M,
}

// === impl Family ===

impl<M: Instrument, D: LabelSet> Family<M, D> {
    /// The series of one combination of values.
    #[must_use]
    pub fn get(&self, key: D::Key) -> &M {
        self.children.get(&self.labels.values(key))
    }

    pub(crate) fn create(recipe: &Recipe, labels: D) -> prometheus::Result<Self> {
        let children = Arc::new(Children::create(recipe, &labels, &[])?);
        Ok(Self { labels, children })
    }

    pub(crate) fn series(&self) -> impl Iterator<Item = &M> {
        self.children.series()
    }
}

impl<M, D: Clone> Clone for Family<M, D> {
    fn clone(&self) -> Self {
        Self {
            labels: self.labels.clone(),
            children: Arc::clone(&self.children),
        }
    }
}

// === impl Children ===

impl<M: Instrument> Children<M> {
    /// Makes every series; `outer` are labels that all of them share.
    pub(crate) fn create<D: LabelSet>(
        recipe: &Recipe,
        labels: &D,
        outer: &[(&str, &str)],
    ) -> prometheus::Result<Self> {
        let names: Vec<&str> = labels
            .dimensions()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut by_values = BTreeMap::new();
        for key in labels.keys() {
            let values = labels.values(key);
            let inner = names.iter().copied().zip(values.iter().copied());
            let all = outer.iter().copied().chain(inner);
            let all = all
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            by_values.insert(values, M::create(recipe, all)?);
        }
        let hidden = M::create(recipe, HashMap::new())?;
        Ok(Self { by_values, hidden })
    }

    pub(crate) fn get(&self, values: &[&'static str]) -> &M {
        let found = self.by_values.get(values);
        debug_assert!(found.is_some(), "a label's ALL lacks one of {values:?}");
        found.unwrap_or(&self.hidden)
    }

    pub(crate) fn series(&self) -> impl Iterator<Item = &M> {
        self.by_values.values()
    }
}
