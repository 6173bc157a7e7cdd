//! The statements of a file, divided as they have to run.

use std::ops::Range;

use super::header::Headers;
use super::tokens::{Statement, same_name, statements};
use crate::error::{Error, Result};

/// The statements of a file.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) parts: Vec<Part>,
    /// Where each statement begins.
    starts: Vec<usize>,
}

/// What runs in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Statements as they are.
    Sql {
        /// Where they are in the text.
        range: Range<usize>,
        /// `PRAGMA legacy_alter_table` is on meanwhile: a table is renamed, and what refers to its
        /// old name goes on to do so, since another table has or gets it.
        legacy: bool,
    },
    /// A `CREATE TABLE` that gives the existing table another form.
    Rebuild {
        /// The table.
        table: String,
        /// Where the statement is.
        range: Range<usize>,
    },
}

/// What of a statement matters here.
#[derive(Debug, PartialEq, Eq)]
enum Means {
    /// It begins or ends a transaction.
    Control,
    /// It sets `PRAGMA foreign_keys`.
    ForeignKeys,
    Pragma,
    /// It can't run in a transaction.
    Vacuum,
    Create(String),
    Drop(String),
    Rename {
        from: String,
        to: String,
    },
    Other,
}

impl Script {
    /// Divides a file's text.
    ///
    /// # Errors
    /// `InvalidArgument` for a statement that no migration may have.
    pub(crate) fn new(text: &str, headers: &Headers, drizzle: bool) -> Result<Self> {
        let statements = statements(text);
        let means: Vec<_> = statements.iter().map(|statement| means(text, statement)).collect();
        let mut script = Self {
            parts: Vec::new(),
            starts: statements.iter().map(|statement| statement.range.start).collect(),
        };
        let mut rebuilt = vec![false; headers.rebuild.len()];
        for (index, statement) in statements.iter().enumerate() {
            let refused = |message: &str| {
                let line = line_of(text, statement.range.start);
                Err(Error::invalid(format!("line {line}: {message}")))
            };
            let mut legacy = false;
            match &means[index] {
                Means::Control => {
                    return refused(
                        "a migration can't begin or end a transaction, since it runs in one: either all of it happens, with its place in the ledger, or nothing; leave the statement out",
                    );
                }
                Means::Vacuum if !headers.alone => {
                    return refused(
                        "VACUUM can't run in a transaction, and migrations run in one; put it into a file of its own, with the comment \"-- alone\" above it",
                    );
                }
                // drizzle-kit writes it into files that rebuild a table.
                Means::ForeignKeys if drizzle => continue,
                Means::ForeignKeys => {
                    return refused(
                        "PRAGMA foreign_keys does nothing inside a transaction, and migrations run in one; foreign keys are off around it and checked before it is committed, so leave the statement out",
                    );
                }
                Means::Create(table) => {
                    let wanted = headers.rebuild.iter().position(|name| same_name(name, table));
                    if let Some(wanted) = wanted.filter(|wanted| !rebuilt[*wanted]) {
                        rebuilt[wanted] = true;
                        script.parts.push(Part::Rebuild {
                            table: headers.rebuild[wanted].clone(),
                            range: statement.range.clone(),
                        });
                        continue;
                    }
                }
                Means::Rename { from, to } => {
                    let dropped =
                        |it: &Means| matches!(it, Means::Drop(name) if same_name(name, to));
                    let made =
                        |it: &Means| matches!(it, Means::Create(name) if same_name(name, from));
                    legacy = means[..index].iter().any(dropped) || means[index..].iter().any(made);
                }
                Means::Pragma | Means::Vacuum | Means::Drop(_) | Means::Other => {}
            }
            let before = index.checked_sub(1).map(|before| statements[before].range.end);
            script.push(statement.range.clone(), legacy, before);
        }
        if let Some(missing) = rebuilt.iter().position(|done| !done) {
            return Err(Error::invalid(format!(
                "\"rebuild: {name}\" needs the new CREATE TABLE {name} in the same file",
                name = headers.rebuild[missing]
            )));
        }
        let whole = means.iter().filter(|it| **it != Means::Pragma).count();
        if headers.alone && (whole > 1 || !headers.rebuild.is_empty()) {
            return Err(Error::invalid(
                "a migration that runs alone has no transaction to undo a part of it, so it can have only one statement, and PRAGMAs; put each other one in a file of its own",
            ));
        }
        Ok(script)
    }

    /// Adds a statement, to the part before it if they run in one go: that one ends where the
    /// statement before this one does (`before`), so that none between them is left out.
    fn push(&mut self, range: Range<usize>, legacy: bool, before: Option<usize>) {
        match self.parts.last_mut() {
            Some(Part::Sql { range: last, legacy: same })
                if *same == legacy && Some(last.end) == before =>
            {
                last.end = range.end
            }
            _ => self.parts.push(Part::Sql { range, legacy }),
        }
    }

    /// Returns where a statement begins, counted from the one that begins at `from`.
    pub(crate) fn start(&self, from: usize, index: usize) -> Option<usize> {
        let first = self.starts.iter().position(|start| *start == from)?;
        self.starts.get(first + index).copied()
    }
}

