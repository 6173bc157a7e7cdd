//! The shell in a terminal: prompts, history, completion.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::names::Names;
use crate::output::text;
use crate::shell::Shell;
use crate::splitter::Splitter;
use crate::statement::skip_blanks;

/// The entries of the history that are kept.
const HISTORY: usize = 2000;
/// The columns that the name of the database gets in the prompt.
const NAME: usize = 30;

/// What completion looks at.
#[derive(Default)]
struct State {
    names: Names,
    /// The statement's earlier lines.
    before: String,
}

struct Assistant {
    state: Rc<RefCell<State>>,
    files: FilenameCompleter,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = line.get(..cursor).unwrap_or(line);
        let state = self.state.borrow();
        if state.before.is_empty() && line.starts_with('.') && line.contains(char::is_whitespace) {
            if crate::commands::takes_file(line) {
                return self.files.complete_path(line, cursor);
            }
            let tables = state
                .names
                .complete("SELECT 1 FROM ", &line[line.find(' ').map_or(0, |at| at + 1)..]);
            let start = line.find(' ').map_or(0, |at| at + 1) + tables.0;
            return Ok((start, pairs(tables.1)));
        }
        let (start, found) = state.names.complete(&state.before, line);
        Ok((start, pairs(found)))
    }
}

fn pairs(found: Vec<String>) -> Vec<Pair> {
    let pair = |name: String| Pair {
        display: text::visible(&name, false).into_owned(),
        replacement: name,
    };
    found.into_iter().map(pair).collect()
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}
impl Validator for Assistant {}
impl Helper for Assistant {}

/// Reads statements and verbs from the terminal until the user leaves.
pub(crate) fn run(shell: &mut Shell) -> Result<()> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(HISTORY)
        .map_err(unreadable)?
        .history_ignore_space(true)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor =
        Editor::<Assistant, MemHistory>::with_history(config, history).map_err(unreadable)?;
    // The editor has set a handler of its own, which would count nothing while a statement runs.
    let _handled = interrupt::handle();
    let state = Rc::new(RefCell::new(State::default()));
    editor
        .set_helper(Some(Assistant { state: Rc::clone(&state), files: FilenameCompleter::new() }));
    let kept = history_file();
    for entry in kept.as_deref().map(entries).unwrap_or_default() {
        editor.add_history_entry(entry).map_err(unreadable)?;
    }
    greet(shell)?;
    let mut splitter = Splitter::default();
    let mut entry = String::new();
    while !shell.leaves {
        if entry.is_empty() {
            read_names(shell, &state);
        }
        state.borrow_mut().before.clone_from(&entry);
        match editor.readline(&prompt(shell, !entry.is_empty())) {
            Ok(line) => {
                if entry.is_empty() && line.trim().is_empty() {
                    continue;
                }
                if entry.is_empty() && line.starts_with('.') {
                    remember(&mut editor, kept.as_deref(), line.trim_end())?;
                    let done = shell.verb(line.trim_end());
                    told(shell, "", done)?;
                    continue;
                }
                entry.push_str(&line);
                entry.push('\n');
                splitter.push(&line);
                splitter.push("\n");
                let mut ended = false;
                while let Some((statement, any)) = splitter.next_statement() {
                    ended = true;
                    if any {
                        let done = shell.statement(&statement);
                        if !told(shell, &statement, done)? {
                            splitter = Splitter::default();
                        }
                    }
                }
                if ended {
                    remember(&mut editor, kept.as_deref(), entry.trim_end())?;
                }
                if ended && splitter.is_blank() {
                    splitter = Splitter::default();
                    entry.clear();
                } else if ended {
                    entry = splitter.text().trim_start().to_owned();
                }
            }
            // A statement that is begun is thrown away; the shell stays.
            Err(ReadlineError::Interrupted) => {
                splitter = Splitter::default();
                entry.clear();
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(unreadable(error)),
        }
    }
    if shell.transaction {
        writeln!(io::stderr(), "The open transaction is rolled back.")?;
    }
    Ok(())
}

fn greet(shell: &mut Shell) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let sqlite: Option<String> = shell
        .connection
        .open(false)
        .and_then(|open| open.value("SELECT sqlite_version()", ()))
        .unwrap_or_else(|failure| {
            shell.tell("", &failure);
            None
        });
    let sqlite = sqlite.map(|version| format!(", SQLite {version}")).unwrap_or_default();
    writeln!(shell.out, "ubiqlite {version}{sqlite}. `.help` lists the verbs.")?;
    if shell.connection.is_missing()
        && let Some(path) = shell.connection.path()
    {
        let path = text::visible(&path.to_string_lossy(), false).into_owned();
        writeln!(shell.out, "{path} does not exist: the first statement that writes makes it.")?;
    }
    shell.out.flush()?;
    Ok(())
}

