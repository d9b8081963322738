//! Rows hold what was put in them, in order.

use super::Rows;

#[test]
fn values_come_back_row_by_row_and_within_a_row_as_they_came() {
    let entries = [(2, 'a'), (0, 'b'), (2, 'c'), (0, 'd'), (4, 'e'), (2, 'f')];
    let rows = Rows::of(6, entries.into_iter());
    assert_eq!(rows.values, ['b', 'd', 'a', 'c', 'f', 'e']);
    let back: Vec<_> = rows.entries().collect();
    let sorted = [(0, 'b'), (0, 'd'), (2, 'a'), (2, 'c'), (2, 'f'), (4, 'e')];
    assert_eq!(back, sorted);
}

#[test]
fn nothing_is_in_no_rows() {
    let rows = Rows::of(0, std::iter::empty::<(u32, u32)>());
    assert_eq!(rows.entries().count(), 0);
}
