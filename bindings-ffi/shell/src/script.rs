//! Statements and verbs from a text that nobody types: a file, the standard input, an argument.

use std::io::BufRead;

use crate::failure::{Failure, Result};
use crate::shell::Shell;
use crate::splitter::Splitter;
use crate::statement::skip_blanks;

/// How deep scripts may read scripts.
const DEEPEST: usize = 20;

/// Runs a script up to its first error, which is told with the script's name and the line.
pub(crate) fn run(shell: &mut Shell, name: &str, mut from: impl BufRead) -> Result<()> {
    if shell.script_depth >= DEEPEST {
        return Err(Failure::new("scripts read each other without end"));
    }
    shell.script_depth += 1;
    let done = lines(shell, name, &mut from);
    shell.script_depth -= 1;
    done
}

fn lines(shell: &mut Shell, name: &str, from: &mut dyn BufRead) -> Result<()> {
    let mut splitter = Splitter::default();
    // The line on which the splitter's text begins, and the one that is read.
    let (mut begins, mut line) = (1, 0);
    let mut bytes = Vec::new();
    let mut group = Group::default();
    loop {
        bytes.clear();
        line += 1;
        if from.read_until(b'\n', &mut bytes).map_err(|error| told(shell, name, line, &error))? == 0
        {
            break;
        }
        let mut text =
            std::str::from_utf8(&bytes).map_err(|error| told(shell, name, line, &error))?;
        if line == 1 {
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if splitter.is_blank() && text.starts_with('.') {
            group.run(shell, name)?;
            splitter = Splitter::default();
            begins = line + 1;
            if let Err(failure) = shell.verb(text.trim_end()) {
                return Err(at(shell, name, line, failure));
            }
            if shell.leaves {
                return Ok(());
            }
            continue;
        }
        splitter.push(text);
        while let Some((statement, any)) = splitter.next_statement() {
            let lines = newlines(&statement);
            if any {
                group.add(shell, name, begins, statement)?;
            }
            begins += lines;
        }
    }
    group.run(shell, name)?;
    let (rest, any) = splitter.rest();
    if any { one(shell, name, begins, &rest) } else { Ok(()) }
}

/// `INSERT` statements in a row inside a transaction, each with its line: a dump is mostly these. They
/// are run together, since one by one each would cost more to send than to run.
#[derive(Default)]
struct Group {
    statements: Vec<(usize, String)>,
    bytes: usize,
}

/// How many bytes of statements are kept.
const GROUP: usize = 256 * 1024;

impl Group {
    fn add(
        &mut self,
        shell: &mut Shell,
        name: &str,
        begins: usize,
        statement: String,
    ) -> Result<()> {
        if !shell.groups() || !is_quiet_insert(&statement) {
            self.run(shell, name)?;
            return one(shell, name, begins, &statement);
        }
        self.bytes += statement.len();
        self.statements.push((begins, statement));
        if self.bytes < GROUP { Ok(()) } else { self.run(shell, name) }
    }

    fn run(&mut self, shell: &mut Shell, name: &str) -> Result<()> {
        self.bytes = 0;
        let statements = std::mem::take(&mut self.statements);
        if statements.len() > 1 {
            let all: String = statements.iter().map(|(_, statement)| statement.as_str()).collect();
            match shell.together(all) {
                Ok(()) => return Ok(()),
                // Nothing of it has happened: one by one they tell which it is.
                Err(Failure::Database(_)) if shell.transaction => {}
                // Without the transaction, the others would stay.
                Err(Failure::Database(error)) => {
                    let (first, last) = (&statements[0], &statements[statements.len() - 1]);
                    let last = first_line(last.0, &last.1);
                    let words = format!("up to line {last}: {}", error.message());
                    let first = first_line(first.0, &first.1);
                    return Err(at(shell, name, first, Failure::Message(words)));
                }
                Err(failure) => {
                    let first = first_line(statements[0].0, &statements[0].1);
                    return Err(at(shell, name, first, failure));
                }
            }
        }
        statements.iter().try_for_each(|(begins, statement)| one(shell, name, *begins, statement))
    }
}

/// Whether it is an `INSERT` that has no rows to show, and no say in how it fails.
fn is_quiet_insert(statement: &str) -> bool {
    let begins = |word: &str| {
        skip_blanks(statement).get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word))
    };
    let returns = |window: &[u8]| window.eq_ignore_ascii_case(b"RETURNING");
    begins("INSERT INTO ") && !statement.as_bytes().windows(9).any(returns)
}

fn one(shell: &mut Shell, name: &str, begins: usize, statement: &str) -> Result<()> {
    shell.statement(statement).map_err(|failure| {
        let begin = statement.len() - skip_blanks(statement).len();
        let offset = match &failure {
            Failure::Database(error) => error.offset().unwrap_or(begin).max(begin),
            _ => begin,
        };
        let before = statement.get(..offset).unwrap_or_default();
        at(shell, name, begins + newlines(before), failure)
    })
}

/// Returns the line of a statement's first word. Its text begins on line `begins`.
fn first_line(begins: usize, statement: &str) -> usize {
    let blanks = statement.len() - skip_blanks(statement).len();
    begins + newlines(&statement[..blanks])
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn told(shell: &mut Shell, name: &str, line: usize, error: &dyn std::fmt::Display) -> Failure {
    at(shell, name, line, Failure::Message(error.to_string()))
}

/// Tells a failure with its place, once.
fn at(shell: &mut Shell, name: &str, line: usize, failure: Failure) -> Failure {
    match failure {
        Failure::Told => Failure::Told,
        failure if failure.is_closed_output() => failure,
        failure => {
            shell.tell(&format!("{name}:{line}: "), &failure);
            Failure::Told
        }
    }
}
