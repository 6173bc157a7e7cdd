//! The command line: the options of SQLite's own shell, as far as there is a use for them.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::output::Mode;

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// The file; a database in memory if there is none.
    pub(crate) path: Option<PathBuf>,
    /// SQL and verbs to run instead of reading the standard input.
    pub(crate) commands: Vec<String>,
    /// What to run before anything else.
    pub(crate) before: Vec<String>,
    pub(crate) read_only: bool,
    pub(crate) mode: Option<Mode>,
    pub(crate) headers: Option<bool>,
    pub(crate) null: Option<String>,
    pub(crate) separator: Option<String>,
    pub(crate) timer: bool,
    /// Scripts are read even from a terminal, without prompts.
    pub(crate) batch: bool,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Box<Arguments>),
    /// Print this, and nothing else.
    Print(String),
}

const HELP: &str = "\
Usage: ubiqlite [OPTIONS] [FILE [SQL...]]
       ubiqlite gen [OPTIONS] SCHEMA [QUERIES...]

FILE is an SQLite database, made by the first statement that writes if it is missing; without it, a
database in memory. SQL is any number of texts, each with statements or one verb (`.help` lists them).
Without SQL, the standard input is read: from a terminal with prompts, else as a script that ends at
the first error.

  -json -csv -table -box -line -list -markdown -insert TABLE
                    the form of results; otherwise a table for a terminal, else a list
  -header, -noheader
                    whether csv and list begin with the names of the columns
  -nullvalue TEXT   how NULL is shown
  -separator TEXT   what is between the values of a list (default: |) and of csv (default: ,)
  -readonly         opens the file for reading only
  -cmd SQL          runs this first; may be repeated
  -batch            never prompts
  -timer            shows how long each statement takes
  -version, -help

Each option can have one dash or two. Exit code: 0, 1 after an error, 2 for a wrong command line.
";

/// Reads the arguments.
///
/// # Errors
/// What to say of those that make no sense.
pub(crate) fn parse(all: impl IntoIterator<Item = OsString>) -> Result<Parsed, String> {
    let mut found = Arguments::default();
    let mut all = all.into_iter();
    let mut only_names = false;
    while let Some(argument) = all.next() {
        let text = argument.to_str().unwrap_or_default();
        let option = text.strip_prefix('-').filter(|rest| !only_names && !rest.is_empty());
        let Some(option) = option else {
            match &found.path {
                None => found.path = Some(argument.into()),
                Some(_) => found.commands.push(text_of(argument)?),
            }
            continue;
        };
        let mut value = || match all.next() {
            Some(value) => text_of(value),
            None => Err(format!("`{text}` needs a value")),
        };
        let option = option.strip_prefix('-').unwrap_or(option);
        match option {
            // `--` alone.
            "" => only_names = true,
            "help" | "h" | "?" => return Ok(Parsed::Print(HELP.to_owned())),
            "version" | "V" => {
                let version = env!("CARGO_PKG_VERSION");
                return Ok(Parsed::Print(format!("ubiqlite {version}\n")));
            }
            "readonly" => found.read_only = true,
            "batch" => found.batch = true,
            "timer" => found.timer = true,
            "header" | "headers" => found.headers = Some(true),
            "noheader" | "noheaders" => found.headers = Some(false),
            "nullvalue" => found.null = Some(value()?),
            "separator" => found.separator = Some(value()?),
            "cmd" => found.before.push(value()?),
            "insert" => found.mode = Some(Mode::Insert(value()?)),
            // It stops at the first error anyway, and asks nothing where there is no terminal.
            "bail" => {}
            name => match Mode::named(name) {
                Some(mode) => found.mode = Some(mode),
                None => return Err(format!("there is no option `{text}`")),
            },
        }
    }
    Ok(Parsed::Run(Box::new(found)))
}

fn text_of(argument: OsString) -> Result<String, String> {
    argument.into_string().map_err(|it| format!("{} is not UTF-8", it.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn arguments(all: &[&str]) -> Arguments {
        match parse(all.iter().map(OsString::from)).unwrap() {
            Parsed::Run(arguments) => *arguments,
            Parsed::Print(text) => unreachable!("{text}"),
        }
    }

    #[test]
    fn options_may_have_two_dashes_and_stand_anywhere() {
        let found = arguments(&["--json", "a.db", "SELECT 1", "-readonly", ".tables"]);
        assert_eq!(found.path.unwrap().to_str(), Some("a.db"));
        assert_eq!(found.commands, ["SELECT 1", ".tables"]);
        assert_eq!((found.mode, found.read_only), (Some(Mode::Json), true));
    }

    #[test]
    fn a_file_whose_name_is_like_an_option_follows_two_dashes() {
        assert_eq!(arguments(&["--", "-json"]).path.unwrap().to_str(), Some("-json"));
    }

    #[test]
    fn what_is_unknown_or_has_no_value_is_refused_by_name() {
        for (all, named) in [(&["-x"][..], "`-x`"), (&["--cmd"], "`--cmd`")] {
            let message = parse(all.iter().map(OsString::from)).unwrap_err();
            assert!(message.contains(named), "{message}");
        }
    }
}
