//! What kind of statement a text is, by its first word.

/// What a statement does, as far as the shell has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only reads.
    Reads,
    /// It begins with `WITH`, and may read or write.
    With,
    /// `BEGIN` or `SAVEPOINT`: a transaction is open afterwards.
    Begins,
    /// `COMMIT` or `END`.
    Commits,
    /// `ROLLBACK`, or `RELEASE`: it depends on more whether a transaction is open afterwards.
    MayEnd,
    /// It changes what names there are.
    Defines,
    /// Anything else.
    Other,
}

impl Kind {
    pub(crate) fn of(sql: &str) -> Self {
        let is =
            |words: &[&str]| words.iter().any(|word| first_word(sql).eq_ignore_ascii_case(word));
        match () {
            () if is(&["SELECT", "VALUES", "EXPLAIN"]) => Self::Reads,
            () if is(&["WITH"]) => Self::With,
            () if is(&["BEGIN", "SAVEPOINT"]) => Self::Begins,
            () if is(&["COMMIT", "END"]) => Self::Commits,
            () if is(&["ROLLBACK", "RELEASE"]) => Self::MayEnd,
            () if is(&["CREATE", "DROP", "ALTER", "ATTACH", "DETACH"]) => Self::Defines,
            () => Self::Other,
        }
    }

    /// Whether its number of changed rows is worth a line.
    pub(crate) fn changes_rows(sql: &str) -> bool {
        ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"]
            .iter()
            .any(|word| first_word(sql).eq_ignore_ascii_case(word))
    }
}

/// Whether it is `EXPLAIN QUERY PLAN`.
pub(crate) fn is_query_plan(sql: &str) -> bool {
    let mut rest = skip_blanks(sql);
    ["EXPLAIN", "QUERY", "PLAN"].iter().all(|wanted| {
        let word = first_word(rest);
        rest = skip_blanks(rest).get(word.len()..).unwrap_or_default();
        word.eq_ignore_ascii_case(wanted)
    })
}

/// Returns the text without blanks and comments at its beginning.
pub(crate) fn skip_blanks(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|it: char| it.is_ascii_whitespace() || it == ';');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
        } else {
            return rest;
        }
    }
}

fn first_word(sql: &str) -> &str {
    let rest = skip_blanks(sql);
    let end = rest.find(|it: char| !it.is_ascii_alphabetic()).unwrap_or(rest.len());
    &rest[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_before_a_statement_do_not_hide_what_it_is() {
        assert_eq!(Kind::of("-- a\n/* b */ ;select(1)"), Kind::Reads);
        assert_eq!(Kind::of("begin immediate"), Kind::Begins);
        assert_eq!(Kind::of("END TRANSACTION"), Kind::Commits);
        assert_eq!(Kind::of("endless"), Kind::Other);
        assert_eq!(Kind::of("/* no end"), Kind::Other);
        assert!(is_query_plan(" explain /* x */ query\nplan SELECT 1"));
        assert!(!is_query_plan("EXPLAIN SELECT 1"));
    }
}
