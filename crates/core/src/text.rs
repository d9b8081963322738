//! What a node said, made fit for a log line and a condition.

use anstream::adapter::strip_str;

/// Most characters of the original that are looked at for each one that is kept: a node may send
/// megabytes of escape sequences.
const LOOKED_AT: usize = 16;

/// A text as one line of at most `max` characters that shows what it says: terminal sequences and
/// characters without a shape of their own ([`is_invisible`], control characters) are left out, line
/// breaks and tabs are spaces.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let some = text.chars().take(max.saturating_mul(LOOKED_AT));
    let seven_bit: String = some.flat_map(seven_bit).collect();
    let plain = strip_str(&seven_bit).to_string();
    let shown = plain.chars().filter(|c| !is_invisible(*c));
    let spaced = shown.map(|c| if is_break(c) { ' ' } else { c });
    spaced.take(max).collect()
}

/// Whether a character is of Unicode's category Cf (format, version 17): it has no shape of its own
/// and can turn around, hide or join what stands beside it.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}'
    )
}

/// A control character, or one of Unicode's two separators of lines and paragraphs.
fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The C1 controls (U+0080 to U+009F) as the two characters that mean the same in seven bits
/// (ECMA-48, 5.3): terminals take both.
fn seven_bit(c: char) -> impl Iterator<Item = char> {
    let second = match c {
        '\u{80}'..='\u{9f}' => char::from_u32(u32::from(c) - 0x40),
        _ => None,
    };
    let first = if second.is_some() { '\u{1b}' } else { c };
    std::iter::once(first).chain(second)
}
