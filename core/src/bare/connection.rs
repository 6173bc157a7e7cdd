//! The synchronous side of a bare connection.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::c_int;
use std::path::Path;
use std::time::Instant;

use crate::ffi;

use super::cursors::{Cache, Open};
use super::log::{Log, is_memory};
use super::statement::Statement;
use super::within::{QUICK, STRIKES};
use super::{Answer, Ask, BareOptions, State};
use crate::engine::{Handle, Refused, Stepped, cold};
use crate::error::{Error, ErrorKind, Phase, Result, bare};
use crate::platform::files;
use crate::row::Page;
use crate::sql::Params;
use crate::value::Value;

/// About how many bytes of rows one answer has, unless all are requested.
const PAGE: usize = 256 * 1024;

/// See [`super::Bare`].
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) raw: *mut ffi::sqlite3,
    cursors: HashMap<u32, Open>,
    cache: Cache,
    pub(super) busy_timeout: c_int,
    named_by_position: bool,
    /// Statements may call code that is not this library's.
    pub(super) observed: bool,
    /// One of its databases may be in a cache that is shared with other connections.
    shared: bool,
    /// Something ran on the connection's own thread, which read the schema.
    pub(super) used: bool,
    pub(super) log: Log,
    // Closes the connection, so it is the last to be dropped.
    _db: Handle,
}

// SAFETY: the connection was opened without a mutex of SQLite's, which allows any
// thread to use it as long as no two do at once; `&mut` ensures that.
unsafe impl Send for Connection {}

/// A statement to be run on a cursor.
struct Begun {
    cursor: u32,
    sql: String,
    params: Params,
    begin: Option<&'static str>,
    most: usize,
}

impl Connection {
    pub(super) fn open(path: &str, options: &BareOptions) -> Result<Self> {
        let uri = if options.uri { ffi::SQLITE_OPEN_URI } else { 0 };
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE | uri;
        files::install();
        cold::install();
        // SQLite, as it is built here, would take it for a URI, requested or not.
        let literal = !options.uri && path.starts_with("file:");
        let name = if literal { Cow::from(format!("./{path}")) } else { Cow::from(path) };
        let db = Handle::open(Path::new(&*name), flags, None).map_err(|refused| match refused {
            Refused::Code(code, message) => bare(code, &message, Phase::Compile),
            other => Error::new(ErrorKind::CannotOpen, other.to_string()),
        })?;
        // Used only while `db`, its owner, lives.
        let raw = db.raw();
        let busy_timeout = c_int::try_from(options.busy_timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the connection is open.
        let memory = unsafe {
            ffi::sqlite3_busy_timeout(raw, busy_timeout);
            as_by_default(raw);
            crate::engine::watch(raw);
            is_memory(raw)
        };
        Ok(Self {
            raw,
            cursors: HashMap::new(),
            cache: Cache::new(options.cached_statements),
            busy_timeout,
            named_by_position: options.named_by_position,
            observed: false,
            shared: options.uri && shares_cache(path),
            used: false,
            log: Log::new(memory),
            _db: db,
        })
    }

    pub(super) fn set_observed(&mut self, observed: bool) {
        self.observed = observed;
    }

    pub(super) fn in_transaction(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_get_autocommit(self.raw) == 0 }
    }

    pub(super) fn state(&self) -> State {
        // SAFETY: the connection is open.
        unsafe { State::of(self.raw) }
    }

    fn answer(&self) -> Answer {
        Answer { state: self.state(), ..Answer::default() }
    }

