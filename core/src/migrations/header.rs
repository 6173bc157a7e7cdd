//! Headers: what comments before the first statement say about a file.

use super::replaced::Numbers;
use crate::error::{Error, Result};

/// What the headers of a file say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    /// It runs outside a transaction.
    pub(crate) alone: bool,
    /// It stands for these.
    pub(crate) replaces: Option<Numbers>,
    /// Programs that lack it can't use the database.
    pub(crate) breaks_older: bool,
    /// The tables whose `CREATE TABLE` gives them a new form.
    pub(crate) rebuild: Vec<String>,
}

impl Headers {
    /// Reads the headers of a text. Comments that are none are passed over.
    ///
    /// # Errors
    /// `InvalidArgument` for a header whose value makes no sense.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut headers = Self::default();
        let mut rest = text.trim_start();
        loop {
            let after = if let Some(comment) = rest.strip_prefix("--") {
                let (line, after) = comment.split_once('\n').unwrap_or((comment, ""));
                headers.take(line.trim())?;
                after
            } else if let Some(comment) = rest.strip_prefix("/*") {
                comment.split_once("*/").map_or("", |(_, after)| after)
            } else {
                return Ok(headers);
            };
            rest = after.trim_start();
        }
    }

    fn take(&mut self, line: &str) -> Result<()> {
        if line == "alone" {
            self.alone = true;
            return Ok(());
        }
        let Some((word, value)) = line.split_once(':') else { return Ok(()) };
        let value = value.trim();
        match word.trim_end() {
            "replaces" => self.replaces = Some(Numbers::parse(value)?),
            "breaks" if value == "older" => self.breaks_older = true,
            "breaks" => {
                return Err(Error::invalid(format!(
                    "\"breaks: {value}\" is no header; \"breaks: older\" is the only one"
                )));
            }
            "rebuild" => {
                for name in value.split(',').map(|name| name.trim().trim_matches('"')) {
                    if name.is_empty() {
                        return Err(Error::invalid("\"rebuild:\" needs the name of a table"));
                    }
                    self.rebuild.push(name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_before_the_first_statement_alone() {
        let text = "/* ours\n-- alone */\n-- Note: not a header\n-- replaces: 1-3\n\n\
                    -- breaks: older\n--rebuild: items, \"parts\"\nCREATE TABLE a (x);\n-- alone";
        let headers = Headers::parse(text).unwrap();
        assert!(!headers.alone && headers.breaks_older);
        assert_eq!(headers.rebuild, ["items", "parts"]);
        assert_eq!(headers.replaces.unwrap().to_string(), "1-3");
        assert!(Headers::parse("-- alone\nVACUUM").unwrap().alone);
        assert!(!Headers::parse("-- alone in the dark\nVACUUM").unwrap().alone);
    }

    #[test]
    fn a_header_with_a_wrong_value_is_refused() {
        for text in ["-- breaks: newer", "-- replaces: all", "-- rebuild:", "-- rebuild: a,"] {
            assert!(Headers::parse(text).is_err(), "{text}");
        }
    }
}
