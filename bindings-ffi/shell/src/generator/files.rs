//! Files of queries, in the notation that sqlc has made known: `-- name: GetItem :one` before each.

use std::fs;
use std::path::{Path, PathBuf};

use super::model::{Command, Kind, Type};
use super::tokens::tokens;
use crate::failure::{Failure, Result, of_file};
use crate::splitter::Splitter;

/// A query as its file has it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) command: Command,
    /// Its one statement, without a semicolon.
    pub(crate) sql: String,
    /// Types that its comments tell, by the names of columns and of parameters.
    pub(crate) columns: Vec<Told>,
    pub(crate) params: Vec<Told>,
    /// The file, and the line on which `sql` begins.
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// A type that a comment tells.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) line: usize,
}

impl Written {
    /// Returns the failure with the line of an offset in the SQL.
    pub(crate) fn failure(&self, offset: usize, message: &str) -> Failure {
        let before = self.sql.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        at(&self.file, self.line + before, message)
    }
}

pub(crate) fn at(file: &str, line: usize, message: &str) -> Failure {
    Failure::Message(format!("{file}:{line}: {message}"))
}

/// Returns the files that a path stands for: itself, or those of a folder that end in `.sql`.
pub(crate) fn found(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| of_file(path, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| of_file(path, &error))?.path();
        if file.extension().is_some_and(|it| it.eq_ignore_ascii_case("sql")) {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Failure::Message(format!("{} has no .sql file", path.display()))),
        false => Ok(files),
    }
}

/// Returns the queries of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Written>> {
    let text = fs::read_to_string(path).map_err(|error| of_file(path, &error))?;
    queries(&path.display().to_string(), &text)
}

fn queries(file: &str, text: &str) -> Result<Vec<Written>> {
    // The same on every checkout.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut all = Vec::new();
    // The annotation that was last, its line, and the text since.
    let mut open: Option<(&str, usize, String)> = None;
    let mut before = String::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if let Some(annotation) = told(line, "name:") {
            if let Some((annotation, line, body)) = open.take() {
                all.push(query(file, annotation, line, &body)?);
            }
            open = Some((annotation, index + 1, String::new()));
        } else {
            open.as_mut().map_or(&mut before, |(_, _, body)| body).push_str(line);
        }
    }
    if let Some(first) = tokens(&before).first() {
        let line = before[..first.at].matches('\n').count() + 1;
        return Err(at(file, line, "a statement needs a line `-- name: Name :command` before it"));
    }
    if let Some((annotation, line, body)) = open {
        all.push(query(file, annotation, line, &body)?);
    }
    Ok(all)
}

/// Returns what follows a word in a comment that is a line of its own.
fn told<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let comment = line.trim().strip_prefix("--")?.trim_start();
    comment.strip_prefix(word).map(str::trim)
}

fn query(file: &str, annotation: &str, number: usize, body: &str) -> Result<Written> {
    let mut words = annotation.split_whitespace();
    let (name, command) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let letter = |it: char| it.is_ascii_alphabetic();
    let is_name =
        name.starts_with(letter) && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
    if !is_name {
        let message = format!(
            "`{name}` can't be a function's name: use letters, digits and `_`, a letter first"
        );
        return Err(at(file, number, &message));
    }
    let known = Command::NAMES.iter().find(|(known, _)| *known == command);
    let (Some((_, command)), None) = (known, words.next()) else {
        let names: Vec<_> = Command::NAMES.iter().map(|(name, _)| *name).collect();
        let message = format!("`{name}` needs one of {} after its name", names.join(", "));
        return Err(at(file, number, &message));
    };
    let (mut columns, mut params) = (Vec::new(), Vec::new());
    for (index, line) in body.lines().enumerate() {
        let line_number = number + 1 + index;
        for (word, list) in [("column:", &mut columns), ("param:", &mut params)] {
            if let Some(words) = told(line, word) {
                list.push(told_type(file, line_number, word, words)?);
            }
        }
    }
    let all = tokens(body);
    let Some(first) = all.first() else {
        return Err(at(file, number, &format!("there is no statement of `{name}`")));
    };
    let mut splitter = Splitter::default();
    splitter.push(&body[first.at..]);
    let line_of =
        |offset: usize| number + 1 + body[..offset].bytes().filter(|it| *it == b'\n').count();
    let statement = match splitter.next_statement() {
        Some((statement, _)) => statement,
        None => splitter.rest().0,
    };
    let end = first.at + statement.len();
    if let Some(next) = all.iter().find(|it| it.at >= end) {
        let message = format!("`{name}` has a second statement: each needs a name of its own");
        return Err(at(file, line_of(next.at), &message));
    }
    let last = all.iter().rev().find(|it| !it.is_sign(";")).unwrap_or(first);
    Ok(Written {
        name: name.to_owned(),
        command: *command,
        sql: body[first.at..last.end().max(first.at)].to_owned(),
        columns,
        params,
        file: file.to_owned(),
        line: line_of(first.at),
    })
}

