//! The verbs: lines that begin with a dot.

mod copies;
mod dump;
mod health;
mod import;
mod migrations;
pub(crate) mod schema;
mod settings;

use std::io::Write;

use crate::failure::{Failure, Result};
use crate::shell::Shell;

/// A verb.
struct Verb {
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    /// What it wants: files are completed.
    file: bool,
    run: fn(&mut Shell, &[String], &str) -> Result<()>,
}

const fn verb(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    run: fn(&mut Shell, &[String], &str) -> Result<()>,
) -> Verb {
    Verb { name, arguments, help, file: false, run }
}

const fn file(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    run: fn(&mut Shell, &[String], &str) -> Result<()>,
) -> Verb {
    Verb { name, arguments, help, file: true, run }
}

/// All verbs, as `.help` lists them.
const VERBS: &[Verb] = &[
    file(
        ".backup",
        "FILE",
        "copies the database while others use it (-overwrite, -compact)",
        copies::backup,
    ),
    verb(
        ".check",
        "",
        "looks for damage, and for rows whose foreign keys name no row",
        health::check,
    ),
    verb(".databases", "", "lists the attached databases and their files", schema::databases),
    verb(".dump", "[TABLE]", "writes SQL that makes the same database again", dump::dump),
    verb(".exit", "[CODE]", "leaves the shell, as Ctrl-D and `.quit` do", settings::exit),
    verb(
        ".explain",
        "SQL|on|off",
        "shows a statement's plan, or that of each statement before it runs",
        settings::explain,
    ),
    verb(".headers", "on|off", "names of columns in csv and list", settings::headers),
    verb(".help", "[VERB]", "lists the verbs", help),
    file(
        ".import",
        "FILE TABLE",
        "adds rows of CSV or JSON (-csv, -json, -skip N, -null TEXT, -separator C)",
        import::import,
    ),
    verb(".indexes", "[TABLE]", "lists indexes and their columns", schema::indexes),
    file(
        ".migrations",
        "[FOLDER]",
        "says which migrations are applied or pending, and what was changed by hand",
        migrations::migrations,
    ),
    verb(
        ".mode",
        "[MODE]",
        "the form of results: table, markdown, csv, json, line, list, insert [TABLE]",
        settings::mode,
    ),
    verb(".nullvalue", "TEXT", "how NULL is shown", settings::nullvalue),
    file(".once", "FILE", "the next result goes into a file", settings::once),
    file(".open", "FILE", "closes the database and opens another", settings::open),
    file(".output", "[FILE]", "results go into a file, or to the terminal again", settings::output),
    verb(".print", "TEXT", "writes a text", settings::print),
    verb(".quit", "", "leaves the shell", settings::exit),
    file(".read", "FILE", "runs the statements and verbs of a file", settings::read),
    file(
        ".recover",
        "NEW_FILE",
        "saves what can be read of a damaged database into a new one",
        health::recover,
    ),
    file(".restore", "FILE", "replaces all of the database by what a copy has", copies::restore),
    verb(
        ".schema",
        "[TABLE]",
        "shows the statements that made tables, indexes, triggers and views",
        schema::schema,
    ),
    verb(".separator", "TEXT", "what is between the values of csv and list", settings::separator),
    verb(".show", "", "shows the settings", settings::show),
    verb(
        ".stats",
        "",
        "what the shell has done with the database, and the state of its log",
        health::stats,
    ),
    verb(".tables", "[PATTERN]", "lists tables and views", schema::tables),
    verb(".timer", "on|off", "shows how long each statement takes", settings::timer),
    verb(
        ".width",
        "N",
        "the most columns of the screen for one column of a table; 0: as fits",
        settings::width,
    ),
];

/// Returns the names of the verbs.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|verb| verb.name)
}

/// Whether a line's verb wants a file.
pub(crate) fn takes_file(line: &str) -> bool {
    let name = line.split_ascii_whitespace().next().unwrap_or_default();
    found(name).is_ok_and(|verb| verb.file)
}

