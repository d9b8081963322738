//! Files are compared to the byte.

use super::first_difference;

#[test]
fn the_first_difference_has_a_line() {
    assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
    assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
    assert_eq!(
        first_difference("a\nb", "a\nb\n"),
        Some(3),
        "the last line end counts"
    );
    assert_eq!(first_difference("", "a\n"), Some(1));
}
