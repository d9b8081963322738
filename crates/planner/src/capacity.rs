//! Capacity: how many connections of a node the mesh may use (topology.md).

use kubomesh_core::{Capacity, ConnLimits, Reading};

/// Kubo's default marks (measured-on-kubo, row 19).
const LOW_WATER: i64 = 32;
const HIGH_WATER: i64 = 96;

/// The capacity that settings say; assumed when they are unset or the node refuses to tell them.
/// `None` when the node gave no answer: it is asked again.
pub(crate) fn read(limits: &Reading<ConnLimits>) -> Option<Capacity> {
    match limits {
        Ok(limits) => Some(of(limits)),
        Err(failure) if failure.kind.is_silence() => None,
        Err(_) => Some(Capacity::Assumed),
    }
}

/// ¾ × (HighWater − LowWater), never below 8; unlimited when trimming is off.
fn of(limits: &ConnLimits) -> Capacity {
    if limits.kind.as_deref() == Some("none") {
        return Capacity::Unlimited;
    }
    if limits.low_water.is_none() && limits.high_water.is_none() {
        return Capacity::Assumed;
    }
    let low = limits.low_water.unwrap_or(LOW_WATER);
    let high = limits.high_water.unwrap_or(HIGH_WATER);
    if high == 0 {
        return Capacity::Unlimited;
    }
    let room =
        high.saturating_sub(low).max(0) / 4 * 3 + high.saturating_sub(low).max(0) % 4 * 3 / 4;
    Capacity::Links(
        u32::try_from(room)
            .unwrap_or(u32::MAX)
            .max(Capacity::LEAST_LINKS),
    )
}
