//! Bucket bounds of histograms, in seconds. Few sets, so that panels can be laid over each other.

/// Upper bounds for calls to nodes: from a loopback answer to the dial's deadline of 15 s.
pub const CALL_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0,
];

/// Upper bounds for computing: planning, serialising.
pub const COMPUTE_SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.001, 0.002_5, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0,
];

/// Upper bounds for what people wait for: convergence, healing.
pub const WAIT_SECONDS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
];