    /// Runs a request if it is short and waits for nothing; otherwise hands it back, to run where
    /// waiting harms nobody.
    #[allow(clippy::result_large_err, reason = "what comes back is what was given, moved")]
    pub(super) fn try_now(&mut self, ask: Ask) -> Result<Result<Answer>, Ask> {
        match ask {
            Ask::End { .. } if !self.in_transaction() => Ok(Ok(self.answer())),
            // A step on a shared cache may wait for another connection's, within SQLite.
            _ if self.observed || self.shared => Err(ask),
            Ask::End { sql: "COMMIT" } if self.log.quick_commits && self.log.is_small() => {
                match self.lightly(|this| this.control("COMMIT")) {
                    // Another connection is in the way; the transaction is still open.
                    Err(error) if is_busy(&error) => Err(ask),
                    done => Ok(done.map(|()| self.answer())),
                }
            }
            Ask::Reset { cursor } => match self.cursors.get(&cursor) {
                // Its end may be a commit.
                Some(open) if !open.statement.readonly => Err(ask),
                _ => Ok(self.reset(cursor).map(|()| self.answer())),
            },
            Ask::Execute { cursor, sql, params, begin, most } => {
                let begun = Begun { cursor, sql, params, begin, most };
                let open = self.cursors.get(&cursor);
                if open.is_some_and(|open| !open.statement.readonly) {
                    return Err(begun.into());
                }
                self.execute(begun, true).map_err(Ask::from)
            }
            ask => Err(ask),
        }
    }

    /// Runs a request.
    pub(super) fn run(&mut self, ask: Ask) -> Result<Answer> {
        self.used = true;
        self.log.forget();
        self.shared |= ask.shares_cache();
        match ask {
            Ask::Execute { cursor, sql, params, begin, most } => {
                let begun = Begun { cursor, sql, params, begin, most };
                // Only what was tried within a call is handed back.
                self.execute(begun, false).unwrap_or_else(|_| Err(super::closed()))
            }
            Ask::ExecuteMany { cursor, sql, each, begin } => {
                self.execute_many(cursor, sql, &each, begin)
            }
            Ask::Fetch { cursor, most } => self.fetch(cursor, most),
            Ask::Reset { cursor } => self.reset(cursor).map(|()| self.answer()),
            Ask::Script { sql, commit } => self.script(&sql, commit),
            Ask::End { sql } => {
                if self.in_transaction() {
                    self.control(sql)?;
                }
                Ok(self.answer())
            }
        }
    }

    /// Runs a statement to its first rows. `now`: only if that is short and waits for nothing;
    /// otherwise it is handed back.
    #[allow(clippy::result_large_err, reason = "what comes back is what was given, moved")]
    fn execute(&mut self, begun: Begun, now: bool) -> Result<Result<Answer>, Begun> {
        if let Err(error) = self.reset(begun.cursor) {
            return Ok(Err(error));
        }
        if now && !self.cache.has(&begun.sql) && !self.may_compile(&begun.sql) {
            return Err(begun);
        }
        let take = |this: &mut Self| {
            // SAFETY: the connection is open, and drops its statements before it closes.
            unsafe { this.cache.take(this.raw, &begun.sql) }
        };
        let taken = if now { self.impatient(take) } else { take(self) };
        let mut statement = match taken {
            Ok(Some(statement)) => statement,
            Ok(None) => {
                return Ok(super::statement::fit(0, &begun.params).map(|()| self.answer()));
            }
            Err(error) if now && is_busy(&error) => return Err(begun),
            Err(error) => return Ok(Err(error)),
        };
        if now && !self.is_quick(&statement, begun.begin) {
            self.cache.keep(begun.sql.clone(), statement);
            return Err(begun);
        }
        let started = Instant::now();
        let Begun { begin, most, .. } = begun;
        let brief = now && statement.readonly;
        let mut first = |this: &mut Self| this.first(&mut statement, &begun.params, begin, most);
        let (ran, ended) = match (now, brief) {
            (false, _) => (first(self), None),
            (true, false) => (self.lightly(first), None),
            (true, true) => {
                let (ran, ended) = self.briefly(first);
                (ran, Some(ended))
            }
        };
        match ran {
            Ok((page, more)) => {
                if statement.changes {
                    let quick = started.elapsed() <= QUICK;
                    statement.strikes = if quick { 0 } else { STRIKES };
                }
                Ok(self.answered(begun, statement, page, more))
            }
            Err(error) => {
                // It repeats the error.
                let _ = statement.reset();
                // It took too many steps, and would do so again.
                let long = error.kind() == ErrorKind::Cancelled;
                if ended.is_some_and(|ended| long && !ended.stopped) {
                    statement.strikes = statement.strikes.saturating_add(1);
                }
                let again = match ended {
                    Some(ended) => ended.is_too_long(&error),
                    None => now && is_busy(&error),
                };
                let sql = begun.sql.clone();
                self.cache.keep(sql, statement);
                if again { Err(begun) } else { Ok(Err(error)) }
            }
        }
    }

