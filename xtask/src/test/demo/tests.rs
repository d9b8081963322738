//! What counts as a demo that went well.

use super::{whole_after_trouble, whole_once};

const TROUBLE: [&str; 8] = [
    "   1.0 s  node-04 was killed",
    "   2.1 s  node-04 runs again",
    "   3.0 s  healed in 0.9 s",
    "   3.6 s  node-11 was killed and runs again",
    "   3.7 s  healed in 0.1 s",
    "   4.3 s  node-06 moved to 127.98.76.14",
    "   5.0 s  healed in 0.7 s",
    "converged peers=12 links=66/66 strokes=3 seconds=5.1",
];

#[test]
fn one_trouble_of_each_kind_heals() {
    let lines = TROUBLE.map(str::to_owned);
    assert!(whole_after_trouble(&lines));
    for missing in 0..lines.len() {
        let mut fewer = lines.to_vec();
        let gone = fewer.remove(missing);
        let counts = !gone.ends_with("node-04 runs again");
        assert_eq!(whole_after_trouble(&fewer), !counts, "without {gone}");
    }
}

#[test]
fn a_demo_without_trouble_says_so_in_its_last_line() {
    let once = "converged peers=12 links=66/66 seconds=0.4".to_owned();
    assert!(whole_once(&["first".to_owned(), once.clone()]));
    assert!(!whole_once(&[once, "killed".to_owned()]));
    assert!(!whole_once(&TROUBLE.map(str::to_owned)));
}
