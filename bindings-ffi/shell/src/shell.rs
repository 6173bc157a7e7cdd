//! The shell itself: it runs statements and verbs, wherever they come from.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use ubiqlite::Row;

use crate::arguments::Arguments;
use crate::commands;
use crate::connection::{Connection, Open};
use crate::failure::{Failure, Result, of_file};
use crate::output::{self, Mode, Screen, Style, write_plan};
use crate::statement::{Kind, is_query_plan};
use crate::wait::wait;
use crate::{interrupt, script, terminal};

/// The state of a shell.
pub(crate) struct Shell {
    pub(crate) connection: Connection,
    pub(crate) style: Style,
    pub(crate) out: Output,
    /// Somebody types.
    pub(crate) interactive: bool,
    pub(crate) timer: bool,
    /// The plan of each statement is shown before its result.
    pub(crate) plans: bool,
    /// A transaction is open.
    pub(crate) transaction: bool,
    /// The names may have changed since they were read for completion.
    pub(crate) names_changed: bool,
    pub(crate) script_depth: usize,
    /// `.exit` was run.
    pub(crate) leaves: bool,
    pub(crate) code: u8,
    /// `.once` was run: the output is the next result's alone.
    pub(crate) once_next: bool,
}

/// Where results go.
pub(crate) struct Output {
    to: BufWriter<Box<dyn Write>>,
    /// It is not the standard output.
    pub(crate) file: bool,
    /// Only the next result goes there.
    pub(crate) once: bool,
    terminal: bool,
    flushed: Instant,
}

/// How long a row may wait for more of them.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(100);

impl Output {
    fn standard() -> Self {
        let terminal = io::stdout().is_terminal();
        Self::to(Box::new(io::stdout()), terminal)
    }

    fn to(to: Box<dyn Write>, terminal: bool) -> Self {
        let to = BufWriter::with_capacity(64 * 1024, to);
        Self { to, file: false, once: false, terminal, flushed: Instant::now() }
    }

    /// What is known of where it goes.
    pub(crate) fn screen(&self) -> Screen {
        let width = self.terminal.then(terminal::width);
        let color = self.terminal && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        Screen { width, color }
    }

