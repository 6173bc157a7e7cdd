//! Where a statement ends: by the rules of `sqlite3_complete`, which knows triggers, text that comes
//! line by line and is looked at once.

use State::{Create, End, Explain, Normal, Semicolon, Start, Trigger};

/// A text that grows, and the statements in its beginning.
#[derive(Debug)]
pub(crate) struct Splitter {
    text: String,
    /// Up to where it was looked at.
    at: usize,
    state: State,
    inside: Inside,
    /// The statement has more than blanks and comments.
    begun: bool,
}

/// The states of `sqlite3_complete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Normal,
    Explain,
    Create,
    Trigger,
    Semicolon,
    End,
}

/// What the text looked at last is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A text or name, which this byte ends.
    Quotes(u8),
    LineComment,
    BlockComment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Semicolon,
    Explain,
    Create,
    Temporary,
    Trigger,
    End,
    Other,
}

impl State {
    fn next(self, token: Token) -> Self {
        match (self, token) {
            (Trigger | Semicolon, Token::Semicolon) => Semicolon,
            (_, Token::Semicolon) => Start,
            (Semicolon, Token::End) => End,
            (Trigger | Semicolon | End, _) => Trigger,
            (Start, Token::Explain) => Explain,
            (Start | Explain, Token::Create) => Create,
            (Explain, Token::Other) => Explain,
            (Create, Token::Temporary) => Create,
            (Create, Token::Trigger) => Trigger,
            _ => Normal,
        }
    }
}

impl Default for Splitter {
    fn default() -> Self {
        Self { text: String::new(), at: 0, state: Start, inside: Inside::Nothing, begun: false }
    }
}

impl Splitter {
    /// Adds text: whole lines, or the last.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Whether there is nothing of a statement yet, so that a verb may follow.
    pub(crate) fn is_blank(&self) -> bool {
        !self.begun && self.inside == Inside::Nothing && self.text.trim().is_empty()
    }

    /// Returns the next text that ends a statement, and whether there is one in it or only blanks and
    /// comments. `None` until more is pushed.
    pub(crate) fn next_statement(&mut self) -> Option<(String, bool)> {
        let end = self.scan()?;
        let rest = self.text.split_off(end);
        let statement = std::mem::replace(&mut self.text, rest);
        self.at = 0;
        Some((statement, std::mem::take(&mut self.begun)))
    }

    /// Returns what is left when nothing more comes, and whether there is a statement in it.
    pub(crate) fn rest(&mut self) -> (String, bool) {
        // What is in quotes that nobody ends is for SQLite to refuse.
        let begun = self.begun || matches!(self.inside, Inside::Quotes(_));
        let text = std::mem::take(self).text;
        (text, begun)
    }

    /// Returns the text that follows the last statement.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text is one or more whole statements and nothing else.
    pub(crate) fn is_complete(text: &str) -> bool {
        let mut splitter = Self::default();
        splitter.push(text);
        let mut any = false;
        while splitter.next_statement().is_some() {
            any = true;
        }
        any && !splitter.begun
            && !matches!(splitter.inside, Inside::Quotes(_) | Inside::BlockComment)
    }

