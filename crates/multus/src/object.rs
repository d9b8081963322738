//! A JSON object of which some fields are read and the others kept word for word.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::{Malformed, Place};

/// The fields of a JSON object in order, each with its value's text. A name may occur twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object(Box<[(String, Box<RawValue>)]>);

// === impl Object ===

impl Object {
    /// Reads an object.
    pub(crate) fn parse(place: Place, text: &str) -> Result<Self, Malformed> {
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json
            .deserialize_map(Fields)
            .and_then(|object| json.end().map(|()| object));
        read.map_err(|e| Malformed::json(place, text, &e))
    }

    /// Takes a field out and reads it, as Go's decoder does: whatever the case of its name, the last
    /// of equal ones, `null` as if it were absent. `whole` is the object's text.
    pub(crate) fn take<T: DeserializeOwned + Default>(
        &mut self,
        name: &str,
        place: Place,
        whole: &str,
    ) -> Result<T, Malformed> {
        let (of_name, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(key, _)| key.eq_ignore_ascii_case(name));
        self.0 = others.into();
        let Some((_, value)) = of_name.last() else {
            return Ok(T::default());
        };
        let read: Option<T> = serde_json::from_str(value.get()).map_err(|e| {
            Malformed::value(
                place,
                whole,
                format!("has a `{name}` that cannot be read: {e}"),
            )
        })?;
        Ok(read.unwrap_or_default())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the fields behind those that are written already.
    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0
            .iter()
            .try_for_each(|(key, value)| map.serialize_entry(key, value))
    }
}

/// Two are equal when they say the same in whatever order.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |object: &Self| {
            let fields = object.0.iter();
            let mut fields: Vec<_> = fields
                .map(|(key, value)| (key.clone(), value.get().to_owned()))
                .collect();
            fields.sort();
            fields
        };
        sorted(self) == sorted(other)
    }
}

impl Eq for Object {}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map)?;
        map.end()
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Object(fields.into()))
    }
}
