//! What was read and is kept, with what gives its room back.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is kept for as long as anybody looks at it. Clones share it; whoever counts what is
/// kept in all hands in something that is dropped with the last of them.
pub struct Kept<T>(Arc<Inner<T>>);

struct Inner<T> {
    value: T,
    _room: Option<Box<dyn Any + Send + Sync>>,
}

impl<T> Kept<T> {
    /// A value for which `room` was taken: dropped after the last clone.
    #[must_use]
    pub fn with_room(value: T, room: impl Any + Send + Sync) -> Self {
        Self(Arc::new(Inner {
            value,
            _room: Some(Box::new(room)),
        }))
    }
}

impl<T> From<T> for Kept<T> {
    /// A value that nobody counts.
    fn from(value: T) -> Self {
        Self(Arc::new(Inner { value, _room: None }))
    }
}

impl<T: Default> Default for Kept<T> {
    fn default() -> Self {
        T::default().into()
    }
}

impl<A, T: FromIterator<A>> FromIterator<A> for Kept<T> {
    fn from_iter<I: IntoIterator<Item = A>>(items: I) -> Self {
        items.into_iter().collect::<T>().into()
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<'a, T> IntoIterator for &'a Kept<Vec<T>> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl<T: Eq> Eq for Kept<T> {}

impl<T: fmt::Debug> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Serialize> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}
