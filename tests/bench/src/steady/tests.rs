//! Figures of the steady bench.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Files, changed};

#[test]
fn every_kind_of_change_counts() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let files = |list: &[(&str, u64)]| -> Files {
        list.iter()
            .map(|(name, time)| (PathBuf::from(name), at(*time)))
            .collect()
    };
    let before = files(&[("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(changed(&before, &before), 0);
    assert_eq!(changed(&before, &files(&[("a", 1), ("b", 2), ("d", 1)])), 3);
}
