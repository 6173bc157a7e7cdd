//! SQL text as SQLite's tokenizer divides it, as far as migrations need to know: where a statement
//! ends, and how it begins. <https://sqlite.org/lang_keywords.html>

use std::ops::Range;

/// What a piece of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, a name or a number.
    Word,
    /// A quoted name.
    Quoted,
    /// A text or blob.
    Text,
    /// An operator, or one other character.
    Sign,
}

/// Divides a text into its pieces, without white space and comments.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(is_blank).len();
            let after = &rest[blank..];
            let comment = if after.starts_with("--") {
                after.find('\n').unwrap_or(after.len())
            } else if let Some(inside) = after.strip_prefix("/*") {
                inside.find("*/").map_or(after.len(), |end| end + 4)
            } else {
                0
            };
            self.at += blank + comment;
            if comment == 0 {
                return;
            }
        }
    }
}

fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{feff}'
}

/// SQLite takes every character beyond ASCII for a letter.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '|')
}

/// Returns the length of what is quoted by `end`, whose doubling stands for itself.
fn quoted(rest: &str, end: char) -> usize {
    let mut at = 1;
    while let Some(found) = rest[at..].find(end) {
        at += found + 1;
        if end == ']' || !rest[at..].starts_with(end) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

impl Iterator for Tokens<'_> {
    type Item = (Kind, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let (kind, length) = match first {
            '\'' => (Kind::Text, quoted(rest, '\'')),
            '"' | '`' => (Kind::Quoted, quoted(rest, first)),
            '[' => (Kind::Quoted, quoted(rest, ']')),
            _ if is_word(first) => (Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            _ if is_operator(first) => {
                (Kind::Sign, rest.find(|c| !is_operator(c)).unwrap_or(rest.len()))
            }
            _ => (Kind::Sign, first.len_utf8()),
        };
        let range = self.at..self.at + length;
        self.at = range.end;
        Some((kind, range))
    }
}

/// More pieces of a statement's beginning are never looked at.
const BEGINNING: usize = 12;

/// One statement of a script: where it is, and how it begins.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) range: Range<usize>,
    beginning: Vec<(Kind, Range<usize>)>,
}

impl Statement {
    /// Returns the pieces that it begins with.
    pub(super) fn beginning<'a>(&'a self, text: &'a str) -> Beginning<'a> {
        Beginning { text, pieces: &self.beginning }
    }
}

/// How a statement begins, read from the front.
#[derive(Clone, Copy)]
pub(super) struct Beginning<'a> {
    text: &'a str,
    pieces: &'a [(Kind, Range<usize>)],
}

impl<'a> Beginning<'a> {
    /// Reads the word, if it comes next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let Some(((Kind::Word, range), rest)) = self.pieces.split_first() else { return false };
        let found = self.text[range.clone()].eq_ignore_ascii_case(word);
        if found {
            self.pieces = rest;
        }
        found
    }

    /// Reads the words, if they come next.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let mut ahead = *self;
        let found = words.iter().all(|word| ahead.word(word));
        if found {
            *self = ahead;
        }
        found
    }

    /// Reads the sign, if it comes next.
    pub(super) fn sign(&mut self, sign: char) -> bool {
        let Some(((Kind::Sign, range), rest)) = self.pieces.split_first() else { return false };
        let found = self.text[range.clone()].starts_with(sign);
        if found {
            self.pieces = rest;
        }
        found
    }

    /// Reads a name, if one comes next; of one with a schema, its last part.
    pub(super) fn name(&mut self) -> Option<String> {
        let ((kind, range), rest) = self.pieces.split_first()?;
        if *kind == Kind::Sign {
            return None;
        }
        self.pieces = rest;
        let name = unquoted(&self.text[range.clone()]);
        if self.sign('.') { self.name() } else { Some(name) }
    }
}

fn unquoted(name: &str) -> String {
    let inner = |end: usize| name.get(1..name.len().max(1) - end).unwrap_or_default();
    match name.chars().next() {
        Some(quote @ ('"' | '`' | '\'')) => {
            inner(1).replace(&format!("{quote}{quote}"), &quote.to_string())
        }
        Some('[') => inner(1).to_owned(),
        _ => name.to_owned(),
    }
}

/// Divides a script into its statements, as `sqlite3_complete` does: the body of a trigger has
/// statements of its own, and ends with `; END;`.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut open: Option<Statement> = None;
    let mut trigger = false;
    // What came last in the trigger: a semicolon, and then END.
    let (mut after_semicolon, mut after_end) = (false, false);
    for (kind, range) in Tokens::new(text) {
        let piece = &text[range.clone()];
        let semicolon = kind == Kind::Sign && piece == ";";
        let Some(statement) = &mut open else {
            if !semicolon {
                open = Some(Statement { range: range.clone(), beginning: vec![(kind, range)] });
                (trigger, after_semicolon, after_end) = (false, false, false);
            }
            continue;
        };
        statement.range.end = range.end;
        if semicolon && (!trigger || after_end) {
            found.extend(open.take());
            continue;
        }
        after_end = after_semicolon && kind == Kind::Word && piece.eq_ignore_ascii_case("END");
        after_semicolon = semicolon;
        if statement.beginning.len() < BEGINNING {
            statement.beginning.push((kind, range));
            let mut start = statement.beginning(text);
            trigger = start.words(&["CREATE", "TRIGGER"])
                || start.words(&["CREATE", "TEMP", "TRIGGER"])
                || start.words(&["CREATE", "TEMPORARY", "TRIGGER"]);
        }
    }
    found.extend(open);
    found
}

