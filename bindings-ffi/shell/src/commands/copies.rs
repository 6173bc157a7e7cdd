//! Copies of the database.

use std::io::{self, IsTerminal, Write};

use super::{options, settings, usage};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::shell::Shell;
use crate::terminal;
use crate::wait::wait;

pub(super) fn backup(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let (options, files) = options(arguments);
    let [path] = files.as_slice() else { return Err(usage(".backup")) };
    let (mut overwrite, mut compact) = (false, false);
    for option in options {
        match option.trim_start_matches('-') {
            "overwrite" => overwrite = true,
            "compact" => compact = true,
            _ => return Err(Failure::Message(format!("there is no option {option}"))),
        }
    }
    let db = shell.connection.open(false)?.db.clone();
    let mut backup = db.backup(path).overwrite(overwrite).compact(compact);
    let mut bar = Bar::default();
    let done = loop {
        // Dropping it ends the copy, and removes what there is of it.
        if interrupt::requested() {
            break Err(Failure::Interrupted);
        }
        // The copy has no statement that could be stopped.
        match wait(None, backup.try_next()) {
            Ok(Some(progress)) => bar.show(progress.done.into(), progress.total.into()),
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    bar.remove();
    drop(backup);
    done.map_err(|failure| match failure {
        Failure::Database(error) if !overwrite && error.message().contains("exists") => {
            Failure::Message(format!("{}; `.backup -overwrite FILE` replaces it", error.message()))
        }
        other => other,
    })?;
    if shell.interactive {
        writeln!(shell.out, "copied {} pages to {path}", bar.total)?;
    }
    Ok(())
}

pub(super) fn restore(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [path] = arguments else { return Err(usage(".restore")) };
    if shell.transaction {
        return Err(settings::open_transaction());
    }
    let db = shell.connection.open(true)?.db.clone();
    wait(Some(&db), db.restore(path))?;
    shell.names_changed = true;
    if shell.interactive {
        writeln!(shell.out, "restored from {path}")?;
    }
    Ok(())
}

/// How far something is, on the last line of the terminal.
#[derive(Default)]
struct Bar {
    total: u64,
    shown: Option<String>,
}

impl Bar {
    fn show(&mut self, done: u64, total: u64) {
        self.total = total;
        if !io::stderr().is_terminal() {
            return;
        }
        let text = drawn(done, total, terminal::width());
        if self.shown.as_ref() != Some(&text) {
            // Nobody has to see it.
            let _ = write!(io::stderr(), "\r{text}");
            self.shown = Some(text);
        }
    }

    fn remove(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Draws a bar in one line of the terminal.
fn drawn(done: u64, total: u64, width: usize) -> String {
    let percent = (done * 100).checked_div(total).unwrap_or(0).min(100);
    let words = format!(" {percent:>3} %  {done} of {total} pages");
    // The last column stays free: some terminals go on in the next line there.
    let room = width.saturating_sub(words.chars().count() + 3).min(50);
    let full = room * usize::try_from(percent).unwrap_or(0) / 100;
    format!("[{}{}]{words}", "█".repeat(full), "░".repeat(room - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_stays_within_its_line_and_copes_with_an_empty_database() {
        assert_eq!(drawn(0, 0, 80).chars().count(), 50 + 2 + 23 - 3);
        for (done, total, width) in
            [(5, 10, 80), (10, 10, 40), (123_456, 1_234_567, 41), (1, 2, 20)]
        {
            let drawn = drawn(done, total, width);
            assert!(drawn.chars().count() < width || !drawn.contains(['█', '░']), "{drawn}");
        }
        assert!(drawn(5, 10, 40).contains(" 50 %  5 of 10 pages"));
    }
}
