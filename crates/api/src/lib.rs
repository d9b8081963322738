//! The custom resources: types, CEL rules, and their translation into core values.
