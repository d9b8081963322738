//! Lines fit.

use super::fit;

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
