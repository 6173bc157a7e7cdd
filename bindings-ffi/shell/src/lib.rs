//! The shell: SQL and what the library can do, in a terminal.
//!
//! It is written once, on the library as any program uses it, and started by the program
//! `ubiqlite`, by Node (`npx ubiqlite`) and by Python (`python -m ubiqlite`). All statements run on
//! one session; copies, checks and migrations are the database's own operations.
//!
//! `arguments` reads the command line, `shell` runs statements and verbs (`commands`), which come
//! from a terminal (`terminal`) or from a script (`script`), and `output` writes rows in one of
//! several forms. `generator` is the command `gen`, which writes code.

mod arguments;
mod commands;
mod connection;
mod failure;
mod generator;
mod interrupt;
mod names;
mod output;
mod script;
mod shell;
mod splitter;
mod statement;
mod terminal;
mod wait;

use std::ffi::OsString;

/// Runs the shell with the arguments of a command line, without the program's name, on the standard
/// streams of this process, until it is left.
///
/// While it runs, Ctrl-C (`SIGINT`) stops the running statement; afterwards it is handled as before.
///
/// Returns the exit code: 0, 1 after an error, 2 for arguments that make no sense.
///
/// # Example
/// ```no_run
/// std::process::exit(ubiqlite_shell::run(std::env::args_os().skip(1)).into());
/// ```
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let mut all = arguments.into_iter().peekable();
    // A file of that name is `./gen`.
    if all.next_if(|it| it == "gen").is_some() {
        let _handled = interrupt::handle();
        return generator::run(all);
    }
    let arguments = match arguments::parse(all) {
        Ok(arguments::Parsed::Run(arguments)) => arguments,
        Ok(arguments::Parsed::Print(text)) => {
            // Nobody has to read it.
            let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
            return 0;
        }
        Err(message) => {
            eprintln!("ubiqlite: {message}\nTry `ubiqlite -help`.");
            return 2;
        }
    };
    let _handled = interrupt::handle();
    shell::run(*arguments)
}
