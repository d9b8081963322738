//! Medians and percentiles.

use super::{mean, median, percentile};
use std::time::Duration;

#[test]
fn percentiles_are_samples() {
    let samples: Vec<f64> = (1..=100).rev().map(f64::from).collect();
    assert_eq!(percentile(&samples, 50), 50.0);
    assert_eq!(percentile(&samples, 99), 99.0);
    assert_eq!(percentile(&samples, 100), 100.0);
    assert_eq!(percentile(&[7.0], 1), 7.0);
    assert_eq!(percentile(&[], 50), 0.0);
}

#[test]
fn the_median_of_five_is_the_third() {
    assert_eq!(median(&[9.0, 1.0, 5.0, 3.0, 7.0]), 5.0);
}

#[test]
fn a_mean_of_nothing_is_nothing() {
    assert_eq!(mean(&[]), Duration::ZERO);
    let two = [Duration::from_millis(2), Duration::from_millis(4)];
    assert_eq!(mean(&two), Duration::from_millis(3));
}