/// Reads `total INTEGER NOT NULL`; the name may be in double quotes.
fn told_type(file: &str, line: usize, word: &str, words: &str) -> Result<Told> {
    let all = tokens(words);
    let usage = || at(file, line, &format!("write `-- {word} NAME TYPE [NOT NULL]`"));
    let [name, rest @ ..] = all.as_slice() else { return Err(usage()) };
    let not_null = matches!(rest, [.., not, null] if not.is("NOT") && null.is("NULL"));
    let [kind] = &rest[..rest.len() - if not_null { 2 } else { 0 }] else { return Err(usage()) };
    let kind = match kind.text.to_ascii_uppercase().as_str() {
        "ANY" => Kind::Any,
        "INTEGER" => Kind::Integer,
        "REAL" => Kind::Real,
        "TEXT" => Kind::Text,
        "BLOB" => Kind::Blob,
        "BOOLEAN" => Kind::Boolean,
        other => {
            let message = format!("`{other}` is none of INTEGER, REAL, TEXT, BLOB, BOOLEAN, ANY");
            return Err(at(file, line, &message));
        }
    };
    if kind == Kind::Any && not_null {
        return Err(at(file, line, "ANY can't be NOT NULL: no language has a type for that"));
    }
    let name = name.name().ok_or_else(usage)?;
    Ok(Told { name, of: Type::new(kind, !not_null), line })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn each_query_has_one_statement_and_the_line_on_which_it_begins() {
        let text = "/* a\ncomment */\n-- name: GetItem :one\n-- column: \"a b\" INTEGER NOT NULL\n\nSELECT 1 -- one\n;\n\
             --name:All   :many\nSELECT ';'";
        let all = queries("q.sql", text).unwrap();
        let found: Vec<_> =
            all.iter().map(|it| (it.name.as_str(), it.sql.as_str(), it.line)).collect();
        assert_eq!(found, [("GetItem", "SELECT 1", 6), ("All", "SELECT ';'", 9)]);
        assert_eq!(all[0].columns[0].name, "a b");
        assert_eq!(all[0].columns[0].of, Type::new(Kind::Integer, false));
    }

    #[test]
    fn what_is_no_query_is_refused_with_its_line() {
        for (text, wanted) in [
            ("/* a\nb */\nSELECT 1;", "q.sql:3: a statement needs"),
            ("-- name: a :two\nSELECT 1", "q.sql:1: `a` needs one of :one"),
            ("-- name: a :one extra\nSELECT 1", "q.sql:1: `a` needs one of :one"),
            ("-- name: 1a :one\nSELECT 1", "q.sql:1: `1a` can't be"),
            ("-- name: a :one\n-- nothing\n", "q.sql:1: there is no statement"),
            ("-- name: a :one\nSELECT 1;\n\nSELECT 2;", "q.sql:4: `a` has a second"),
            ("-- name: a :one\n-- param: x DATE\nSELECT :x", "q.sql:2: `DATE` is none of"),
            ("-- name: a :one\n-- param: x\nSELECT :x", "q.sql:2: write `-- param:"),
        ] {
            let words = queries("q.sql", text).unwrap_err().words();
            assert!(words.starts_with(wanted), "{words}");
        }
    }
}