    fn first(
        &mut self,
        statement: &mut Statement,
        params: &Params,
        begin: Option<&'static str>,
        most: usize,
    ) -> Result<(Page, bool)> {
        if let (Some(begin), true) = (begin, statement.changes)
            && !self.in_transaction()
        {
            self.control(begin)?;
        }
        // SAFETY: the caller keeps the parameters until the statement is reset.
        unsafe { statement.bind(params, self.named_by_position)? };
        fill(statement, most)
    }

    /// Returns what a statement did, and keeps the statement if it has more rows.
    fn answered(
        &mut self,
        begun: Begun,
        mut statement: Statement,
        page: Page,
        more: bool,
    ) -> Result<Answer> {
        let shape = statement.shape();
        // SAFETY: the connection is open.
        let changes = unsafe { ffi::sqlite3_changes64(self.raw).cast_unsigned() };
        let changed = (statement.changes && !more).then_some(changes);
        let Begun { cursor, sql, params, .. } = begun;
        if more {
            self.cursors.insert(cursor, Open { statement, sql, params });
        } else {
            let pragma = statement.pragma;
            // A statement that is done is reset by itself where that matters.
            statement.reset()?;
            self.cache.keep(sql, statement);
            if pragma {
                self.look();
            }
        }
        let page = shape.is_some().then_some(page);
        Ok(Answer { page, shape, more, changed, ran: true, ..self.answer() })
    }

    fn fetch(&mut self, cursor: u32, most: usize) -> Result<Answer> {
        let Some(mut open) = self.cursors.remove(&cursor) else { return Ok(self.answer()) };
        match fill(&mut open.statement, most) {
            Ok((page, more)) => {
                let Open { statement, sql, params } = open;
                self.answered(
                    Begun { cursor, sql, params, begin: None, most },
                    statement,
                    page,
                    more,
                )
            }
            Err(error) => {
                // It repeats the error.
                let _ = open.statement.reset();
                self.cache.keep(open.sql, open.statement);
                Err(error)
            }
        }
    }

    /// Whether a cursor has rows that were not fetched.
    pub(super) fn has_open_cursors(&self) -> bool {
        !self.cursors.is_empty()
    }

    fn reset(&mut self, cursor: u32) -> Result<()> {
        let Some(mut open) = self.cursors.remove(&cursor) else { return Ok(()) };
        let reset = open.statement.reset();
        self.cache.keep(open.sql, open.statement);
        reset
    }

    fn execute_many(
        &mut self,
        cursor: u32,
        sql: String,
        each: &[Params],
        begin: Option<&'static str>,
    ) -> Result<Answer> {
        self.reset(cursor)?;
        // SAFETY: the connection is open, and drops its statements before it closes.
        let taken = unsafe { self.cache.take(self.raw, &sql)? };
        let Some(mut statement) = taken else { return Ok(self.answer()) };
        let done = self.each(&mut statement, each, begin);
        let reset = statement.reset();
        self.cache.keep(sql, statement);
        let changed = Some(done?);
        reset?;
        Ok(Answer { changed, ran: true, ..self.answer() })
    }

