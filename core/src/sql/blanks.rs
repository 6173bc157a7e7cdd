//! What precedes a statement.

/// Strips white space, comments and empty statements from the beginning.
pub(crate) fn skip_blanks(mut sql: &str) -> &str {
    loop {
        let rest = sql
            .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';' || c == '\u{feff}');
        sql = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            return rest;
        };
    }
}

/// Returns the first word of some SQL: letters, after white space and comments.
pub(crate) fn first_word(sql: &str) -> &str {
    skip_blanks(sql).split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

/// Whether the first word says that rows are changed.
pub(crate) fn is_change(sql: &str) -> bool {
    let word = first_word(sql);
    ["INSERT", "UPDATE", "DELETE", "REPLACE"].iter().any(|change| word.eq_ignore_ascii_case(change))
}

/// Whether the first word says that the schema is changed, if there is anything to do.
pub(crate) fn is_schema_change(sql: &str) -> bool {
    let word = first_word(sql);
    ["CREATE", "DROP", "ALTER"].iter().any(|change| word.eq_ignore_ascii_case(change))
}

/// Whether compiling it may do something, or it only makes sense when it is carried out: a `PRAGMA`,
/// and what begins or ends transactions. `EXPLAIN` changes nothing about that.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn acts_when_compiled(sql: &str) -> bool {
    let mut sql = skip_blanks(sql);
    for word in ["EXPLAIN", "QUERY", "PLAN"] {
        if first_word(sql).eq_ignore_ascii_case(word) {
            sql = skip_blanks(&sql[word.len()..]);
        }
    }
    let acts = ["PRAGMA", "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"];
    acts.iter().any(|word| first_word(sql).eq_ignore_ascii_case(word))
}
