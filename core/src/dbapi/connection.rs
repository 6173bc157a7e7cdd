//! The synchronous side of a DB-API connection.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::c_int;
use std::path::Path;
use std::time::Instant;

use crate::ffi;

use super::changes::run_to_end;
use super::inline::QUICK;
use super::log::{LogState, is_memory};
use super::recorded::Recorded;
use super::statement::{DbapiStatement, OpenCursor};
use super::{ConnectionState, DbapiOptions, DbapiRequest, DbapiResult};
use crate::engine::{DatabaseHandle, OpenFailure, StatementCache, Stepped, disk_wait};
use crate::error::{Error, ErrorKind, Phase, Result, without_advice};
use crate::platform::{files, page_reads};
use crate::row::Page;
use crate::sql::Params;

/// About how many bytes of rows one result has, unless all are requested.
const PAGE: usize = 256 * 1024;

/// See [`super::DbapiConnection`].
#[derive(Debug)]
pub(super) struct DbapiInner {
    pub(super) raw: *mut ffi::sqlite3,
    cursors: HashMap<u32, OpenCursor>,
    /// Statements that don't run: two cursors with the same text are two statements.
    cache: StatementCache<DbapiStatement>,
    /// Statements are kept for the next use.
    caches: bool,
    pub(super) busy_timeout: c_int,
    pub(super) named_by_position: bool,
    /// Statements may call code that is not this library's.
    pub(super) observed: bool,
    /// One of its databases may be in a cache that is shared with other connections.
    shared: bool,
    /// Something ran on the connection's own thread, which read the schema.
    pub(super) used: bool,
    pub(super) log: LogState,
    pub(super) recorded: Recorded,
    // Closes the connection, so it is the last to be dropped.
    _db: DatabaseHandle,
}

// SAFETY: the connection was opened without a mutex of SQLite's, which allows any
// thread to use it as long as no two do at once; `&mut` ensures that.
unsafe impl Send for DbapiInner {}

/// A statement to be run on a cursor.
struct Execution {
    cursor: u32,
    sql: String,
    params: Params,
    begin: Option<&'static str>,
    most: usize,
}

