//! The times of a lease.

use std::time::Duration;

use crate::Timing;

#[test]
fn the_defaults_are_the_rules_own() {
    let timing = Timing::default();
    assert_eq!(timing.duration(), Duration::from_secs(6));
    assert_eq!(timing.renew_interval(), Duration::from_secs(2));
    assert_eq!(timing.margin(), Duration::from_secs(1));
    assert_eq!(timing.poll_interval(), Duration::from_secs(1));
    assert_eq!(timing.request_deadline(), Duration::from_secs(2));
    assert_eq!(timing.retry_pause(), Duration::from_millis(250));
    assert_eq!(
        Timing::new(timing.duration(), timing.renew_interval()),
        Ok(timing)
    );
}

#[test]
fn wrong_times_are_sentences_with_the_flag() {
    let refused = |duration, interval| {
        let (duration, interval) = (
            Duration::from_millis(duration),
            Duration::from_millis(interval),
        );
        Timing::new(duration, interval).unwrap_err().to_string()
    };
    assert_eq!(
        refused(6_500, 2_000),
        "--lease-duration=6.5s is not a whole number of seconds from 1 s to 3600 s"
    );
    assert_eq!(
        refused(3_601_000, 2_000),
        "--lease-duration=3601s is not a whole number of seconds from 1 s to 3600 s"
    );
    assert_eq!(
        refused(6_000, 2_001),
        "--lease-renew-interval=2.001s is more than a third of --lease-duration=6s; write at most \
         a third, so that one failed renewal does not lose the lease"
    );
    assert_eq!(
        refused(6_000, 99),
        "--lease-renew-interval=99ms is below 100 ms"
    );
}
