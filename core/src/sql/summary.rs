//! What a statement is, in a few words and without its values: for traces.

use super::skip_blanks;

/// No more of a statement is read.
const MOST: usize = 4 * 1024;

/// A longer name is cut: a summary is a name of few different ones.
const LONGEST: usize = 120;

/// Returns what a statement is: its operation and the table or other thing that it names first, as
/// in `SELECT items`, `CREATE TABLE items`, `PRAGMA user_version`. Values never are in it.
pub(crate) fn summary(sql: &str) -> String {
    let end = sql.len().min(MOST);
    let end = (0..=end).rev().find(|at| sql.is_char_boundary(*at)).unwrap_or(0);
    let mut tokens = Tokens { rest: &sql[..end], depth: 0 };
    let Some(Token::Word(first)) = tokens.next() else { return "SQL".into() };
    let mut verb = first.to_ascii_uppercase();
    if verb == "WITH" {
        // The statement that the common tables are for.
        while let Some(token) = tokens.next() {
            if let (0, Token::Word(word)) = (tokens.depth, token)
                && ["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE"]
                    .iter()
                    .any(|verb| word.eq_ignore_ascii_case(verb))
            {
                verb = word.to_ascii_uppercase();
                break;
            }
        }
    }
    let name = match verb.as_str() {
        "SELECT" | "DELETE" => tokens.after("FROM"),
        "INSERT" | "REPLACE" => tokens.after("INTO"),
        "UPDATE" => tokens.name_after_or(),
        "PRAGMA" | "ANALYZE" | "REINDEX" => tokens.name(),
        "CREATE" | "DROP" | "ALTER" => match tokens.kind() {
            Some(kind) => {
                verb = format!("{verb} {kind}");
                tokens.name()
            }
            None => None,
        },
        // A word of SQLite's, and not one of somebody's data.
        _ if WORDS.contains(&verb.as_str()) => None,
        _ => return "SQL".into(),
    };
    match name {
        Some(name) => format!("{verb} {}", name.chars().take(LONGEST).collect::<String>()),
        None => verb,
    }
}

/// Verbs that name nothing.
const WORDS: [&str; 13] = [
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "VACUUM",
    "ATTACH",
    "DETACH",
    "EXPLAIN",
    "VALUES",
    "WITH",
    "SELECT",
];

enum Token<'a> {
    /// A name or a keyword, as it is written.
    Word(&'a str),
    /// A name in quotes, without them.
    Quoted(&'a str),
    Other,
}

struct Tokens<'a> {
    rest: &'a str,
    /// How many parentheses are open.
    depth: u32,
}

impl<'a> Tokens<'a> {
    /// Returns the name that follows a keyword outside parentheses.
    fn after(&mut self, keyword: &str) -> Option<&'a str> {
        while let Some(token) = self.next() {
            if let (0, Token::Word(word)) = (self.depth, token)
                && word.eq_ignore_ascii_case(keyword)
            {
                return self.name();
            }
        }
        None
    }

    /// Returns the name in `UPDATE OR IGNORE name`.
    fn name_after_or(&mut self) -> Option<&'a str> {
        let before = self.rest;
        if let Some(Token::Word(word)) = self.next()
            && word.eq_ignore_ascii_case("OR")
        {
            self.next();
        } else {
            self.rest = before;
        }
        self.name()
    }

    /// Returns what is created, dropped or altered.
    fn kind(&mut self) -> Option<&'static str> {
        while let Some(Token::Word(word)) = self.next() {
            let kinds = ["TABLE", "INDEX", "VIEW", "TRIGGER"];
            if let Some(kind) = kinds.into_iter().find(|kind| word.eq_ignore_ascii_case(kind)) {
                return Some(kind);
            }
        }
        None
    }

    /// Returns the next name, without the database that it is in.
    fn name(&mut self) -> Option<&'a str> {
        let mut name = None;
        loop {
            match self.next()? {
                Token::Word(word)
                    if name.is_none()
                        && ["IF", "NOT", "EXISTS"]
                            .iter()
                            .any(|skipped| word.eq_ignore_ascii_case(skipped)) => {}
                Token::Word(word) | Token::Quoted(word) => name = Some(word),
                Token::Other => return None,
            }
            if name.is_some() {
                let rest = skip_blanks(self.rest);
                let Some(rest) = rest.strip_prefix('.') else { return name };
                self.rest = rest;
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = skip_blanks(self.rest);
        let first = rest.chars().next()?;
        let is_name = |it: char| it.is_alphanumeric() || matches!(it, '_' | '$') || it > '\u{7f}';
        let close = match first {
            '"' | '`' | '\'' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        if let Some(close) = close {
            let inside = &rest[1..];
            let end = inside.find(close).unwrap_or(inside.len());
            self.rest = inside.get(end + 1..).unwrap_or("");
            // A text is a value.
            return Some(match first {
                '\'' => Token::Other,
                _ => Token::Quoted(&inside[..end]),
            });
        }
        if is_name(first) && !first.is_ascii_digit() {
            let end = rest.find(|it| !is_name(it)).unwrap_or(rest.len());
            self.rest = &rest[end..];
            return Some(Token::Word(&rest[..end]));
        }
        self.rest = &rest[first.len_utf8()..];
        match first {
            '(' => self.depth += 1,
            ')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Some(Token::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_operation_and_what_it_names_and_no_value() {
        for (sql, expected) in [
            ("SELECT * FROM items WHERE name = 'secret'", "SELECT items"),
            (
                "  -- which\n select (SELECT 1 FROM other), x from main.\"my items\"",
                "SELECT my items",
            ),
            ("select 1", "SELECT"),
            ("SELECT * FROM (SELECT a FROM b)", "SELECT"),
            ("SELECT 'FROM x', [FROM] FROM `t`", "SELECT t"),
            ("WITH RECURSIVE n (i) AS (SELECT 1 FROM a) SELECT i FROM n", "SELECT n"),
            ("WITH n AS (SELECT 1) INSERT INTO items SELECT * FROM n", "INSERT items"),
            ("INSERT OR IGNORE INTO items (a) VALUES ('secret')", "INSERT items"),
            ("REPLACE INTO items VALUES (1)", "REPLACE items"),
            ("update or ignore items set a = 1", "UPDATE items"),
            ("UPDATE items SET a = 1", "UPDATE items"),
            ("DELETE FROM \"items\"", "DELETE items"),
            ("CREATE TEMP TABLE IF NOT EXISTS items (a)", "CREATE TABLE items"),
            ("CREATE UNIQUE INDEX by_a ON items (a)", "CREATE INDEX by_a"),
            ("DROP TABLE IF EXISTS main.items", "DROP TABLE items"),
            ("ALTER TABLE items ADD COLUMN b", "ALTER TABLE items"),
            ("PRAGMA main.user_version = 7", "PRAGMA user_version"),
            ("begin immediate", "BEGIN"),
            ("COMMIT", "COMMIT"),
            ("SAVEPOINT 'a'", "SAVEPOINT"),
            ("EXPLAIN QUERY PLAN SELECT 1", "EXPLAIN"),
            ("secret", "SQL"),
            ("'secret'", "SQL"),
            ("", "SQL"),
            ("SELECT * FROM \"unclosed", "SELECT unclosed"),
            ("SELECT a FROM überall", "SELECT überall"),
        ] {
            assert_eq!(summary(sql), expected, "{sql}");
        }
        let long = format!("SELECT '{}' FROM t", "é".repeat(5_000));
        assert_eq!(summary(&long), "SELECT");
    }
}