    fn each(
        &mut self,
        statement: &mut Statement,
        each: &[Params],
        begin: Option<&'static str>,
    ) -> Result<u64> {
        if !statement.changes {
            return Err(Error::invalid("executemany() can only execute DML statements."));
        }
        if let Some(begin) = begin.filter(|_| !self.in_transaction()) {
            self.control(begin)?;
        }
        let mut changed = 0;
        for params in each {
            // SAFETY: the parameters outlive the reset.
            unsafe { statement.bind(params, self.named_by_position)? };
            while statement.step()? == Stepped::Row {}
            // SAFETY: the connection is open.
            changed += unsafe { ffi::sqlite3_changes64(self.raw).cast_unsigned() };
            statement.reset()?;
        }
        Ok(changed)
    }

    fn script(&mut self, mut sql: &str, commit: bool) -> Result<Answer> {
        if commit && self.in_transaction() {
            self.control("COMMIT")?;
        }
        let mut pragma = false;
        while !sql.is_empty() {
            // SAFETY: the connection is open, and the statement is dropped here.
            let (statement, rest) = unsafe { Statement::prepare(self.raw, sql, false)? };
            sql = rest;
            let Some(mut statement) = statement else { continue };
            pragma |= statement.pragma;
            while statement.step()? == Stepped::Row {}
            statement.reset()?;
        }
        if pragma {
            self.look();
        }
        Ok(self.answer())
    }

    fn control(&mut self, sql: &str) -> Result<()> {
        // SAFETY: the connection is open, and drops its statements before it closes.
        let taken = unsafe { self.cache.take(self.raw, sql)? };
        let Some(mut statement) = taken else { return Ok(()) };
        let stepped = statement.step();
        let reset = statement.reset();
        self.cache.keep(sql.to_owned(), statement);
        stepped.and(reset)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Statements end before their connection does.
        self.cursors.clear();
        self.cache.clear();
    }
}

impl Ask {
    /// Whether it may attach a database in a shared cache.
    fn shares_cache(&self) -> bool {
        match self {
            Self::Execute { sql, params, .. } => {
                let texts = params.values().iter().filter_map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                Statement::attaches(sql) && texts.chain([sql.as_str()]).any(shares_cache)
            }
            Self::Script { sql, .. } => shares_cache(sql),
            _ => false,
        }
    }
}

/// Whether a URI may request a shared cache.
fn shares_cache(uri: &str) -> bool {
    uri.contains("cache=")
}

impl From<Begun> for Ask {
    fn from(begun: Begun) -> Self {
        let Begun { cursor, sql, params, begin, most } = begun;
        Self::Execute { cursor, sql, params, begin, most }
    }
}

/// Restores SQLite's defaults where it is built differently here.
///
/// # Safety
/// `raw` is open, and used by this thread alone.
unsafe fn as_by_default(raw: *mut ffi::sqlite3) {
    for (setting, on) in [
        (ffi::SQLITE_DBCONFIG_ENABLE_FKEY, 0),
        (ffi::SQLITE_DBCONFIG_DQS_DML, 1),
        (ffi::SQLITE_DBCONFIG_DQS_DDL, 1),
    ] {
        // SAFETY: by the contract; these take an integer, and a pointer that may be null.
        unsafe { ffi::sqlite3_db_config(raw, setting, on, std::ptr::null_mut::<c_int>()) };
    }
}

/// Steps to the next rows, and returns whether there are more.
pub(super) fn fill(statement: &mut Statement, most: usize) -> Result<(Page, bool)> {
    let mut page = None;
    let mut rows = 0;
    loop {
        if statement.step()? == Stepped::Done {
            break;
        }
        let page = page.get_or_insert_with(|| statement.page());
        statement.write_row(page)?;
        rows += 1;
        if rows >= most || (most != usize::MAX && page.weight() >= PAGE) {
            break;
        }
    }
    let page = page.unwrap_or_else(|| statement.page()).finish();
    Ok((page, rows > 0 && statement.is_busy()))
}

fn is_busy(error: &Error) -> bool {
    error.kind() == ErrorKind::Busy
}
