//! Values as text, and what of it a terminal may see.

use std::borrow::Cow;

use ubiqlite::ValueRef;
use unicode_width::UnicodeWidthChar;

/// What stands for the rest of something that is longer.
pub(crate) const CUT: char = '…';

/// Returns the text of a value that is not NULL; of a blob, its bytes in hexadecimal digits.
pub(crate) fn plain(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Null => "".into(),
        ValueRef::Integer(value) => value.to_string().into(),
        ValueRef::Real(value) => real(value).into(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes),
        ValueRef::Blob(bytes) => hex(bytes).into(),
    }
}

/// Returns a real number so that it is read back equal, and as a real number.
pub(crate) fn real(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    }
    format!("{value:?}")
}

/// Returns bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    out
}

/// Whether a terminal would obey this character, or show others in another order for it.
pub(crate) fn is_dangerous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

/// Returns the text with visible characters in place of those that a terminal would obey, except for
/// tabs and ends of lines if `lines`: a value of a database must not move the cursor.
pub(crate) fn visible(text: &str, lines: bool) -> Cow<'_, str> {
    let kept = |letter: char| lines && matches!(letter, '\n' | '\t');
    if !text.contains(|letter| is_dangerous(letter) && !kept(letter)) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            _ if kept(letter) => out.push(letter),
            '\n' => out.push('⏎'),
            '\t' => out.push('⇥'),
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(letter)).unwrap_or('?')),
            '\x7f' => out.push('␡'),
            _ if is_dangerous(letter) => out.push('␦'),
            _ => out.push(letter),
        }
    }
    out.into()
}

/// Returns how many columns of a terminal a text takes: each character for itself, as most terminals
/// advance.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(letter_width).sum()
}

fn letter_width(letter: char) -> usize {
    letter.width().unwrap_or(0)
}

/// Returns as much of the text as fits in this many columns, with a mark if that is not all, and the
/// columns that it takes.
pub(crate) fn fit(text: &str, most: usize) -> (Cow<'_, str>, usize) {
    let mut taken = 0;
    // Up to where the mark would fit too.
    let mut cut = (0, 0);
    for (at, letter) in text.char_indices() {
        let width = letter_width(letter);
        if taken + width > most {
            let mut out = text[..cut.0].to_owned();
            out.push(CUT);
            return (out.into(), cut.1 + 1);
        }
        taken += width;
        if taken < most {
            cut = (at + letter.len_utf8(), taken);
        }
    }
    (text.into(), taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_it_stays_within_its_columns() {
        for (text, most, wanted, width) in [
            ("lamp", 4, "lamp", 4),
            ("lamps", 4, "lam…", 4),
            ("日本語", 6, "日本語", 6),
            ("日本語", 5, "日本…", 5),
            ("日本語", 4, "日…", 3),
            ("a😀b", 3, "a…", 2),
            ("a😀b", 4, "a😀b", 4),
            ("e\u{301}e\u{301}e", 2, "e\u{301}…", 2),
        ] {
            assert_eq!(fit(text, most), (wanted.into(), width), "{text} in {most}");
        }
    }

    #[test]
    fn no_value_can_give_the_terminal_an_order() {
        assert_eq!(visible("a\x1b[2Jb\r\n\u{202e}\u{9b}", false), "a␛[2Jb␍⏎␦␦");
        assert_eq!(visible("a\n\tb\x07", true), "a\n\tb␇");
        assert!(matches!(visible("plain", false), Cow::Borrowed("plain")));
    }

    #[test]
    fn reals_stay_reals() {
        for (value, wanted) in [(1.0, "1.0"), (0.1, "0.1"), (1e300, "1e300"), (-2.5e-9, "-2.5e-9")]
        {
            assert_eq!(real(value), wanted);
        }
    }
}
