//! Sums over samples.

use std::time::Duration;

/// The sample in the middle; of two the larger. 0 without samples.
pub(crate) fn median(samples: &[f64]) -> f64 {
    rank(samples, |count| count / 2)
}

/// The smallest sample that is not below so many percent of them (nearest rank). 0 without samples.
pub(crate) fn percentile(samples: &[f64], percent: usize) -> f64 {
    rank(samples, |count| {
        (count * percent).div_ceil(100).saturating_sub(1)
    })
}

/// The arithmetic mean; zero without samples.
pub(crate) fn mean(samples: &[Duration]) -> Duration {
    let count = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    samples
        .iter()
        .sum::<Duration>()
        .checked_div(count)
        .unwrap_or_default()
}

/// Milliseconds.
pub(crate) fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

fn rank(samples: &[f64], place: impl Fn(usize) -> usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(place(sorted.len())).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
