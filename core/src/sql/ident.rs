//! Identifiers: always quoted, never spliced.

use crate::error::{Error, Result};

/// Writes `name` as a quoted SQL identifier, so that no name can become SQL.
///
/// # Errors
/// `InvalidArgument` for a name with a NUL character. For SQLite it ends the text
/// of a statement, so it can't be part of any identifier.
pub(crate) fn quote_into(out: &mut String, name: &str) -> Result<()> {
    if name.contains('\0') {
        return Err(Error::invalid(format!("the name {name:?} contains a NUL character")));
    }
    out.push('"');
    for part in name.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_name_are_doubled() {
        let mut out = String::new();
        quote_into(&mut out, r#""; DROP TABLE x; --"#).unwrap();
        assert_eq!(out, r#""""; DROP TABLE x; --""#);
        assert!(quote_into(&mut out, "a\0b").is_err());
    }
}
