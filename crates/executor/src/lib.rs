//! Bounded fan-out: observes nodes and applies plans, without choices of its own.
