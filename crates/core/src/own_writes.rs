//! Our own writes over what a watch tells, until it has told of them: a late event never turns back
//! what we wrote.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// An object of a store, in one version.
pub trait Versioned {
    /// The version as a number, greater than that of every earlier write; 0 when it is none.
    fn version(&self) -> u64;

    /// Whether both are versions of one object; what is deleted and made anew is another one.
    fn is_same_object(&self, other: &Self) -> bool;
}

/// What a watch has not yet told of our writes. It tells changes in the order of their versions.
#[derive(Debug, Clone)]
pub struct OwnWrites<K, S> {
    last: BTreeMap<K, Own<S>>,
}

/// Our last write of one object.
#[derive(Debug, Clone)]
enum Own<S> {
    /// It stands as this.
    Stands(S),
    /// It is gone; this is how it was last seen.
    Gone(S),
}

// === impl OwnWrites ===

impl<K: Ord, S: Versioned> OwnWrites<K, S> {
    /// What stands under a key where the watch shows `heard`.
    pub fn over<'a, Q: Ord + ?Sized>(&'a self, key: &Q, heard: Option<&'a S>) -> Option<&'a S>
    where
        K: Borrow<Q>,
    {
        match self.last.get(key) {
            None => heard,
            Some(Own::Stands(own)) => Some(own),
            Some(Own::Gone(before)) => heard.filter(|heard| !is_over(*heard, before)),
        }
    }

    /// An answer to us showed how an object stands. `version`: what the watch has told includes it.
    pub fn stands(&mut self, key: K, shown: S, version: u64) {
        if shown.version() > version {
            self.last.insert(key, Own::Stands(shown));
        } else {
            // The watch was faster; or versions are no numbers, and then it is all there is.
            self.last.remove(&key);
        }
    }

    /// An object is gone that was last seen as `before`: we deleted it, or did not find it.
    pub fn gone(&mut self, key: K, before: S) {
        self.last.insert(key, Own::Gone(before));
    }

    /// The watch moved on: what it tells includes `version` and is `heard`. What it has told of is
    /// forgotten.
    pub fn heard(&mut self, version: u64, heard: &BTreeMap<K, S>) {
        self.last.retain(|key, own| match own {
            Own::Stands(own) => version < own.version(),
            Own::Gone(before) => match heard.get(key) {
                Some(heard) => is_over(heard, before),
                None => version < before.version(),
            },
        });
    }

    /// Whose last write the watch has not told of.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.last.keys()
    }

    /// Forgets all: the store was restored to an older state, and what we wrote is gone with it.
    pub fn clear(&mut self) {
        self.last.clear();
    }
}

impl<K, S> Default for OwnWrites<K, S> {
    fn default() -> Self {
        Self {
            last: BTreeMap::new(),
        }
    }
}

/// Whether what a watch shows is over since `before` is gone: that object, or one that had gone
/// before it was made.
fn is_over<S: Versioned>(heard: &S, before: &S) -> bool {
    heard.is_same_object(before) || heard.version() < before.version()
}