/// Returns the line of a place in a text, counted from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn means(text: &str, statement: &Statement) -> Means {
    let mut start = statement.beginning(text);
    if start.word("BEGIN") || start.word("COMMIT") || start.word("END") {
        return Means::Control;
    }
    if start.word("ROLLBACK") {
        start.word("TRANSACTION");
        return if start.word("TO") { Means::Other } else { Means::Control };
    }
    if start.word("VACUUM") {
        return Means::Vacuum;
    }
    if start.word("PRAGMA") {
        let name = start.name().unwrap_or_default();
        let sets = start.sign('=') || start.sign('(');
        return match same_name(&name, "foreign_keys") && sets {
            true => Means::ForeignKeys,
            false => Means::Pragma,
        };
    }
    let named = |name: Option<String>, means: fn(String) -> Means| name.map_or(Means::Other, means);
    if start.words(&["CREATE", "TABLE"]) {
        start.words(&["IF", "NOT", "EXISTS"]);
        return named(start.name(), Means::Create);
    }
    if start.words(&["DROP", "TABLE"]) {
        start.words(&["IF", "EXISTS"]);
        return named(start.name(), Means::Drop);
    }
    if start.words(&["ALTER", "TABLE"]) {
        let from = start.name();
        if start.words(&["RENAME", "TO"])
            && let (Some(from), Some(to)) = (from, start.name())
        {
            return Means::Rename { from, to };
        }
    }
    Means::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Result<Script> {
        Script::new(text, &Headers::parse(text)?, false)
    }

    fn refused(text: &str) -> String {
        script(text).unwrap_err().message().to_owned()
    }

    fn parts(text: &str) -> Vec<(&str, bool)> {
        let script = script(text).unwrap();
        let parts = script.parts.into_iter().map(|part| match part {
            Part::Sql { range, legacy } => (&text[range], legacy),
            Part::Rebuild { range, .. } => (&text[range], false),
        });
        parts.collect()
    }

    #[test]
    fn what_would_end_the_transaction_is_refused_with_its_line() {
        for word in ["BEGIN", "begin immediate", "COMMIT", "END TRANSACTION", "ROLLBACK"] {
            let message = refused(&format!("CREATE TABLE a (x);\n{word};"));
            assert!(message.starts_with("line 2:"), "{word}: {message}");
        }
        assert!(script("SAVEPOINT a; ROLLBACK TO a; RELEASE a;").is_ok());
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;";
        assert!(script(trigger).is_ok(), "a trigger's BEGIN is none");
    }

    #[test]
    fn foreign_keys_can_not_be_set_except_in_drizzle_kits_files() {
        for set in ["PRAGMA foreign_keys=OFF", "pragma main.foreign_keys(0)"] {
            assert!(refused(set).contains("foreign_keys"), "{set}");
        }
        assert!(script("PRAGMA foreign_keys; PRAGMA defer_foreign_keys = 1;").is_ok());
        let text =
            "PRAGMA foreign_keys=OFF;--> statement-breakpoint\nSELECT 1;\nPRAGMA foreign_keys=ON;";
        let script = Script::new(text, &Headers::default(), true).unwrap();
        assert_eq!(script.parts.len(), 1);
        assert!(
            matches!(&script.parts[0], Part::Sql { range, .. } if &text[range.clone()] == "SELECT 1;")
        );
    }

    #[test]
    fn a_statement_that_is_left_out_is_in_no_part_wherever_it_is() {
        let text = "SELECT 1;\nPRAGMA foreign_keys=OFF;\nSELECT 2;\nSELECT 3;\nPRAGMA foreign_keys=ON;\nSELECT 4;";
        let script = Script::new(text, &Headers::default(), true).unwrap();
        let ranges: Vec<_> = script
            .parts
            .iter()
            .map(|part| match part {
                Part::Sql { range, .. } | Part::Rebuild { range, .. } => &text[range.clone()],
            })
            .collect();
        assert_eq!(ranges, ["SELECT 1;", "SELECT 2;\nSELECT 3;", "SELECT 4;"]);
        let third = text.find("SELECT 2").unwrap();
        assert_eq!(script.start(third, 1).map(|at| line_of(text, at)), Some(4));
    }

    #[test]
    fn a_rename_that_ends_a_rebuild_is_told_from_one_that_names_a_table() {
        let rebuild =
            "CREATE TABLE new_a (x);DROP TABLE a;ALTER TABLE new_a RENAME TO \"A\";SELECT 1;";
        let legacy = "ALTER TABLE new_a RENAME TO \"A\";";
        assert_eq!(
            parts(rebuild),
            [("CREATE TABLE new_a (x);DROP TABLE a;", false), (legacy, true), ("SELECT 1;", false)]
        );
        let other_order = "ALTER TABLE a RENAME TO old; CREATE TABLE IF NOT EXISTS main.a (x);";
        assert!(parts(other_order)[0].1);
        assert!(!parts("ALTER TABLE a RENAME TO b; DROP TABLE c;")[0].1);
        assert!(!parts("ALTER TABLE a RENAME x TO b; CREATE TABLE a2 (x);")[0].1);
    }

    #[test]
    fn a_rebuild_needs_the_new_table() {
        let text = "-- rebuild: items\nSELECT 1;\nCREATE TABLE items (x);\nSELECT 2;";
        assert_eq!(parts(text).len(), 3);
        assert!(refused("-- rebuild: items\nCREATE TABLE others (x);").contains("items"));
    }

    #[test]
    fn alone_is_one_statement_and_pragmas() {
        assert!(refused("SELECT 1;\nVACUUM;").contains("-- alone"));
        assert!(script("-- alone\nPRAGMA auto_vacuum = 2; VACUUM;").is_ok());
        assert!(refused("-- alone\nVACUUM; DELETE FROM a;").contains("one statement"));
    }

    #[test]
    fn a_statement_is_found_by_its_index() {
        let text = "SELECT 1;\n\nSELECT 2;\nSELECT 3;";
        let script = script(text).unwrap();
        assert_eq!(script.start(0, 1).map(|at| line_of(text, at)), Some(3));
        assert_eq!(script.start(11, 1).map(|at| line_of(text, at)), Some(4));
        assert_eq!(script.start(0, 3), None);
    }
}