impl DbapiInner {
    pub(super) fn open(path: &str, options: &DbapiOptions) -> Result<Self> {
        let uri = if options.uri { ffi::SQLITE_OPEN_URI } else { 0 };
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE | uri;
        page_reads::install();
        files::install();
        disk_wait::install();
        // SQLite, as it is built here, would take it for a URI, requested or not.
        let literal = !options.uri && path.starts_with("file:");
        let name = if literal { Cow::from(format!("./{path}")) } else { Cow::from(path) };
        let db =
            DatabaseHandle::open(Path::new(&*name), flags, None).map_err(
                |refused| match refused {
                    OpenFailure::Code(code, message) => {
                        without_advice(code, &message, Phase::Compile)
                    }
                    other => Error::new(ErrorKind::CannotOpen, other.to_string()),
                },
            )?;
        // Used only while `db`, its owner, lives.
        let raw = db.raw();
        let busy_timeout = c_int::try_from(options.busy_timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the connection is open.
        let memory = unsafe {
            ffi::sqlite3_busy_timeout(raw, busy_timeout);
            as_by_default(raw);
            is_memory(raw)
        };
        // SAFETY: the connection is open, and `Drop` detaches it.
        let recorded = unsafe { Recorded::attach(raw, memory) };
        Ok(Self {
            raw,
            recorded,
            cursors: HashMap::new(),
            cache: StatementCache::new(options.cached_statements),
            caches: options.cached_statements > 0,
            busy_timeout,
            named_by_position: options.named_by_position,
            observed: false,
            shared: options.uri && super::shares_cache(path),
            used: false,
            log: LogState::new(memory),
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

    pub(super) fn state(&self) -> ConnectionState {
        // SAFETY: the connection is open.
        unsafe { ConnectionState::of(self.raw) }
    }

    pub(super) fn done(&self) -> DbapiResult {
        DbapiResult { state: self.state(), ..DbapiResult::default() }
    }

    /// Whether a request does more than to end what has ended.
    pub(super) fn needs_database(&self, ask: &DbapiRequest) -> bool {
        match ask {
            DbapiRequest::End { .. } => self.in_transaction(),
            DbapiRequest::Reset { cursor } | DbapiRequest::Fetch { cursor, .. } => {
                self.cursors.contains_key(cursor)
            }
            _ => true,
        }
    }

    /// Runs a request if it is short and waits for nothing; otherwise hands it back, to run where
    /// waiting harms nobody.
    #[allow(clippy::result_large_err, reason = "what comes back is what was given, moved")]
    pub(super) fn try_now(
        &mut self,
        ask: DbapiRequest,
    ) -> Result<Result<DbapiResult>, DbapiRequest> {
        let done = self.try_request(ask)?;
        Ok(done.map_err(|error| self.explain_refusal(error)))
    }

    #[allow(clippy::result_large_err, reason = "what comes back is what was given, moved")]
    fn try_request(&mut self, ask: DbapiRequest) -> Result<Result<DbapiResult>, DbapiRequest> {
        match ask {
            DbapiRequest::End { .. } if !self.in_transaction() => Ok(Ok(self.done())),
            // A step on a shared cache may wait for another connection's, within SQLite.
            _ if self.observed || self.shared => Err(ask),
            DbapiRequest::End { sql: "COMMIT" }
                if self.knows_recorded() && self.log.quick_commits && self.log.is_small() =>
            {
                match self.lightly(|this| this.control("COMMIT")) {
                    // Another connection is in the way; the transaction is still open.
                    Err(error) if is_busy(&error) => Err(ask),
                    done => Ok(done.map(|()| self.done())),
                }
            }
            DbapiRequest::Reset { cursor } => match self.cursors.get(&cursor) {
                // Its end may be a commit.
                Some(open) if !open.statement.readonly => Err(ask),
                _ => Ok(self.reset(cursor).map(|()| self.done())),
            },
            DbapiRequest::Execute { cursor, sql, params, begin, most } => {
                let begun = Execution { cursor, sql, params, begin, most };
                let open = self.cursors.get(&cursor);
                if open.is_some_and(|open| !open.statement.readonly) {
                    return Err(begun.into());
                }
                self.execute(begun, true).map_err(DbapiRequest::from)
            }
            ask => Err(ask),
        }
    }

    /// Runs a request.
    pub(super) fn run(&mut self, ask: DbapiRequest) -> Result<DbapiResult> {
        self.used = true;
        self.log.forget();
        self.shared |= ask.shares_cache();
        self.run_request(ask).map_err(|error| self.explain_refusal(error))
    }

    fn run_request(&mut self, ask: DbapiRequest) -> Result<DbapiResult> {
        match ask {
            DbapiRequest::Execute { cursor, sql, params, begin, most } => {
                let begun = Execution { cursor, sql, params, begin, most };
                // Only what was tried within a call is handed back.
                self.execute(begun, false).unwrap_or_else(|_| Err(super::closed()))
            }
            DbapiRequest::ExecuteMany { cursor, sql, each, begin } => {
                self.execute_many(cursor, sql, &each, begin)
            }
            DbapiRequest::Fetch { cursor, most } => self.fetch(cursor, most),
            DbapiRequest::Reset { cursor } => self.reset(cursor).map(|()| self.done()),
            DbapiRequest::Script { sql, commit } => self.script(&sql, commit),
            DbapiRequest::End { sql } => {
                if self.in_transaction() {
                    self.learn_recorded(false);
                    self.control(sql)?;
                }
                Ok(self.done())
            }
        }
    }

    /// Runs a statement to its first rows. `now`: only if that is short and waits for nothing;
    /// otherwise it is handed back.
    #[allow(clippy::result_large_err, reason = "what comes back is what was given, moved")]
    fn execute(&mut self, begun: Execution, now: bool) -> Result<Result<DbapiResult>, Execution> {
        if let Err(error) = self.reset(begun.cursor) {
            return Ok(Err(error));
        }
        if now && !self.cache.contains(&begun.sql) && !self.may_compile(&begun.sql) {
            return Err(begun);
        }
        let take = |this: &mut Self| this.take(&begun.sql);
        let taken = if now { self.impatient(take) } else { take(self) };
        let mut statement = match taken {
            Ok(Some(statement)) => statement,
            Ok(None) => {
                return Ok(super::statement::fit(0, &begun.params).map(|()| self.done()));
            }
            Err(error) if now && is_busy(&error) => return Err(begun),
            Err(error) => return Ok(Err(error)),
        };
        let knows = statement.readonly || self.knows_recorded();
        if now && (!knows || !self.is_quick(&mut statement, begun.begin)) {
            self.keep(begun.sql.clone(), statement);
            return Err(begun);
        }
        if !statement.readonly && self.learn_recorded(false) {
            match self.take(&begun.sql) {
                Ok(Some(anew)) => statement = anew,
                Ok(None) => return Ok(Ok(self.done())),
                Err(error) => return Ok(Err(error)),
            }
        }
        let started = Instant::now();
        let Execution { begin, most, .. } = begun;
        let inline = now && statement.readonly;
        let mut first =
            |this: &mut Self| this.first(&mut statement, &begun.sql, &begun.params, begin, most);
        let (ran, ended) = match (now, inline) {
            (false, _) => (first(self), None),
            (true, false) => (self.lightly(first), None),
            (true, true) => {
                let (ran, ended) = self.inline(first);
                (ran, Some(ended))
            }
        };
        match ran {
            Ok(_) if ended.is_some_and(|ended| ended.given_up) => {
                let _ = statement.reset();
                self.keep(begun.sql.clone(), statement);
                Err(begun)
            }
            Ok((page, more)) => {
                if statement.changes {
                    let quick = started.elapsed() <= QUICK;
                    statement.set_slow(!quick);
                }
                Ok(self.finished(begun, statement, page, more))
            }
            Err(error) => {
                // It repeats the error.
                let _ = statement.reset();
                if ended.is_some_and(|ended| ended.is_overrun(&error)) {
                    statement.note_overrun();
                }
                let again = match ended {
                    Some(ended) => ended.is_over_budget(&error),
                    None => now && is_busy(&error),
                };
                let sql = begun.sql.clone();
                self.keep(sql, statement);
                if again { Err(begun) } else { Ok(Err(error)) }
            }
        }
    }

    fn first(
        &mut self,
        statement: &mut DbapiStatement,
        sql: &str,
        params: &Params,
        begin: Option<&'static str>,
        most: usize,
    ) -> Result<(Page, bool)> {
        if let (Some(begin), true) = (begin, statement.changes)
            && !self.in_transaction()
        {
            self.begin(begin, statement, sql)?;
        }
        if statement.readonly {
            // SAFETY: the caller keeps the parameters until the statement is reset.
            unsafe { statement.bind(params, self.named_by_position)? };
            return fill(statement, most);
        }
        self.change(statement, sql, params, |statement| fill(statement, most))
    }

    /// Forgets the compiled statements that don't run.
    pub(super) fn forget_statements(&mut self) {
        self.cache.clear();
    }

    /// Returns what a statement did, and keeps the statement if it has more rows.
    fn finished(
        &mut self,
        begun: Execution,
        mut statement: DbapiStatement,
        page: Page,
        more: bool,
    ) -> Result<DbapiResult> {
        let shape = statement.shape();
        // SAFETY: the connection is open.
        let changes = unsafe { ffi::sqlite3_changes64(self.raw).cast_unsigned() };
        let changed = (statement.changes && !more).then_some(changes);
        let Execution { cursor, sql, params, .. } = begun;
        if more {
            self.cursors.insert(cursor, OpenCursor { statement, sql, params });
        } else {
            let pragma = statement.pragma;
            // A statement that is done is reset by itself where that matters.
            statement.reset()?;
            self.keep(sql, statement);
            if pragma {
                self.look();
            }
        }
        let page = shape.is_some().then_some(page);
        Ok(DbapiResult { page, shape, more, changed, ran: true, ..self.done() })
    }

    fn fetch(&mut self, cursor: u32, most: usize) -> Result<DbapiResult> {
        let Some(mut open) = self.cursors.remove(&cursor) else { return Ok(self.done()) };
        match fill(&mut open.statement, most) {
            Ok((page, more)) => {
                let OpenCursor { statement, sql, params } = open;
                self.finished(
                    Execution { cursor, sql, params, begin: None, most },
                    statement,
                    page,
                    more,
                )
            }
            Err(error) => {
                // It repeats the error.
                let _ = open.statement.reset();
                self.keep(open.sql, open.statement);
                Err(error)
            }
        }
    }

    /// Whether a cursor has rows that were not fetched.
    pub(super) fn has_open_cursors(&self) -> bool {
        !self.cursors.is_empty()
    }

    pub(super) fn reset(&mut self, cursor: u32) -> Result<()> {
        let Some(mut open) = self.cursors.remove(&cursor) else { return Ok(()) };
        let reset = open.statement.reset();
        self.keep(open.sql, open.statement);
        reset
    }

    fn script(&mut self, mut sql: &str, commit: bool) -> Result<DbapiResult> {
        if commit && self.in_transaction() {
            self.control("COMMIT")?;
        }
        let mut pragma = false;
        while !sql.is_empty() {
            self.learn_recorded(false);
            // SAFETY: the connection is open, and the statement is dropped here.
            let (statement, rest) = unsafe { DbapiStatement::prepare(self.raw, sql, false)? };
            sql = rest;
            let Some(mut statement) = statement else { continue };
            pragma |= statement.pragma;
            self.note_running(&statement);
            let ran = run_to_end(&mut statement);
            self.forget_running();
            ran?;
            statement.reset()?;
            if !statement.readonly {
                self.check_recorded()?;
            }
        }
        if pragma {
            self.look();
        }
        Ok(self.done())
    }

    /// Takes the statement of this text; none if the text has no statement.
    ///
    /// # Errors
    /// SQLite's; `InvalidArgument` for more than one statement.
    pub(super) fn take(&mut self, sql: &str) -> Result<Option<DbapiStatement>> {
        if let Some(statement) = self.cache.take(sql) {
            return Ok(Some(statement));
        }
        // SAFETY: the connection is open, and drops its statements before it closes.
        let (statement, rest) = unsafe { DbapiStatement::prepare(self.raw, sql, self.caches)? };
        if !rest.is_empty() {
            return Err(Error::invalid("You can only execute one statement at a time."));
        }
        Ok(statement)
    }

    /// Keeps a statement that was reset.
    pub(super) fn keep(&mut self, sql: String, statement: DbapiStatement) {
        if self.caches {
            self.cache.put(sql, statement);
        }
    }

    pub(super) fn control(&mut self, sql: &str) -> Result<()> {
        let Some(mut statement) = self.take(sql)? else { return Ok(()) };
        let stepped = statement.step();
        let reset = statement.reset();
        self.keep(sql.to_owned(), statement);
        stepped.and(reset)
    }
}

impl Drop for DbapiInner {
    fn drop(&mut self) {
        // Statements end before their connection does.
        self.cursors.clear();
        self.cache.clear();
        self.recorded.detach();
    }
}

impl From<Execution> for DbapiRequest {
    fn from(begun: Execution) -> Self {
        let Execution { cursor, sql, params, begin, most } = begun;
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
pub(super) fn fill(statement: &mut DbapiStatement, most: usize) -> Result<(Page, bool)> {
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
    Ok((page, rows > 0 && statement.is_running()))
}

fn is_busy(error: &Error) -> bool {
    error.kind() == ErrorKind::Busy
}
