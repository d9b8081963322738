//! Processor time as the kernel tells it.

use super::{of, own, ticks};

#[test]
fn a_name_with_brackets_does_not_shift_the_fields() {
    let stat = "77 (a) b (c) S 1 77 77 0 -1 4194304 10 0 0 0 250 31 0 0 20 0 3 0 99 1 2";
    assert_eq!(ticks(stat), Some(281));
    assert_eq!(ticks("77 (a) S 1"), None);
}

#[test]
fn work_shows_by_both_clocks() {
    let before = own();
    let mut sum = 0_u64;
    while own() - before < std::time::Duration::from_millis(50) {
        sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
    }
    assert!(of(std::process::id()).unwrap() >= std::time::Duration::from_millis(30));
}