/// Runs the verb of a line.
pub(crate) fn run(shell: &mut Shell, line: &str) -> Result<()> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let verb = found(name)?;
    // SQL and texts are taken as they are.
    let raw = matches!(verb.name, ".explain" | ".print");
    let arguments = if raw { Vec::new() } else { words(rest)? };
    (verb.run)(shell, &arguments, rest.trim())
}

/// Returns the verb of this name, or the only one that begins with it.
fn found(name: &str) -> Result<&'static Verb> {
    if let Some(verb) = VERBS.iter().find(|verb| verb.name == name) {
        return Ok(verb);
    }
    // As SQLite's shell spells them.
    match name {
        ".indices" => return found(".indexes"),
        ".eqp" => return found(".explain"),
        ".save" => return found(".backup"),
        _ => {}
    }
    let begin: Vec<_> = VERBS.iter().filter(|verb| verb.name.starts_with(name)).collect();
    match begin.as_slice() {
        [verb] => Ok(verb),
        [] => Err(Failure::Message(format!("there is no verb {name}: `.help` lists them"))),
        several => {
            let names: Vec<_> = several.iter().map(|verb| verb.name).collect();
            Err(Failure::Message(format!("{name} can be {}", names.join(", "))))
        }
    }
}

/// Divides a line into words. Quotes keep blanks: in double ones a backslash takes the next character
/// as it is, in single ones nothing is special.
fn words(line: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut letters = line.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let Some(first) = letters.next() else { return Ok(found) };
        let mut word = String::new();
        if matches!(first, '"' | '\'') {
            loop {
                match letters.next() {
                    Some(letter) if letter == first => break,
                    Some('\\') if first == '"' => word.extend(letters.next()),
                    Some(letter) => word.push(letter),
                    None => return Err(Failure::Message(format!("{first} is never closed"))),
                }
            }
        } else {
            word.push(first);
            while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
                word.push(letter);
            }
        }
        found.push(word);
    }
}

/// Returns options (words that begin with a dash) apart from the others.
fn options(arguments: &[String]) -> (Vec<&str>, Vec<&str>) {
    let is_option = |word: &&str| word.len() > 1 && word.starts_with('-');
    arguments.iter().map(String::as_str).partition(is_option)
}

/// Returns the failure of a verb that was used in another way than it can be.
fn usage(name: &str) -> Failure {
    let arguments = found(name).map_or("", |verb| verb.arguments);
    Failure::Message(format!("usage: {name} {arguments}"))
}

fn help(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    if let Some(name) = arguments.first() {
        let name = if name.starts_with('.') { name.clone() } else { format!(".{name}") };
        let verb = found(&name)?;
        writeln!(shell.out, "{} {}\n  {}", verb.name, verb.arguments, verb.help)?;
        return Ok(());
    }
    for verb in VERBS {
        let left = format!("{} {}", verb.name, verb.arguments);
        writeln!(shell.out, "{left:<24}{}", verb.help)?;
    }
    writeln!(
        shell.out,
        "\nAnything else is SQL, which a semicolon ends. The beginning of a verb is enough where only one has \
         it.\nCtrl-C stops what runs, Ctrl-D leaves, Tab completes."
    )?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_quotes_do_not_end_a_word() {
        let found = words(r#" a "b c\"d" 'e \ f' C:\x "" "#).unwrap();
        assert_eq!(found, ["a", "b c\"d", r"e \ f", r"C:\x", ""]);
        assert!(words("'a").is_err());
    }

    #[test]
    fn the_beginning_of_a_verb_is_enough_where_only_one_has_it() {
        assert_eq!(found(".tab").unwrap().name, ".tables");
        assert_eq!(found(".indices").unwrap().name, ".indexes");
        let message = found(".re").err().unwrap().words();
        assert!(message.contains(".read, .recover, .restore"), "{message}");
        assert!(found(".nope").is_err());
    }

    #[test]
    fn the_verbs_are_in_the_order_in_which_they_are_looked_for() {
        assert!(names().is_sorted());
    }
}
