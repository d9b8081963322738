//! What every binary shares: signals, the two-stage stop, named readiness.
