//! How the shell itself behaves.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use super::usage;
use crate::connection::Connection;
use crate::failure::{Failure, Result, of_file};
use crate::output::Mode;
use crate::script;
use crate::shell::Shell;

fn on_or_off(word: &str) -> Option<bool> {
    match word {
        "on" | "yes" | "1" | "true" => Some(true),
        "off" | "no" | "0" | "false" => Some(false),
        _ => None,
    }
}

fn switch(name: &str, arguments: &[String]) -> Result<bool> {
    let [word] = arguments else { return Err(usage(name)) };
    on_or_off(word).ok_or_else(|| usage(name))
}

pub(super) fn headers(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    shell.style.headers = Some(switch(".headers", arguments)?);
    Ok(())
}

pub(super) fn timer(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    shell.timer = switch(".timer", arguments)?;
    Ok(())
}

pub(super) fn explain(shell: &mut Shell, _arguments: &[String], rest: &str) -> Result<()> {
    match (on_or_off(rest), rest) {
        (Some(on), _) => shell.plans = on,
        (None, "") => return Err(usage(".explain")),
        (None, sql) => return shell.plan(sql),
    }
    Ok(())
}

pub(super) fn mode(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let Some(name) = arguments.first() else {
        writeln!(shell.out, "{}", shell.style.mode.name())?;
        return Ok(());
    };
    shell.style.mode = match (name.as_str(), Mode::named(name)) {
        (_, Some(mode)) => mode,
        ("insert", None) => Mode::Insert(arguments.get(1).map_or("table", |it| it).to_owned()),
        ("tabs", None) => {
            shell.style.separator = Some("\t".to_owned());
            Mode::List
        }
        _ => {
            let names = Mode::NAMES.join(", ");
            return Err(Failure::Message(format!(
                "there is no mode {name}: the modes are {names}"
            )));
        }
    };
    Ok(())
}

pub(super) fn nullvalue(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [text] = arguments else { return Err(usage(".nullvalue")) };
    shell.style.null = Some(text.clone());
    Ok(())
}

pub(super) fn separator(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [text] = arguments else { return Err(usage(".separator")) };
    shell.style.separator = Some(text.replace("\\t", "\t"));
    Ok(())
}

pub(super) fn width(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [number] = arguments else { return Err(usage(".width")) };
    let number: usize = number.parse().map_err(|_| usage(".width"))?;
    shell.style.widest = Some(number).filter(|number| *number > 0);
    Ok(())
}

pub(super) fn output(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    match arguments {
        [] => shell.redirect(None),
        [path] => shell.redirect(Some(Path::new(path))),
        _ => Err(usage(".output")),
    }
}

pub(super) fn once(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [path] = arguments else { return Err(usage(".once")) };
    shell.redirect(Some(Path::new(path)))?;
    // This verb itself has no result.
    shell.once_next = true;
    Ok(())
}

pub(super) fn print(shell: &mut Shell, _arguments: &[String], rest: &str) -> Result<()> {
    writeln!(shell.out, "{rest}")?;
    Ok(())
}

pub(super) fn show(shell: &mut Shell, _arguments: &[String], _rest: &str) -> Result<()> {
    let on = |on: bool| if on { "on" } else { "off" };
    let style = &shell.style;
    let path = shell.connection.path().map(|path| path.display().to_string());
    let lines = [
        ("database", path.unwrap_or_else(|| ":memory:".to_owned())),
        ("mode", style.mode.name().to_owned()),
        ("headers", style.headers.map_or("as the mode has it", on).to_owned()),
        ("nullvalue", style.null.clone().unwrap_or_else(|| "as the mode has it".to_owned())),
        ("separator", style.separator.clone().unwrap_or_else(|| "as the mode has it".to_owned())),
        ("width", style.widest.map_or_else(|| "as fits".to_owned(), |it| it.to_string())),
        ("timer", on(shell.timer).to_owned()),
        ("explain", on(shell.plans).to_owned()),
        ("transaction", on(shell.transaction).to_owned()),
    ];
    for (name, value) in lines {
        writeln!(shell.out, "{name:>12}: {value}")?;
    }
    Ok(())
}

pub(super) fn exit(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    if let Some(code) = arguments.first() {
        shell.code = code.parse().map_err(|_| usage(".exit"))?;
    }
    shell.leaves = true;
    Ok(())
}

pub(super) fn open(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [path] = arguments else { return Err(usage(".open")) };
    if shell.transaction {
        return Err(open_transaction());
    }
    let read_only = shell.connection.is_read_only();
    shell.connection.close()?;
    shell.connection = Connection::new(Some(path.into()), read_only);
    shell.names_changed = true;
    shell.connection.open(false).map(drop)
}

/// What is said of a verb that does not go together with an open transaction.
pub(super) fn open_transaction() -> Failure {
    Failure::new("a transaction is open: COMMIT or ROLLBACK it first")
}

pub(super) fn read(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [path] = arguments else { return Err(usage(".read")) };
    let file = File::open(path).map_err(|error| of_file(Path::new(path), &error))?;
    // A dump switches them off, since its rows come before those that they refer to.
    let before = foreign_keys(shell);
    let done = script::run(shell, path, BufReader::new(file));
    if let (Some(true), Some(false)) = (before, foreign_keys(shell)) {
        if shell.transaction {
            shell.note("foreign keys stay off: the script has left a transaction open");
        } else {
            shell.connection.open(true)?.run("PRAGMA foreign_keys = ON", ())?;
        }
    }
    done
}

fn foreign_keys(shell: &mut Shell) -> Option<bool> {
    let open = shell.connection.open(false).ok()?;
    open.value("PRAGMA foreign_keys", ()).ok()?
}
