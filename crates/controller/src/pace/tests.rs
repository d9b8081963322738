//! A node that never shows an effect does not make the loop spin.

use super::*;

#[test]
fn a_few_passes_follow_at_once_then_ever_more_slowly_until_one_does_nothing() {
    let mut pace = Pace::default();
    let waits: Vec<_> = (0..20)
        .map(|_| pace.after(true).unwrap().as_millis())
        .collect();
    assert_eq!(&waits[..9], [0, 0, 0, 0, 0, 0, 100, 200, 400]);
    assert_eq!(waits.last(), Some(&5_000));
    assert_eq!(pace.after(false), None);
    assert_eq!(pace.after(true), Some(Duration::ZERO));
}
