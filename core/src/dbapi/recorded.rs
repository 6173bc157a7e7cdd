//! Tables that are recorded for an outbox. A connection of this module does not record, so it does
//! not change them: what it did would be lost to whoever gets the changes.
//!
//! SQLite's row hook tells of a row of such a table, and the commit hook refuses the commit. Which
//! tables there are is read again when SQLite has seen a commit of another connection that has
//! changed the schema, as beginning to record does (`engine/outbox/foreign.rs`).

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};
use std::path::Path;

use super::connection::{DbapiInner, fill};
use super::statement::DbapiStatement;
use crate::engine::{DatabaseHandle, SeenCommits, began_meanwhile, data_version};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi;
use crate::platform::files;
use crate::row::Page;
use crate::value::ValueRef;

/// What is known about recorded tables.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The schema's version that it is of.
    schema: Option<i64>,
    // SQLite has its address.
    context: Box<Context>,
}

/// What the hooks have.
#[derive(Debug)]
struct Context {
    raw: *mut ffi::sqlite3,
    /// Nobody else has the database.
    private: bool,
    names: RefCell<Vec<Box<str>>>,
    /// The data version at which they were read.
    seen: SeenCommits,
    /// They were read at all.
    known: Cell<bool>,
    /// A recorded table that the open transaction has changed.
    hit: RefCell<Option<Box<str>>>,
    /// The open transaction has changed something before it was known that tables are recorded.
    unsure: Cell<bool>,
    /// The statement that is a transaction by itself, and how often it was compiled before it ran.
    running: Cell<(*mut ffi::sqlite3_stmt, c_int)>,
    refused: Cell<Option<Refusal>>,
}

/// Why a commit was refused, unless it was because the files have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Recorded,
    Unsure,
    /// The statement may run again when it is known what is recorded.
    Outdated,
}

impl Recorded {
    /// Attaches it to a connection.
    ///
    /// # Safety
    /// `raw` is open, and [`detach`](Self::detach) is called before it closes.
    pub(super) unsafe fn attach(raw: *mut ffi::sqlite3, private: bool) -> Self {
        let context = Box::new(Context {
            raw,
            private,
            names: RefCell::default(),
            seen: SeenCommits::default(),
            known: Cell::default(),
            hit: RefCell::default(),
            unsure: Cell::default(),
            running: Cell::new((std::ptr::null_mut(), 0)),
            refused: Cell::default(),
        });
        let pointer = std::ptr::from_ref(&*context).cast_mut().cast::<c_void>();
        // SAFETY: by the contract; the context stays where it is.
        unsafe { ffi::sqlite3_commit_hook(raw, Some(on_commit), pointer) };
        Self { schema: None, context }
    }

    /// Takes the hooks out.
    pub(super) fn detach(&self) {
        self.set_row_hook(false);
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_commit_hook(self.context.raw, None, std::ptr::null_mut()) };
    }

    #[cfg(sqlite_preupdate)]
    fn set_row_hook(&self, on: bool) {
        let context = std::ptr::from_ref(&*self.context).cast_mut().cast::<c_void>();
        let (hook, context) = match on {
            true => (Some(rows::on_row as ffi::preupdate::RowHook), context),
            false => (None, std::ptr::null_mut()),
        };
        // SAFETY: the connection is open, and the hook is taken out before its context goes.
        unsafe { ffi::preupdate::sqlite3_preupdate_hook(self.context.raw, hook, context) };
    }

    #[cfg(not(sqlite_preupdate))]
    #[allow(clippy::unused_self, reason = "SQLite has no such hook here")]
    fn set_row_hook(&self, _on: bool) {}
}

