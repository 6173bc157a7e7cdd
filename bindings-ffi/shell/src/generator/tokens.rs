//! SQL as tokens, as far as the rules about types need them.

/// A token, and where it begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) kind: TokenKind,
    pub(crate) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword, or a name without quotes.
    Word,
    /// A name in quotes.
    Quoted,
    /// A text in single quotes.
    Text,
    Number,
    Param,
    Sign,
}

impl<'a> Token<'a> {
    /// Whether it is this keyword, or a name like it.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    pub(crate) fn is_sign(&self, sign: &str) -> bool {
        self.kind == TokenKind::Sign && self.text == sign
    }

    /// Returns the name that it may be, without quotes.
    pub(crate) fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_owned()),
            TokenKind::Quoted => {
                let inner = self.text.get(1..self.text.len() - 1)?;
                Some(match self.text.as_bytes()[0] {
                    b'"' => inner.replace("\"\"", "\""),
                    b'`' => inner.replace("``", "`"),
                    _ => inner.to_owned(),
                })
            }
            _ => None,
        }
    }

    /// Returns the name that it may be where only a name can be: a text is one there too.
    pub(crate) fn any_name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Text if self.text.starts_with('\'') => {
                Some(self.text.get(1..self.text.len() - 1)?.replace("''", "'"))
            }
            _ => self.name(),
        }
    }

    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Returns the tokens of a text that SQLite has compiled, without blanks and comments.
pub(crate) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &sql[at..];
        let (length, kind) = match bytes[at] {
            byte if byte.is_ascii_whitespace() => (1, None),
            // As SQLite has it, anywhere.
            _ if rest.starts_with('\u{feff}') => ('\u{feff}'.len_utf8(), None),
            b'-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), None),
            b'/' if rest.starts_with("/*") => {
                (rest.find("*/").map_or(rest.len(), |it| it + 2), None)
            }
            b'\'' => (quoted(rest, b'\''), Some(TokenKind::Text)),
            b'"' => (quoted(rest, b'"'), Some(TokenKind::Quoted)),
            b'`' => (quoted(rest, b'`'), Some(TokenKind::Quoted)),
            b'[' => (rest.find(']').map_or(rest.len(), |it| it + 1), Some(TokenKind::Quoted)),
            b'x' | b'X' if bytes.get(at + 1) == Some(&b'\'') => {
                (1 + quoted(&rest[1..], b'\''), Some(TokenKind::Text))
            }
            b'?' => (1 + word(&rest[1..]), Some(TokenKind::Param)),
            b':' | b'@' | b'$' => (1 + word(&rest[1..]), Some(TokenKind::Param)),
            b'0'..=b'9' => (number(rest), Some(TokenKind::Number)),
            b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                (number(rest), Some(TokenKind::Number))
            }
            _ if word(rest) > 0 => (word(rest), Some(TokenKind::Word)),
            _ => (sign(rest), Some(TokenKind::Sign)),
        };
        if let Some(kind) = kind {
            found.push(Token { text: &rest[..length], kind, at });
        }
        at += length;
    }
    found
}

fn quoted(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at] == quote, bytes.get(at + 1)) {
            (true, Some(next)) if *next == quote => at += 2,
            (true, _) => return at + 1,
            (false, _) => at += 1,
        }
    }
    bytes.len()
}

fn word(text: &str) -> usize {
    let is_part = |it: &u8| it.is_ascii_alphanumeric() || *it == b'_' || *it == b'$' || *it > 127;
    text.bytes().take_while(is_part).count()
}

fn number(text: &str) -> usize {
    let mut before = 0;
    let is_part = |it: u8| {
        let exponent = matches!(before, b'e' | b'E') && matches!(it, b'+' | b'-');
        before = it;
        it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_') || exponent
    };
    text.bytes().map(is_part).take_while(|it| *it).count()
}

fn sign(text: &str) -> usize {
    let two = ["==", "!=", "<>", "<=", ">=", "||", "->", "<<", ">>"];
    if text.starts_with("->>") {
        3
    } else if two.iter().any(|it| text.starts_with(it)) {
        2
    } else {
        text.chars().next().map_or(1, char::len_utf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_in_names_texts_and_comments_are_none() {
        let sql = "SELECT \"left\", 'UNION', [a]]b`c``d` /* LEFT */, x'00' -- JOIN\nFROM t WHERE a>=?1 AND 1.5e-3<>:ä";
        let found: Vec<_> = tokens(sql).iter().map(|it| it.text).collect();
        assert_eq!(
            found,
            [
                "SELECT", "\"left\"", ",", "'UNION'", ",", "[a]", "]", "b", "`c``d`", ",", "x'00'",
                "FROM", "t", "WHERE", "a", ">=", "?1", "AND", "1.5e-3", "<>", ":ä"
            ]
        );
        assert_eq!(tokens("`c``d`")[0].name().as_deref(), Some("c`d"));
        assert!(tokens("\u{feff}SELECT")[0].is("select"));
        assert_eq!(tokens("'it''s'")[0].any_name().as_deref(), Some("it's"));
        assert_eq!(tokens("x'00'")[0].any_name(), None);
        assert!(tokens("LEFT")[0].is("left") && !tokens("\"LEFT\"")[0].is("left"));
    }
}