/// Returns SQL with the same blanks between its pieces whatever they were, so that only what matters
/// to SQLite matters when texts are compared. Names in quotes that need none lose them, since renaming a table adds them.
pub(crate) fn normalized(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (kind, range) in Tokens::new(text) {
        let piece = &text[range];
        let close = matches!(piece, "(" | ")" | "," | ";" | ".") || out.ends_with(['(', '.']);
        if !out.is_empty() && !close {
            out.push(' ');
        }
        let name = unquoted(piece);
        let plain = kind == Kind::Quoted
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(is_word);
        out.push_str(if plain { &name } else { piece });
    }
    out
}

/// Returns what fires a trigger, given its `CREATE TRIGGER`: `INSERT`, `UPDATE` or `DELETE`.
pub(crate) fn trigger_event(sql: &str) -> Option<&'static str> {
    let statements = statements(sql);
    let mut start = statements.first()?.beginning(sql);
    if !start.words(&["CREATE", "TRIGGER"]) {
        return None;
    }
    start.words(&["IF", "NOT", "EXISTS"]);
    start.name()?;
    if !start.words(&["INSTEAD", "OF"]) && !start.word("BEFORE") {
        start.word("AFTER");
    }
    ["INSERT", "UPDATE", "DELETE"].into_iter().find(|event| start.word(event))
}

/// Whether two names are the same to SQLite.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        statements(text).into_iter().map(|it| &text[it.range]).collect()
    }

    #[test]
    fn a_semicolon_in_a_text_a_name_or_a_comment_ends_nothing() {
        let text = "-- a; b\nSELECT ';', \"a;b\", [c;d], `e;f` /* ; */;;\n SELECT 'it''s;'; ";
        assert_eq!(split(text), ["SELECT ';', \"a;b\", [c;d], `e;f` /* ; */;", "SELECT 'it''s;';"]);
        assert_eq!(split("-- nothing\n;"), [""; 0]);
        assert_eq!(split("SELECT 'open; "), ["SELECT 'open; "]);
        assert_eq!(split("SELECT 'ä;'; SELECT 2"), ["SELECT 'ä;';", "SELECT 2"]);
    }

    #[test]
    fn a_trigger_is_one_statement() {
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n\
             UPDATE a SET x = CASE WHEN 1 THEN 2 END;\nDELETE FROM b;\nEND;";
        assert_eq!(split(&format!("{trigger}\nSELECT 1;")), [trigger, "SELECT 1;"]);
        let plain = "create trigger t after insert on a begin select 1; end;";
        assert_eq!(split(&format!("{plain}{plain}")), [plain, plain]);
    }

    #[test]
    fn what_fires_a_trigger_is_read_whatever_it_is_called() {
        for (sql, event) in [
            ("CREATE TRIGGER \"delete\" AFTER INSERT ON a BEGIN SELECT 1; END", "INSERT"),
            ("create trigger t update of x on a begin select 1; end", "UPDATE"),
            (
                "CREATE TRIGGER IF NOT EXISTS main.t INSTEAD OF DELETE ON v BEGIN SELECT 1; END",
                "DELETE",
            ),
            ("CREATE TRIGGER t BEFORE DELETE ON a BEGIN SELECT 1; END", "DELETE"),
        ] {
            assert_eq!(trigger_event(sql), Some(event), "{sql}");
        }
        assert_eq!(trigger_event("CREATE TABLE t (x)"), None);
    }

    #[test]
    fn names_are_read_as_sqlite_reads_them() {
        let name = |text: &str| {
            let statements = statements(text);
            statements[0].beginning(text).name()
        };
        assert_eq!(name("\"a\"\"b\" x").as_deref(), Some("a\"b"));
        assert_eq!(name("main . [items] x").as_deref(), Some("items"));
        assert_eq!(name("'quoted' x").as_deref(), Some("quoted"));
        assert_eq!(name("( x"), None);
    }

    #[test]
    fn texts_that_differ_in_blanks_alone_are_the_same() {
        let one = normalized("CREATE TABLE \"items\"(\n  id INTEGER, -- the key\n  x TEXT)");
        assert_eq!(one, normalized("CREATE TABLE items ( id INTEGER , x TEXT )"));
        assert_eq!(one, "CREATE TABLE items(id INTEGER, x TEXT)");
        assert_ne!(normalized("SELECT 'a  b'"), normalized("SELECT 'a b'"));
    }
}