impl DbapiInner {
    fn main_state(&self) -> c_int {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_txn_state(self.raw, c"main".as_ptr()) }
    }

    /// Whether it is known which tables are recorded, or can't be asked before the transaction that
    /// has begun does something.
    pub(super) fn knows_recorded(&self) -> bool {
        // SAFETY: the connection is open.
        let current = || unsafe { self.recorded.context.seen.is_current(self.raw) };
        // What is in memory is nobody else's.
        self.recorded.context.private
            || (self.recorded.context.known.get() && current())
            || (self.in_transaction() && self.main_state() == ffi::SQLITE_TXN_NONE)
    }

    /// Learns which tables are recorded, if another connection may have changed that. Returns
    /// whether they are others: then statements must be compiled again, so that none is emptied in
    /// one step. `begun`: the open transaction has changed nothing yet.
    pub(super) fn learn_recorded(&mut self, begun: bool) -> bool {
        let writing = self.main_state() == ffi::SQLITE_TXN_WRITE;
        if !writing {
            self.recorded.context.hit.replace(None);
            self.recorded.context.unsure.set(false);
        }
        if self.knows_recorded() {
            return false;
        }
        let wrote = writing && !begun;
        // A lock is waited for by the statement, which then can't commit without asking again.
        let Ok((schema, names)) = self.impatient(Self::read_recorded) else {
            // Of a connection that tells its user what it does, the file may be locked by itself.
            self.recorded.context.unsure.set(wrote && !self.observed);
            return false;
        };
        let context = &self.recorded.context;
        self.recorded.schema = Some(schema);
        context.known.set(true);
        let Some(names) = names.filter(|names| *names != *context.names.borrow()) else {
            return false;
        };
        context.unsure.set(context.unsure.get() || wrote);
        self.recorded.set_row_hook(!names.is_empty());
        context.names.replace(names);
        self.forget_statements();
        true
    }

    /// Returns the schema's version and, if it is another, the recorded tables.
    fn read_recorded(&mut self) -> Result<(i64, Option<Vec<Box<str>>>)> {
        // What is committed from here on is noticed later.
        // SAFETY: the connection is open.
        let seen = || unsafe { data_version(self.raw) };
        let known = self.recorded.schema;
        let (seen, found) = if self.observed {
            // Its user would be told of statements on this connection.
            (seen(), read_names(self.elsewhere()?.raw(), known)?)
        } else {
            // SAFETY: the connection is open.
            let found = read_names(self.raw, known)?;
            // Reading may have been the first to see it; another commit changes it again.
            (seen(), found)
        };
        self.recorded.context.seen.set(seen);
        Ok(found)
    }

    /// Opens the same file once more.
    fn elsewhere(&self) -> Result<DatabaseHandle> {
        // SAFETY: the connection is open; the name is SQLite's C string.
        let name = unsafe {
            let name = ffi::sqlite3_db_filename(self.raw, c"main".as_ptr());
            if name.is_null() { c"" } else { CStr::from_ptr(name) }
        };
        let name = name.to_str().map_err(|_| Error::invalid("the path is not text"))?;
        let literal = Path::new(name);
        DatabaseHandle::open(literal, ffi::SQLITE_OPEN_READONLY, None)
            .map_err(|_| Error::new(ErrorKind::CannotOpen, "the file can't be opened again"))
    }

    /// Runs work on the connection's handle: it may write parts of values.
    pub(super) fn with_raw<T>(&mut self, work: impl FnOnce(*mut c_void) -> Result<T>) -> Result<T> {
        self.learn_recorded(false);
        let writing = self.main_state() == ffi::SQLITE_TXN_WRITE;
        let done = work(self.raw.cast()).map_err(|error| self.explain_refusal(error))?;
        if self.main_state() == ffi::SQLITE_TXN_WRITE {
            // The lock is taken when a value is opened, before anything is written.
            self.learn_recorded(!writing);
            if let Some(table) = &*self.recorded.context.hit.borrow() {
                return Err(refused(table));
            }
        }
        Ok(done)
    }

    /// Must be called when a changing statement has run: within a transaction, it is refused now.
    ///
    /// # Errors
    /// `Unsupported` if the open transaction has changed a recorded table, `SchemaChanged` if it may
    /// have, before it was known that there are any.
    pub(super) fn check_recorded(&mut self) -> Result<()> {
        // Also of a statement that is a transaction by itself, and has more rows.
        if self.main_state() != ffi::SQLITE_TXN_WRITE {
            return Ok(());
        }
        self.learn_recorded(false);
        match &*self.recorded.context.hit.borrow() {
            Some(table) => Err(refused(table)),
            None if self.is_unsure() => Err(began_meanwhile()),
            None => Ok(()),
        }
    }

    /// Whether the open transaction has changed something before it was known what is recorded.
    pub(super) fn is_unsure(&self) -> bool {
        self.recorded.context.unsure.get()
    }

    /// Notes which statement is about to run by itself.
    pub(super) fn note_running(&self, statement: &DbapiStatement) {
        self.recorded.context.running.set((statement.raw(), statement.compilations()));
    }

    /// Must be called when it does not run any more.
    pub(super) fn forget_running(&self) {
        self.recorded.context.running.set((std::ptr::null_mut(), 0));
    }

    /// Whether a statement's commit was refused only because it is not known any more which tables
    /// are recorded.
    pub(super) fn may_run_again(&self, error: &Error) -> bool {
        let outdated = self.recorded.context.refused.get() == Some(Refusal::Outdated);
        error.is_moved() && outdated && self.recorded.context.refused.take().is_some()
    }

    /// Returns why something has failed, if that is because tables are recorded.
    #[cold]
    pub(super) fn explain_refusal(&self, error: Error) -> Error {
        let context = &self.recorded.context;
        context.seen.forget_commit();
        match context.refused.take() {
            Some(Refusal::Recorded) if error.is_moved() => {
                let table = context.hit.borrow_mut().take();
                refused(table.as_deref().unwrap_or("a table"))
            }
            Some(_) if error.is_moved() => began_meanwhile(),
            _ => error,
        }
    }
}

