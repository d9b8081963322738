//! What was read, or why it could not be had, as JSON: `{"value": …}` or `{"failure": {…}}`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Failure, Reading};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Shown<'a, T> {
    Value(&'a T),
    Failure(&'a Failure),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Read<T> {
    Value(T),
    Failure(Failure),
}

impl<'a, T> From<&'a Reading<T>> for Shown<'a, T> {
    fn from(reading: &'a Reading<T>) -> Self {
        match reading {
            Ok(value) => Self::Value(value),
            Err(failure) => Self::Failure(failure),
        }
    }
}

impl<T> From<Read<T>> for Reading<T> {
    fn from(read: Read<T>) -> Self {
        match read {
            Read::Value(value) => Ok(value),
            Read::Failure(failure) => Err(failure),
        }
    }
}

/// For `#[serde(with = "crate::reading")]`.
pub(crate) fn serialize<T: Serialize, S: Serializer>(
    reading: &Reading<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Shown::from(reading).serialize(serializer)
}

/// For `#[serde(with = "crate::reading")]`.
pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Reading<T>, D::Error> {
    Read::deserialize(deserializer).map(Into::into)
}

/// The same where it may not have been asked for.
pub(crate) mod optional {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Read, Shown};
    use crate::Reading;

    /// For `#[serde(with = "crate::reading::optional")]`.
    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        reading: &Option<Reading<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        reading.as_ref().map(Shown::from).serialize(serializer)
    }

    /// For `#[serde(with = "crate::reading::optional")]`.
    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Reading<T>>, D::Error> {
        let read: Option<Read<T>> = Option::deserialize(deserializer)?;
        Ok(read.map(Into::into))
    }
}

/// A result without a value: the failure, or `null` where there is none.
pub(crate) mod done {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Failure;

    /// For `#[serde(with = "crate::reading::done")]`.
    pub(crate) fn serialize<S: Serializer>(
        result: &Result<(), Failure>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        result.as_ref().err().serialize(serializer)
    }

    /// For `#[serde(with = "crate::reading::done")]`.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Result<(), Failure>, D::Error> {
        let failure: Option<Failure> = Option::deserialize(deserializer)?;
        Ok(failure.map_or(Ok(()), Err))
    }
}
