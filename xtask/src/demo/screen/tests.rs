//! Lines fit.

use super::{Size, fit};

#[test]
fn a_terminal_without_a_size_has_the_usual_one() {
    let size = |columns, rows| Size { columns, rows };
    assert_eq!(Size::of(0, 0), size(80, 24));
    assert_eq!(Size::of(132, 12), size(132, 12));
    assert_eq!(Size::of(3, 1), size(20, 4));
}

#[test]
fn long_lines_are_cut() {
    assert_eq!(fit("12345678", 9), "12345678");
    assert_eq!(
        fit("123456789", 9),
        "1234567…",
        "the last column stays free"
    );
    assert_eq!(
        fit("äöüäöüäöü", 9),
        "äöüäöüä…",
        "letters are counted, not bytes"
    );
    assert_eq!(
        fit("\x1b[32m123456789\x1b[0m", 9),
        "\x1b[32m123456789\x1b[0m"
    );
}