/// Reads the names again for completion, unless that would begin to read in a transaction that has
/// not.
fn read_names(shell: &mut Shell, state: &RefCell<State>) {
    if !shell.names_changed && shell.transaction {
        return;
    }
    if let Ok(names) = shell.connection.open(false).and_then(Names::read) {
        state.borrow_mut().names = names;
        shell.names_changed = false;
    }
}

fn prompt(shell: &Shell, goes_on: bool) -> String {
    let name = match shell.connection.path().and_then(|path| path.file_name()) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => "memory".to_owned(),
    };
    let name = text::visible(&name, false);
    let (name, width) = text::fit(&name, NAME);
    let mark = if shell.transaction { "*" } else { "" };
    match goes_on {
        true => format!("{:>1$}> ", "...", (width + mark.len()).max(3)),
        false => format!("{name}{mark}> "),
    }
}

/// Tells how it went. Returns whether it was done.
///
/// # Errors
/// If nothing can be written any more.
fn told(shell: &mut Shell, statement: &str, done: Result<()>) -> Result<bool> {
    let failure = match done {
        Ok(()) => return Ok(true),
        Err(failure) => failure,
    };
    if let Failure::Output(error) = &failure
        && !shell.out.file
    {
        return Err(Failure::Output(io::Error::from(error.kind())));
    }
    if shell.out.file && matches!(failure, Failure::Output(_)) {
        shell.redirect(None)?;
    }
    if let Failure::Database(error) = &failure
        && let Some(marked) = error.offset().and_then(|offset| marked(statement, offset))
    {
        write!(io::stderr(), "{marked}")?;
    }
    shell.tell("", &failure);
    interrupt::reset();
    // What was wrong on the way is no exit code of somebody who typed `.exit`.
    shell.code = 0;
    Ok(false)
}

/// Returns the line of a statement in which it is wrong, with a mark below the place.
fn marked(statement: &str, offset: usize) -> Option<String> {
    let before = statement.get(..offset)?;
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    let begin = begin.max(statement.len() - skip_blanks(statement).len());
    let line = statement.get(begin..)?.lines().next()?;
    let indent = text::width(&text::visible(statement.get(begin..offset)?, false));
    let line = text::visible(line, false);
    (text::width(&line) + 2 <= width()).then(|| format!("  {line}\n  {:indent$}^\n", ""))
}

fn unreadable(error: ReadlineError) -> Failure {
    Failure::Message(format!("cannot read from the terminal: {error}"))
}

/// Returns the columns of the terminal.
pub(crate) fn width() -> usize {
    let known = system_width().filter(|width| *width > 0);
    known
        .or_else(|| std::env::var("COLUMNS").ok()?.parse().ok())
        .filter(|width| *width >= 10)
        .unwrap_or(80)
}

#[cfg(unix)]
fn system_width() -> Option<usize> {
    // SAFETY: zero is a valid value of its numbers, which the system writes if it returns 0.
    unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) == 0)
            .then_some(usize::from(size.ws_col))
    }
}

#[cfg(not(unix))]
fn system_width() -> Option<usize> {
    None
}

/// Returns the file of the history: `UBIQLITE_HISTORY`, which may be empty for none, or
/// `.ubiqlite_history` in the home folder.
fn history_file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("UBIQLITE_HISTORY") {
        return Some(path.into()).filter(|path: &PathBuf| !path.as_os_str().is_empty());
    }
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?;
    (!home.is_empty()).then(|| PathBuf::from(home).join(".ubiqlite_history"))
}

/// Returns the entries of a history's file: one on each line, whose own ends of lines are `\n`.
fn entries(path: &std::path::Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let all: Vec<_> = text.lines().collect();
    let kept = &all[all.len().saturating_sub(HISTORY)..];
    if kept.len() < all.len() / 2 {
        // It is twice as long as it should be.
        let _ = fs::write(path, format!("{}\n", kept.join("\n")));
    }
    kept.iter().map(|line| unescaped(line)).collect()
}

fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    out
}

/// Adds an entry to the history, and to its file, which nobody else may read: there may be secrets in
/// what is typed.
fn remember(
    editor: &mut Editor<Assistant, MemHistory>,
    file: Option<&std::path::Path>,
    entry: &str,
) -> Result<()> {
    let added = editor.add_history_entry(entry).map_err(unreadable)?;
    if let (true, Some(path)) = (added, file) {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let line = format!("{}\n", entry.replace('\\', "\\\\").replace('\n', "\\n"));
        // Without a history the shell is still one.
        let _ = options.open(path).and_then(|mut file| file.write_all(line.as_bytes()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_several_lines_is_one_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history");
        fs::write(&path, "SELECT 1\\n  + '\\\\n';\n.tables\n").expect("written");
        assert_eq!(entries(&path), ["SELECT 1\n  + '\\n';", ".tables"]);
    }

    #[test]
    fn the_place_of_an_error_is_marked_below_its_line() {
        let statement = "\n SELECT 1,\n '日本', nope;";
        let offset = statement.find("nope").expect("it is there");
        assert_eq!(marked(statement, offset).as_deref(), Some("   '日本', nope;\n           ^\n"));
    }
}
