//! The deterministic simulation: the model driven by the real planner.
