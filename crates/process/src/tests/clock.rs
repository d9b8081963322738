//! The clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Clock;

#[tokio::test(start_paused = true)]
async fn it_starts_at_the_wall_and_goes_by_the_monotonic_clock() {
    let before = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let clock = Clock::start();
    let start = clock.now();
    let after = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    assert!((before..=after).contains(&u128::from(start.0)));
    // The wall clock hardly moves here; tokio's paused monotonic clock does.
    tokio::time::advance(Duration::from_secs(86_400)).await;
    assert_eq!(clock.now(), start + Duration::from_secs(86_400));
}
