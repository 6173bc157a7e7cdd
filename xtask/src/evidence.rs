//! The lines of a program's output that say why it failed: a summary that shows them can be
//! read without the megabytes of output above it.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};

/// How many of the first lines that name a failure are kept.
const TELLING: usize = 20;
/// How many of the last lines are kept.
const LAST: usize = 10;
/// The length, in characters, at which lines are cut.
const WIDTH: usize = 300;

/// What the test runners of the four languages print in a line that names a failure:
/// cargo, Node, pytest and unittest, Gradle, and compilers.
const SIGNS: &[&str] =
    &["FAILED", "panicked at", "not ok ", "\u{2716} ", "error[", "error:", "Error:", "error TS"];

/// The lines of one program's output that are worth showing again.
#[derive(Default)]
pub(crate) struct Evidence {
    telling: Vec<String>,
    last: VecDeque<String>,
    /// The previous line was a panic's location: its message is on the next.
    message_follows: bool,
}

impl Evidence {
    /// Copies all of `from` to `to`, and keeps the lines that indicate a failure.
    pub(crate) fn copy(&mut self, from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line)? != 0 {
            to.write_all(&line)?;
            to.flush()?;
            self.note(&String::from_utf8_lossy(&line));
            line.clear();
        }
        Ok(())
    }

    fn note(&mut self, line: &str) {
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        let telling = self.message_follows || SIGNS.iter().any(|sign| line.contains(sign));
        self.message_follows = line.contains("panicked at");
        if telling && self.telling.len() < TELLING {
            self.telling.push(line.chars().take(WIDTH).collect());
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line.chars().take(WIDTH).collect());
    }

    /// Returns the kept lines, in two groups: those that name a failure, and the last.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.telling.iter().chain(&self.last).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(output: &str) -> Vec<String> {
        let mut evidence = Evidence::default();
        let mut copy = Vec::new();
        evidence.copy(output.as_bytes(), &mut copy).unwrap();
        assert_eq!(copy, output.as_bytes(), "the output itself goes on unchanged");
        evidence.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_failure_in_the_middle_of_a_long_output_is_kept_with_its_message() {
        let passed = "test it_works ... ok\n".repeat(1000);
        let output = format!(
            "{passed}thread 'a' panicked at tests/a.rs:1:2:\nleft is not right\n{passed}test a ... FAILED\n{passed}"
        );
        let kept = kept(&output);
        assert_eq!(
            kept[..3],
            ["thread 'a' panicked at tests/a.rs:1:2:", "left is not right", "test a ... FAILED"]
        );
        assert_eq!(kept.len(), 3 + LAST);
    }

    #[test]
    fn output_that_is_no_text_or_has_no_end_of_line_is_kept_too() {
        let mut evidence = Evidence::default();
        let mut copy = Vec::new();
        evidence.copy(&b"\xff\xfe error: bad"[..], &mut copy).unwrap();
        assert_eq!(copy, b"\xff\xfe error: bad");
        assert_eq!(evidence.lines().count(), 1);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let kept = kept(&format!("{}\n", "\u{e9}".repeat(2 * WIDTH)));
        assert_eq!(kept, ["\u{e9}".repeat(WIDTH)]);
    }
}
