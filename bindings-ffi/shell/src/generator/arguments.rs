//! The command line of `ubiqlite gen`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Language, Output};

pub(crate) const HELP: &str = "\
Usage: ubiqlite gen [OPTIONS] SCHEMA [QUERIES...]

Writes the tables' rows as types, and each query as a function with types.

SCHEMA is a database file, a folder of migrations, or a script that ends in .sql: nothing in it is
changed. QUERIES are files, or folders of .sql files, of statements with a comment before each:

  -- name: GetItem :one
  SELECT * FROM items WHERE id = ?1;

:one returns a row or none, :many a list, :exec nothing, :execrows how many rows were changed,
:execlastid the rowid of the last row. `-- column: NAME TYPE [NOT NULL]` and `-- param: …` between the
name and the statement tell a type that the schema does not: INTEGER, REAL, TEXT, BLOB, BOOLEAN, ANY.

  -ts FILE, -python FILE, -kotlin FILE, -rust FILE
                 what to write
  -bigint        TypeScript for databases opened with { bigint: true }
  -package NAME  the package of the Kotlin file
  -check         writes nothing, and fails if a file is not what would be written
  -help

Each option can have one dash or two. Exit code: 0, 1 after an error, 2 for a wrong command line. A
database that is itself named gen is opened as ./gen.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) schema: PathBuf,
    pub(crate) queries: Vec<PathBuf>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) bigint: bool,
    pub(crate) package: Option<String>,
    pub(crate) check: bool,
}

/// Reads the arguments. `None`: help is wanted.
///
/// # Errors
/// What to say of those that make no sense.
pub(crate) fn parse(mut all: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let (mut paths, mut outputs) = (Vec::new(), Vec::new());
    let (mut bigint, mut package, mut check, mut only_names) = (false, None, false, false);
    while let Some(argument) = all.next() {
        let text = argument.to_str().unwrap_or_default();
        let option = text.strip_prefix('-').filter(|rest| !only_names && !rest.is_empty());
        let Some(option) = option else {
            paths.push(PathBuf::from(argument));
            continue;
        };
        let mut value = || all.next().ok_or_else(|| format!("`{text}` needs a value"));
        match option.strip_prefix('-').unwrap_or(option) {
            "" => only_names = true,
            "help" | "h" | "?" => return Ok(None),
            "ts" => outputs.push((Language::TypeScript, value()?.into())),
            "python" => outputs.push((Language::Python, value()?.into())),
            "kotlin" => outputs.push((Language::Kotlin, value()?.into())),
            "rust" => outputs.push((Language::Rust, value()?.into())),
            "package" => package = Some(package_of(&value()?)?),
            "bigint" => bigint = true,
            "check" => check = true,
            _ => return Err(format!("there is no option `{text}`")),
        }
    }
    if outputs.is_empty() {
        return Err("nothing to write: name a file with -ts, -python, -kotlin or -rust".to_owned());
    }
    let mut paths = paths.into_iter();
    let schema =
        paths.next().ok_or("name the schema: a database, a folder of migrations, or a script")?;
    Ok(Some(Arguments { schema, queries: paths.collect(), outputs, bigint, package, check }))
}

fn package_of(name: &OsString) -> Result<String, String> {
    let name = name.to_str().unwrap_or_default();
    let is_part = |part: &str| {
        part.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
            && part.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
            && !super::kotlin::RESERVED.contains(&part)
    };
    match name.split('.').all(is_part) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{name}` is no package of Kotlin")),
    }
}
