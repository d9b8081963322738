//! What the world sees: records, mesh status, events, metrics.
