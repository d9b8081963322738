//! Tests of what a request says beside its message.

use std::time::Duration;

use tonic::Request;

use super::{deadline, timeout};

#[test]
fn timeouts_are_read() {
    for (text, read) in [
        ("5S", Some(Duration::from_secs(5))),
        ("250m", Some(Duration::from_millis(250))),
        ("99999999H", Some(Duration::from_secs(3600) * 99_999_999)),
        ("7u", Some(Duration::from_micros(7))),
        ("7n", Some(Duration::from_nanos(7))),
        ("1M", Some(Duration::from_secs(60))),
        ("", None),
        ("S", None),
        ("-1S", None),
        ("5", None),
        ("5ß", None),
    ] {
        assert_eq!(timeout(text), read, "{text}");
    }
}

/// Kubo's answer is there before the caller gives up.
#[test]
fn kubo_gets_less_than_the_caller_waits() {
    for (asked, given) in [(5_000, 4_500), (1_000, 800), (60_000, 5_000)] {
        let mut request = Request::new(());
        request.set_timeout(Duration::from_millis(asked));
        assert_eq!(deadline(&request), Duration::from_millis(given));
    }
    assert_eq!(deadline(&Request::new(())), Duration::from_millis(4_500));
}
