//! What a statement is by its first words, for the few rules that SQLite's own
//! answers do not cover.

/// The classes of statements that need a rule of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Queries and changes of data or schema: no rule.
    Plain,
    /// `BEGIN`, `COMMIT`, `END`, `ROLLBACK`, `SAVEPOINT`, `RELEASE`: owned by
    /// transactions, since a bare one would put tasks into a shared transaction.
    Control,
    /// `VACUUM` and `PRAGMA`s kept in the file: can't run inside a transaction.
    Alone,
    /// Changes one connection alone: `ATTACH`, `DETACH`, `CREATE TEMP …`, a
    /// `PRAGMA` that sets a connection's state.
    Connection,
}

/// Tells the class of the statement.
pub(crate) fn classify(sql: &str) -> Class {
    let mut words = Words(sql);
    let first = words.next().unwrap_or_default();
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    match first.len() {
        3 if is("END") => Class::Control,
        5 if is("BEGIN") => Class::Control,
        6 if is("COMMIT") => Class::Control,
        7 if is("RELEASE") => Class::Control,
        8 if is("ROLLBACK") => Class::Control,
        9 if is("SAVEPOINT") => Class::Control,
        6 if is("VACUUM") => Class::Alone,
        6 if is("ATTACH") || is("DETACH") => Class::Connection,
        6 if is("CREATE") => create(words),
        6 if is("PRAGMA") => pragma(words),
        _ => Class::Plain,
    }
}

/// Whether the statement inserts rows, as far as its first words tell.
pub(crate) fn inserts(sql: &str) -> bool {
    let first = Words(sql).next().unwrap_or_default();
    first.eq_ignore_ascii_case("INSERT")
        || first.eq_ignore_ascii_case("REPLACE")
        || (first.eq_ignore_ascii_case("WITH") && {
            let sql = sql.to_ascii_uppercase();
            sql.contains("INSERT") || sql.contains("REPLACE")
        })
}

/// Whether the statement is `ROLLBACK`, and not `ROLLBACK TO` a savepoint.
pub(crate) fn ends_by_rollback(sql: &str) -> bool {
    let mut words = Words(sql);
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("ROLLBACK"))
        && !words.any(|word| word.eq_ignore_ascii_case("TO"))
}

/// `CREATE TEMP …`, and `CREATE TABLE temp.name` with all that may stand between.
fn create(mut words: Words<'_>) -> Class {
    let mut first = true;
    // CREATE UNIQUE INDEX IF NOT EXISTS temp.name: the name is the seventh word.
    for _ in 0..7 {
        let Some(word) = words.next() else { break };
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        let qualifies = skip_blanks(words.0).starts_with('.');
        if (first && (is("TEMP") || is("TEMPORARY"))) || (is("TEMP") && qualifies) {
            return Class::Connection;
        }
        if qualifies {
            break;
        }
        first = false;
    }
    Class::Plain
}

/// `PRAGMA`s that are kept in the database file, or act on it once.
const OF_THE_FILE: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "encoding",
    "incremental_vacuum",
    "journal_mode",
    "optimize",
    "page_size",
    "schema_version",
    "user_version",
    "wal_checkpoint",
];

/// `PRAGMA`s whose argument in parentheses is a question, not a setting.
const QUESTIONS: &[&str] = &[
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

fn pragma(mut words: Words<'_>) -> Class {
    let mut name = words.next().unwrap_or_default();
    if let Some(rest) = skip_blanks(words.0).strip_prefix('.') {
        words.0 = rest;
        name = words.next().unwrap_or_default();
    }
    let listed = |list: &[&str]| list.iter().any(|item| name.eq_ignore_ascii_case(item));
    let sets = {
        let rest = skip_blanks(words.0);
        rest.starts_with('=') || rest.starts_with('(')
    };
    if listed(OF_THE_FILE)
        && (sets || !listed(&["user_version", "application_id", "schema_version"]))
    {
        Class::Alone
    } else if listed(QUESTIONS) || !sets {
        Class::Plain
    } else {
        Class::Connection
    }
}

/// Words of letters, digits and underscores, or quoted in any of SQLite's ways;
/// blanks and comments between them are passed over.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0 = skip_blanks(self.0);
        let closing = match self.0.chars().next() {
            Some('[') => Some(']'),
            Some(quote @ ('"' | '`' | '\'')) => Some(quote),
            _ => None,
        };
        if let Some(closing) = closing {
            let (word, rest) = self.0[1..].split_once(closing)?;
            self.0 = rest;
            return Some(word);
        }
        let end =
            self.0.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }
}

/// Cuts white space, comments and empty statements off the beginning.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_do_not_hide_a_transaction_statement() {
        assert_eq!(classify("/* x */ -- y\n ;; begin immediate"), Class::Control);
        assert_eq!(classify("COMMIT"), Class::Control);
        assert_eq!(classify("BEGINNING"), Class::Plain);
    }

    #[test]
    fn pragmas_that_ask_are_plain_and_those_that_set_are_not() {
        assert_eq!(classify("PRAGMA table_info(items)"), Class::Plain);
        assert_eq!(classify("PRAGMA foreign_keys"), Class::Plain);
        assert_eq!(classify("PRAGMA foreign_keys = off"), Class::Connection);
        assert_eq!(classify("pragma main.journal_mode(delete)"), Class::Alone);
        assert_eq!(classify("PRAGMA user_version"), Class::Plain);
        assert_eq!(classify("PRAGMA user_version=3"), Class::Alone);
    }

    #[test]
    fn what_lives_in_one_connection_is_told_apart() {
        assert_eq!(classify("CREATE TEMP TABLE t(a)"), Class::Connection);
        assert_eq!(classify("CREATE TABLE temp_x(a)"), Class::Plain);
        assert_eq!(classify("ATTACH 'x' AS y"), Class::Connection);
        assert_eq!(classify("vacuum"), Class::Alone);
        assert_eq!(classify("CREATE TABLE IF NOT EXISTS temp.t(a)"), Class::Connection);
        assert_eq!(classify("CREATE UNIQUE INDEX \"temp\" . i ON t(a)"), Class::Connection);
        assert_eq!(classify("CREATE TABLE main.temp(temp)"), Class::Plain);
        assert_eq!(classify("PRAGMA \"foreign_keys\" = OFF"), Class::Connection);
        assert_eq!(classify("PRAGMA main.[foreign_keys](0)"), Class::Connection);
        assert_eq!(classify("PRAGMA foreign_keys /* x */ = 0"), Class::Connection);
    }
}