    /// Returns the end of the first statement.
    fn scan(&mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            let from = self.at;
            match self.inside {
                Inside::Quotes(end) => {
                    let length = find(&bytes[from..], &[end]);
                    self.at = length.map_or(bytes.len(), |length| from + length + 1);
                    if length.is_some() {
                        self.inside = Inside::Nothing;
                    }
                    continue;
                }
                Inside::LineComment => {
                    let length = find(&bytes[from..], b"\n");
                    self.at = length.map_or(bytes.len(), |length| from + length + 1);
                    if length.is_some() {
                        self.inside = Inside::Nothing;
                    }
                    continue;
                }
                Inside::BlockComment => {
                    let length = find(&bytes[from..], b"*/");
                    // The star may be the last byte that is here.
                    let most = bytes.len().saturating_sub(1).max(from);
                    self.at = length.map_or(most, |length| from + length + 2);
                    length?;
                    self.inside = Inside::Nothing;
                    continue;
                }
                Inside::Nothing => {}
            }
            let two = &bytes[from..bytes.len().min(from + 2)];
            let token = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' => {
                    self.at += 1;
                    continue;
                }
                b'-' if two == b"--" => {
                    self.inside = Inside::LineComment;
                    self.at += 2;
                    continue;
                }
                b'/' if two == b"/*" => {
                    self.inside = Inside::BlockComment;
                    self.at += 2;
                    continue;
                }
                b'\'' | b'"' | b'`' => {
                    self.inside = Inside::Quotes(byte);
                    self.at += 1;
                    Token::Other
                }
                b'[' => {
                    self.inside = Inside::Quotes(b']');
                    self.at += 1;
                    Token::Other
                }
                b';' => {
                    self.at += 1;
                    Token::Semicolon
                }
                _ if is_word(byte) => {
                    let length = bytes[from..].iter().take_while(|byte| is_word(**byte)).count();
                    self.at += length;
                    keyword(&bytes[from..self.at])
                }
                _ => {
                    self.at += 1;
                    Token::Other
                }
            };
            self.begun |= token != Token::Semicolon;
            self.state = self.state.next(token);
            if token == Token::Semicolon && self.state == Start {
                return Some(self.at);
            }
        }
        None
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

fn keyword(word: &[u8]) -> Token {
    let is = |keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
    match word.first().map(u8::to_ascii_lowercase) {
        Some(b'c') if is("create") => Token::Create,
        Some(b't') if is("trigger") => Token::Trigger,
        Some(b't') if is("temp") || is("temporary") => Token::Temporary,
        Some(b'e') if is("end") => Token::End,
        Some(b'e') if is("explain") => Token::Explain,
        _ => Token::Other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for line in text.split_inclusive('\n') {
            splitter.push(line);
            while let Some((statement, any)) = splitter.next_statement() {
                if any {
                    found.push(statement.trim().to_owned());
                }
            }
        }
        let (rest, any) = splitter.rest();
        if any {
            found.push(rest.trim().to_owned());
        }
        found
    }

    #[test]
    fn a_semicolon_in_a_text_a_name_a_comment_or_a_trigger_ends_no_statement() {
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n SELECT 1;\n SELECT 2;\nEND;";
        let text =
            format!("SELECT ';', \"a;\", [b;], `c;` -- d;\n/* e; */;\n;\n{trigger}\nSELECT 3");
        assert_eq!(
            split(&text),
            ["SELECT ';', \"a;\", [b;], `c;` -- d;\n/* e; */;", trigger, "SELECT 3"]
        );
    }

    #[test]
    fn several_statements_of_one_line_are_several_and_those_of_comments_alone_are_none() {
        assert_eq!(split("SELECT 1; SELECT 2;; -- end\n;/* */"), ["SELECT 1;", "SELECT 2;"]);
        assert_eq!(split("-- nothing\n/* at all"), Vec::<String>::new());
        assert_eq!(split("'a\n;\nb';"), ["'a\n;\nb';"]);
    }

    /// What SQLite itself says, for texts of pieces that matter to it.
    #[test]
    fn it_agrees_with_sqlite_on_what_is_complete() {
        let pieces = [
            "create", "temp", "trigger", "end", "explain", "select", ";", "'", "\"", "[", "]",
            "--", "/*", "*/", "/", "*", "-", "\n", " ", "x", "é", "`",
        ];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..50_000 {
            let mut text: String = (0..random.usize(1..12))
                .map(|_| format!("{} ", pieces[random.usize(..pieces.len())]))
                .collect();
            // Its versions differ about a comment in the last line that nothing ends.
            text.push('\n');
            let c = std::ffi::CString::new(text.as_str()).unwrap();
            // SAFETY: it is a text that ends with a zero.
            let wanted = unsafe { rusqlite::ffi::sqlite3_complete(c.as_ptr()) } == 1;
            // SQLite takes blanks alone for no statement, and so do we; a lone semicolon is one.
            assert_eq!(Splitter::is_complete(&text), wanted, "{text:?}");
        }
    }
}