    fn flush_in_time(&mut self) -> io::Result<()> {
        if self.terminal && self.flushed.elapsed() > PATIENCE {
            self.to.flush()?;
            self.flushed = Instant::now();
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Runs the shell as the command line asks. Returns the exit code.
pub(crate) fn run(arguments: Arguments) -> u8 {
    let typed = arguments.commands.is_empty()
        && !arguments.batch
        && io::stdin().is_terminal()
        && io::stdout().is_terminal();
    let mut shell = Shell::new(&arguments, typed);
    let done = shell.all(&arguments, typed);
    let closed = shell.out.flush().map_err(Failure::from).and(shell.connection.close());
    match done.and(closed) {
        Ok(()) => shell.code,
        // `ubiqlite … | head` is not an error.
        Err(failure) if failure.is_closed_output() => shell.code,
        Err(failure) => {
            shell.tell("", &failure);
            1
        }
    }
}

impl Shell {
    fn new(arguments: &Arguments, interactive: bool) -> Self {
        let out = Output::standard();
        let mode = match (&arguments.mode, out.terminal) {
            (Some(mode), _) => mode.clone(),
            (None, true) => Mode::Table,
            (None, false) => Mode::List,
        };
        Self {
            connection: Connection::new(arguments.path.clone(), arguments.read_only),
            style: Style {
                mode,
                headers: arguments.headers,
                null: arguments.null.clone(),
                separator: arguments.separator.clone(),
                widest: None,
            },
            out,
            interactive,
            timer: arguments.timer,
            plans: false,
            transaction: false,
            names_changed: true,
            script_depth: 0,
            leaves: false,
            code: 0,
            once_next: false,
        }
    }

    fn all(&mut self, arguments: &Arguments, typed: bool) -> Result<()> {
        if let Some(folder) = arguments.path.as_deref().and_then(Path::parent)
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            return Err(Failure::Message(format!("there is no folder {}", folder.display())));
        }
        for text in arguments.before.iter().chain(&arguments.commands) {
            self.text(text)?;
            if self.leaves {
                return Ok(());
            }
        }
        if typed {
            return terminal::run(self);
        }
        if arguments.commands.is_empty() {
            return script::run(self, "stdin", io::stdin().lock());
        }
        Ok(())
    }

    /// Runs an argument of the command line.
    fn text(&mut self, text: &str) -> Result<()> {
        match text.trim_start().starts_with('.') {
            true => self.verb(text.trim()),
            false => script::run(self, "SQL", text.as_bytes()),
        }
    }

    /// Runs a verb: a line that begins with a dot.
    pub(crate) fn verb(&mut self, line: &str) -> Result<()> {
        interrupt::reset();
        let done = commands::run(self, line);
        self.after(done)
    }

    /// Runs a statement.
    pub(crate) fn statement(&mut self, sql: &str) -> Result<()> {
        interrupt::reset();
        let began = Instant::now();
        let done = self.shown(sql);
        let took = began.elapsed();
        let done = self.after(done);
        if self.timer && done.is_ok() {
            writeln!(io::stderr(), "{:.3} s", took.as_secs_f64())?;
        }
        done
    }

    fn after(&mut self, done: Result<()>) -> Result<()> {
        let flushed = self.out.flush();
        if self.out.once {
            self.out = Output::standard();
        }
        self.out.once = std::mem::take(&mut self.once_next);
        done.and(flushed.map_err(Failure::from))
    }

    fn shown(&mut self, sql: &str) -> Result<()> {
        let kind = Kind::of(sql);
        if self.plans
            && !matches!(kind, Kind::Begins | Kind::Commits | Kind::MayEnd)
            && !is_query_plan(sql)
        {
            // What has no plan says why when it runs.
            let _ = self.plan(sql);
        }
        let done = self.rows_of(sql, kind);
        self.note_transaction(kind, done.is_ok());
        self.names_changed |= kind == Kind::Defines || kind == Kind::MayEnd;
        done
    }

    /// Whether statements may run together, since nobody looks at each.
    pub(crate) fn groups(&self) -> bool {
        self.transaction && !self.timer && !self.plans
    }

    /// Runs statements without rows in the open transaction, all or none.
    pub(crate) fn together(&mut self, statements: String) -> Result<()> {
        interrupt::reset();
        let Open { session, db } = self.connection.open(true)?;
        let done = wait(Some(db), session.batch(statements)).map(drop);
        self.note_transaction(Kind::Other, done.is_ok());
        done
    }

    /// Learns whether a transaction is open now.
    fn note_transaction(&mut self, kind: Kind, done: bool) {
        let before = self.transaction;
        self.transaction = match (kind, done) {
            (Kind::Begins, true) => true,
            (Kind::Commits, true) => false,
            (Kind::MayEnd, _) | (_, false) if before => {
                let known = self.connection.open(false).and_then(Open::in_transaction);
                known.unwrap_or(before)
            }
            _ => before,
        };
        if before && !done && !self.transaction {
            let _ = writeln!(io::stderr(), "The transaction was rolled back.");
        }
    }

    fn rows_of(&mut self, sql: &str, kind: Kind) -> Result<()> {
        if is_query_plan(sql) && matches!(self.style.mode, Mode::Table) {
            return self.plan(sql);
        }
        if matches!(kind, Kind::Reads | Kind::With) {
            match self.streamed(sql, kind != Kind::Reads) {
                // It writes: nothing of it has run.
                Err(Failure::Database(error))
                    if error.kind() == ubiqlite::ErrorKind::InvalidArgument => {}
                other => return other,
            }
        }
        let open = self.connection.open(true)?;
        let done = open.run(sql, ())?;
        if !done.columns.is_empty() {
            let columns = done.columns.into_iter().map(|column| column.name).collect();
            let mut rows = output::rows(&self.style, self.out.screen(), columns);
            for row in &done.rows {
                rows.row(&mut self.out, row)?;
            }
            rows.end(&mut self.out)?;
        } else if self.interactive && self.script_depth == 0 && Kind::changes_rows(sql) {
            writeln!(self.out, "{} changed", counted(done.rows_changed, "row"))?;
        }
        Ok(())
    }

    /// Runs a query and writes its rows as they come.
    fn streamed(&mut self, sql: &str, writes: bool) -> Result<()> {
        let Open { session, db } = self.connection.open(writes)?;
        let mut count = 0;
        let mut rows = None;
        let mut stream = session.stream(sql, ());
        while let Some(row) = wait(Some(db), stream.try_next())? {
            if interrupt::requested() {
                return Err(Failure::Interrupted);
            }
            let rows = rows.get_or_insert_with(|| {
                let columns = row.iter().map(|(name, _)| name.to_owned()).collect();
                output::rows(&self.style, self.out.screen(), columns)
            });
            rows.row(&mut self.out, &row)?;
            self.out.flush_in_time()?;
            count += 1;
        }
        drop(stream);
        let mut rows = match rows {
            Some(rows) => rows,
            None => {
                let columns = self.columns_of(sql);
                output::rows(&self.style, self.out.screen(), columns)
            }
        };
        if count > 0 || !matches!(self.style.mode, Mode::Table | Mode::Markdown) {
            rows.end(&mut self.out)?;
        }
        if self.interactive
            && !self.out.file
            && self.script_depth == 0
            && self.style.mode == Mode::Table
        {
            writeln!(self.out, "{}", counted(count, "row"))?;
        }
        Ok(())
    }

    /// Returns the names of the columns of a query without rows, where they are shown.
    fn columns_of(&mut self, sql: &str) -> Vec<String> {
        if !matches!(self.style.mode, Mode::Csv | Mode::List) {
            return Vec::new();
        }
        let sql = format!("SELECT * FROM ({}\n) WHERE 0", sql.trim().trim_end_matches(';'));
        let done = self.connection.open(false).and_then(|open| open.run(&sql, ()));
        done.map(|it| it.columns.into_iter().map(|it| it.name).collect()).unwrap_or_default()
    }

    /// Writes the plan of a statement, which may have `EXPLAIN QUERY PLAN` already.
    pub(crate) fn plan(&mut self, sql: &str) -> Result<()> {
        let sql = match is_query_plan(sql) {
            true => sql.to_owned(),
            false => format!("EXPLAIN QUERY PLAN {sql}"),
        };
        let open = self.connection.open(false)?;
        let nodes: Vec<(i64, i64, i64, String)> = open.query(&sql, ())?;
        let nodes: Vec<_> = nodes.into_iter().map(|(id, up, _, words)| (id, up, words)).collect();
        write_plan(&mut self.out, &nodes)?;
        Ok(())
    }

    /// Writes the rows of a query of the shell's own.
    pub(crate) fn show(&mut self, sql: &str) -> Result<()> {
        let rows: Vec<Row> = self.connection.open(false)?.query(sql, ())?;
        let Some(first) = rows.first() else { return Ok(()) };
        let columns = first.iter().map(|(name, _)| name.to_owned()).collect();
        let mut form = output::rows(&self.style, self.out.screen(), columns);
        for row in &rows {
            form.row(&mut self.out, row)?;
        }
        form.end(&mut self.out)?;
        Ok(())
    }

    /// Sends results to a file from now on; to the standard output for `None`.
    pub(crate) fn redirect(&mut self, path: Option<&Path>) -> Result<()> {
        self.out.flush()?;
        self.out = match path {
            None => Output::standard(),
            Some(path) => {
                let file = File::create(path).map_err(|error| of_file(path, &error))?;
                Output { file: true, ..Output::to(Box::new(file), false) }
            }
        };
        Ok(())
    }

    /// Tells something that is no failure.
    pub(crate) fn note(&self, words: &str) {
        let _ = writeln!(io::stderr(), "{words}");
    }

    /// Tells a failure, and what can be done about a damaged file.
    pub(crate) fn tell(&mut self, place: &str, failure: &Failure) {
        self.code = 1;
        if matches!(failure, Failure::Told) {
            return;
        }
        let _ = self.out.flush();
        let mut err = io::stderr().lock();
        let begin = if place.is_empty() { "Error: " } else { place };
        let words = crate::output::text::visible(&failure.words(), true).into_owned();
        let _ = writeln!(err, "{begin}{words}");
        if failure.is_damage() {
            let _ = writeln!(
                err,
                "The file is damaged, or is no database. `.check` says what is wrong in it, and `.recover \
                 NEW_FILE` saves what can be read into a new one."
            );
        }
    }
}

/// Returns `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