/// Returns the schema's version and, if it is not the `known` one, the recorded tables.
fn read_names(raw: *mut ffi::sqlite3, known: Option<i64>) -> Result<(i64, Option<Vec<Box<str>>>)> {
    let read = |sql: &str| -> Result<Page> {
        // SAFETY: the connection is open, and the statement is dropped here.
        let (statement, _) = unsafe { DbapiStatement::prepare(raw, sql, false)? };
        let mut statement = statement.ok_or_else(super::closed)?;
        Ok(fill(&mut statement, usize::MAX)?.0)
    };
    let page = read("PRAGMA main.schema_version")?;
    let schema = match (page.cells() > 0).then(|| page.cell(0)) {
        Some(ValueRef::Integer(schema)) => schema,
        _ => -1,
    };
    if known == Some(schema) {
        return Ok((schema, None));
    }
    let page = match read("SELECT name FROM main.ubiqlite_outbox_tables") {
        Ok(page) => page,
        Err(error) if error.kind() == ErrorKind::NoSuchTable => {
            return Ok((schema, Some(Vec::new())));
        }
        Err(error) => return Err(error),
    };
    let names = (0..page.cells()).map(|at| page.cell(at).as_str().unwrap_or_default().into());
    Ok((schema, Some(names.collect())))
}

fn refused(table: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "{table} is recorded for an outbox, which this connection can't do: change it through ubiqlite's Database, or roll back"
        ),
    )
}

unsafe extern "C" fn on_commit(context: *mut c_void) -> c_int {
    // SAFETY: `attach` passed it, and it lives as long as the connection.
    let context = unsafe { &*context.cast::<Context>() };
    let (statement, before) = context.running.get();
    let outdated = || {
        if context.private || statement.is_null() {
            return false;
        }
        if !context.known.get() {
            return true;
        }
        // SAFETY: it is the connection that is committing, and the statement runs on it.
        unsafe {
            ffi::sqlite3_stmt_status(statement, ffi::SQLITE_STMTSTATUS_REPREPARE, 0) != before
                && !context.seen.is_current(context.raw)
        }
    };
    let refusal = if outdated() {
        Some(Refusal::Outdated)
    } else if context.hit.borrow().is_some() {
        Some(Refusal::Recorded)
    } else if context.unsure.get() {
        Some(Refusal::Unsure)
    } else {
        None
    };
    context.refused.set(refusal);
    // SAFETY: as above.
    let refused = refusal.is_some() || unsafe { files::has_moved(context.raw) };
    if !refused {
        // SAFETY: as above.
        unsafe { context.seen.note_commit(context.raw) };
    }
    c_int::from(refused)
}

#[cfg(sqlite_preupdate)]
mod rows {
    use std::ffi::{CStr, c_char, c_int, c_void};

    use super::Context;
    use crate::ffi;

    pub(super) unsafe extern "C" fn on_row(
        context: *mut c_void,
        _raw: *mut ffi::sqlite3,
        _operation: c_int,
        database: *const c_char,
        table: *const c_char,
        _old_key: ffi::sqlite3_int64,
        _new_key: ffi::sqlite3_int64,
    ) {
        // SAFETY: the context lives until the hook is taken out, and SQLite passes C strings.
        let (context, database, table) = unsafe {
            (&*context.cast::<Context>(), CStr::from_ptr(database), CStr::from_ptr(table))
        };
        if database.to_bytes() != b"main" {
            return;
        }
        let names = context.names.borrow();
        if let Some(name) = names.iter().find(|name| name.as_bytes() == table.to_bytes()) {
            context.hit.borrow_mut().get_or_insert_with(|| name.clone());
        }
    }
}
