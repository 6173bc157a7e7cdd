//! Lines of a file between two marks, which a command writes.

/// Replaces the lines between the line that ends with `begin` and the one that ends with `end`.
pub(crate) fn replaced(text: &str, begin: &str, end: &str, lines: &str) -> Option<String> {
    let first = text.find(&format!("{begin}\n"))? + begin.len() + 1;
    let mark = first + text[first..].find(&format!("{end}\n"))?;
    // The mark may follow a comment's sign.
    let last = text[..mark].rfind('\n')? + 1;
    Some(format!("{}{lines}{}", &text[..first], &text[last..]))
}
