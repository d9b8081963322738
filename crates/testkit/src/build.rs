//! Builders of the vocabulary's values, with defaults that a healthy small fleet would have.
