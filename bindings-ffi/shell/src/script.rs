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
            one(shell, name, begins, &statement, any)?;
            begins += newlines(&statement);
        }
    }
    let (rest, any) = splitter.rest();
    one(shell, name, begins, &rest, any)
}

fn one(shell: &mut Shell, name: &str, begins: usize, statement: &str, any: bool) -> Result<()> {
    if !any {
        return Ok(());
    }
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
