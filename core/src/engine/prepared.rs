//! A prepared statement as SQLite has it. The statements of the pool's connections and those of
//! DB-API connections stand on it, each with rules of its own.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr;

use super::before_run::{self, Before, Moment};
use super::cache::Cached;
use super::last_error;
use super::tries::Tries;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::ffi;
use crate::row::PageBuilder;
use crate::value::ValueRef;

/// How often a statement is compiled while others change the schema: as often as SQLite compiles one
/// again that runs.
const COMPILE_TRIES: u32 = 50;

/// How SQLite's errors are worded for the connection's user.
pub(crate) trait Wording {
    /// Makes the error of an extended code and SQLite's message. `offset`: where in the SQL it is.
    fn error(code: c_int, message: &str, offset: Option<usize>, phase: Phase) -> Error;
}

/// A prepared statement.
///
/// It belongs to one connection, whose owner drops it before it closes that.
#[derive(Debug)]
pub(crate) struct Prepared<W> {
    raw: *mut ffi::sqlite3_stmt,
    parameters: c_int,
    /// It changes nothing in a database.
    pub(crate) readonly: bool,
    /// How often SQLite had compiled it again when its columns were last read.
    recompiled: c_int,
    /// Whether it is tried as inline work.
    tries: Tries,
    /// How many bytes SQLite keeps for it; 0: not asked yet.
    memory: usize,
    before: Before,
    /// What is read during a run that needs one moment.
    moment: Option<Moment>,
    wording: PhantomData<W>,
}

/// Whether a step yielded a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stepped {
    Row,
    Done,
}

impl<W: Wording> Prepared<W> {
    /// Compiles the first statement of `sql`, and returns it with the rest of the text: `None` if
    /// there are only white space and comments. SQLite copies the text unless the last of its
    /// `length` bytes is a zero.
    ///
    /// # Safety
    /// `db` is open and used by this thread alone, `length` bytes are readable from the start of
    /// `sql`, and the statement is dropped before `db` closes.
    ///
    /// # Errors
    /// What compiling returns.
    pub(crate) unsafe fn compile(
        db: *mut ffi::sqlite3,
        sql: &str,
        length: c_int,
        lasting: bool,
    ) -> Result<(Option<Self>, &str)> {
        let mut raw = ptr::null_mut();
        let mut tail: *const c_char = ptr::null();
        let flags = if lasting { ffi::SQLITE_PREPARE_PERSISTENT } else { 0 };
        for tried in 1.. {
            // SAFETY: by the contract; SQLite writes the two pointers.
            let code = unsafe {
                let (raw, tail) = (&raw mut raw, &raw mut tail);
                ffi::sqlite3_prepare_v3(db, sql.as_ptr().cast(), length, flags, raw, tail)
            };
            match code {
                ffi::SQLITE_OK => break,
                // It reads a schema that has changed once more, and gives up at the next change.
                ffi::SQLITE_SCHEMA if tried < COMPILE_TRIES => {}
                // SAFETY: by the contract.
                code => return Err(unsafe { failure::<W>(db, code, Phase::Compile) }),
            }
        }
        let consumed = (tail as usize).saturating_sub(sql.as_ptr() as usize).min(sql.len());
        let rest = sql.get(consumed..).unwrap_or_default();
        if raw.is_null() {
            return Ok((None, rest));
        }
        // SAFETY: `raw` was just prepared.
        let (parameters, readonly) = unsafe {
            (ffi::sqlite3_bind_parameter_count(raw), ffi::sqlite3_stmt_readonly(raw) != 0)
        };
        // Where there is nothing to do, SQLite takes `DROP TRIGGER IF EXISTS` and `CREATE TRIGGER IF
        // NOT EXISTS` for statements that read. When the schema has changed, they write.
        let readonly = readonly && !crate::sql::is_schema_change(sql);
        let statement = Self {
            raw,
            parameters,
            readonly,
            recompiled: 0,
            tries: Tries::default(),
            memory: 0,
            before: Before::of(&sql[..sql.len() - rest.len()]),
            moment: None,
            wording: PhantomData,
        };
        Ok((Some(statement), rest))
    }

    /// Returns how many parameters it has: the largest index.
    #[inline]
    pub(crate) fn parameters(&self) -> c_int {
        self.parameters
    }

    /// Returns the name of a parameter with its prefix, `?7` included.
    pub(crate) fn parameter_name(&self, index: c_int) -> Option<Cow<'_, str>> {
        // SAFETY: the statement is prepared; the name is a C string that SQLite keeps with it.
        unsafe { text(ffi::sqlite3_bind_parameter_name(self.raw, index)) }
    }

    /// Binds a value without copying it.
    ///
    /// # Safety
    /// The statement is reset; `value` lives, unchanged, until it is reset again.
    ///
    /// # Errors
    /// `TooBig` for a value above SQLite's limit.
    #[inline]
    pub(crate) unsafe fn bind_value(&mut self, index: c_int, value: ValueRef<'_>) -> Result<()> {
        // SAFETY: by the contract.
        match unsafe { bind(self.raw, index, value) } {
            ffi::SQLITE_OK => Ok(()),
            code => Err(self.failed(code)),
        }
    }

    /// Runs to the next row, or to the end.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Stepped> {
        if self.before != Before::Nothing && !self.is_running() {
            self.prepare_run();
        }
        // SAFETY: the statement is prepared, and this thread alone uses it.
        match unsafe { ffi::sqlite3_step(self.raw) } {
            ffi::SQLITE_ROW => Ok(Stepped::Row),
            ffi::SQLITE_DONE => Ok(Stepped::Done),
            code => Err(self.failed(code)),
        }
    }

    /// Runs to the end, whatever rows there are.
    pub(crate) fn step_to_end(&mut self) -> Result<()> {
        while self.step()? == Stepped::Row {}
        Ok(())
    }

    #[cold]
    fn prepare_run(&mut self) {
        // SAFETY: the statement's connection is open, and this thread alone uses it.
        unsafe {
            let db = ffi::sqlite3_db_handle(self.raw);
            match self.before {
                Before::Nothing => {}
                Before::ForgetPages => ffi::reset_caches(db),
                Before::ReadAnew => self.moment = before_run::read_anew(db),
            }
        }
    }

    /// Whether SQLite has compiled it again since the last call because the schema changed:
    /// `SELECT *` may then have other columns. To be asked after the first step of a run.
    #[inline]
    pub(crate) fn was_recompiled(&mut self) -> bool {
        // SAFETY: the statement is prepared.
        let times =
            unsafe { ffi::sqlite3_stmt_status(self.raw, ffi::SQLITE_STMTSTATUS_REPREPARE, 0) };
        std::mem::replace(&mut self.recompiled, times) != times
    }

    /// Returns SQLite's statement, which lives as long as this.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn raw(&self) -> *mut ffi::sqlite3_stmt {
        self.raw
    }

    /// Returns how often SQLite has compiled it again.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn compilations(&self) -> c_int {
        // SAFETY: the statement is prepared.
        unsafe { ffi::sqlite3_stmt_status(self.raw, ffi::SQLITE_STMTSTATUS_REPREPARE, 0) }
    }

    /// Whether SQLite has ever compiled it again.
    pub(crate) fn is_recompiled(&self) -> bool {
        // SAFETY: the statement is prepared.
        unsafe { ffi::sqlite3_stmt_status(self.raw, ffi::SQLITE_STMTSTATUS_REPREPARE, 0) != 0 }
    }

    /// Returns the names of the columns, as SQLite gives them: two may be equal.
    pub(crate) fn names(&self) -> impl Iterator<Item = Box<str>> {
        // SAFETY: the statement is prepared; SQLite's names are C strings that live until it is
        // compiled again, and are copied here.
        let name = |index| unsafe { text(ffi::sqlite3_column_name(self.raw, index)) };
        (0..self.columns()).map(move |index| name(index).unwrap_or_default().into())
    }

    /// Returns the types that the columns were declared with; none for expressions.
    pub(crate) fn declared(&self) -> Vec<Option<Box<str>>> {
        // SAFETY: as for the names.
        let declared = |index| unsafe { text(ffi::sqlite3_column_decltype(self.raw, index)) };
        (0..self.columns()).map(|index| declared(index).map(Into::into)).collect()
    }

    /// Returns the tables and columns that the result's columns are of; none for expressions, nor
    /// where SQLite was compiled without `SQLITE_ENABLE_COLUMN_METADATA`.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn origins(&self) -> Vec<Option<(Box<str>, Box<str>)>> {
        #[cfg(sqlite_column_metadata)]
        {
            use ffi::column_metadata::{sqlite3_column_origin_name, sqlite3_column_table_name};
            let origin = |index| {
                // SAFETY: as for the names.
                let (table, column) = unsafe {
                    (
                        text(sqlite3_column_table_name(self.raw, index)),
                        text(sqlite3_column_origin_name(self.raw, index)),
                    )
                };
                Some((table?.into(), column?.into()))
            };
            (0..self.columns()).map(origin).collect()
        }
        #[cfg(not(sqlite_column_metadata))]
        (0..self.columns()).map(|_| None).collect()
    }

    fn columns(&self) -> c_int {
        // SAFETY: the statement is prepared.
        unsafe { ffi::sqlite3_column_count(self.raw) }
    }

    /// Writes the current row of `columns` columns into the page, straight from SQLite's memory.
    ///
    /// # Errors
    /// `TooBig` if the page can't hold it.
    #[inline]
    pub(crate) fn write_cells(&mut self, columns: usize, page: &mut PageBuilder) -> Result<()> {
        for index in 0..columns as c_int {
            // SAFETY: the last step yielded a row with this many columns, and the value is copied
            // before the next call on this column.
            if !page.push(unsafe { column(self.raw, index) }) {
                return Err(Error::new(ErrorKind::TooBig, "the rows are larger than 4 GiB"));
            }
        }
        Ok(())
    }

    /// Whether the last step yielded a row, and it was not reset since.
    pub(crate) fn is_running(&self) -> bool {
        // SAFETY: the statement is prepared.
        unsafe { ffi::sqlite3_stmt_busy(self.raw) != 0 }
    }

    /// Ends the run, so that locks are released and the next one can bind. Returns SQLite's code:
    /// that of the failed step again, or one of its own.
    #[inline]
    pub(crate) fn end_run(&mut self) -> c_int {
        // SAFETY: the statement is prepared.
        let code = unsafe { ffi::sqlite3_reset(self.raw) };
        self.moment = None;
        code
    }

    /// Records that a try as inline work exceeded the budget.
    pub(crate) fn note_overrun(&mut self) {
        self.tries.note_overrun();
    }

    /// Whether the run that begins may be inline work; must be called once for each that would be.
    #[inline]
    pub(crate) fn may_try(&mut self) -> bool {
        self.tries.may_begin()
    }

    /// Whether the next run may not be inline work: it is long, or was too often.
    #[inline]
    pub(crate) fn is_slow(&self) -> bool {
        self.tries.are_off()
    }

    /// Sets whether it is long, however its tries ended.
    pub(crate) fn set_slow(&mut self, slow: bool) {
        self.tries.set_never(slow);
    }

    /// Returns the error of its last call, which returned `code`.
    #[cold]
    pub(crate) fn failed(&self, code: c_int) -> Error {
        // SAFETY: the statement's connection is open and its call failed.
        unsafe { failure::<W>(ffi::sqlite3_db_handle(self.raw), code, Phase::Run) }
    }
}

impl<W> Cached for Prepared<W> {
    fn memory(&mut self) -> usize {
        if self.memory == 0 {
            // SAFETY: the statement is prepared.
            let used =
                unsafe { ffi::sqlite3_stmt_status(self.raw, ffi::SQLITE_STMTSTATUS_MEMUSED, 0) };
            self.memory = usize::try_from(used).unwrap_or(0);
        }
        self.memory
    }
}

impl<W> Drop for Prepared<W> {
    fn drop(&mut self) {
        self.moment = None;
        // SAFETY: the statement is prepared, and its connection still open by the contract of
        // `compile`.
        unsafe { ffi::sqlite3_finalize(self.raw) };
    }
}

/// Returns the error of the connection's last call.
///
/// # Safety
/// `db` is open, used by this thread alone, and its last call returned `code`.
#[cold]
pub(crate) unsafe fn failure<W: Wording>(
    db: *mut ffi::sqlite3,
    code: c_int,
    phase: Phase,
) -> Error {
    // SAFETY: by the contract.
    unsafe {
        let (code, message) = last_error(db, code);
        let offset = usize::try_from(ffi::sqlite3_error_offset(db)).ok();
        W::error(code, &message, offset, phase)
    }
}

/// # Safety
/// `start` is null or a C string that lives as long as the result is used.
unsafe fn text<'a>(start: *const c_char) -> Option<Cow<'a, str>> {
    // SAFETY: by the contract.
    (!start.is_null()).then(|| unsafe { CStr::from_ptr(start) }.to_string_lossy())
}

/// Binds a value without copying it, and returns SQLite's code.
///
/// # Safety
/// `raw` is prepared and reset; `value` lives, unchanged, until it is reset again.
#[inline]
unsafe fn bind(raw: *mut ffi::sqlite3_stmt, index: c_int, value: ValueRef<'_>) -> c_int {
    // SAFETY: by the contract, so SQLite need not copy texts and blobs.
    unsafe {
        match value {
            ValueRef::Null => ffi::sqlite3_bind_null(raw, index),
            ValueRef::Integer(value) => ffi::sqlite3_bind_int64(raw, index, value),
            ValueRef::Real(value) => ffi::sqlite3_bind_double(raw, index, value),
            ValueRef::Text(text) => ffi::sqlite3_bind_text64(
                raw,
                index,
                text.as_ptr().cast(),
                text.len() as u64,
                ffi::SQLITE_STATIC(),
                ffi::SQLITE_UTF8 as u8,
            ),
            ValueRef::Blob([]) => {
                // A null pointer would bind NULL.
                ffi::sqlite3_bind_zeroblob(raw, index, 0)
            }
            ValueRef::Blob(bytes) => ffi::sqlite3_bind_blob64(
                raw,
                index,
                bytes.as_ptr().cast(),
                bytes.len() as u64,
                ffi::SQLITE_STATIC(),
            ),
        }
    }
}

/// Returns the value of a column of the current row.
///
/// # Safety
/// The last step of `raw` yielded a row, `index` is one of its columns, and the result is used
/// before anything else is done with the statement.
#[inline]
unsafe fn column<'a>(raw: *mut ffi::sqlite3_stmt, index: c_int) -> ValueRef<'a> {
    // SAFETY: by the contract. The column's value is looked up once: SQLite calls
    // it unprotected, which only matters where a connection has a mutex
    // (https://sqlite.org/c3ref/value.html); ours have none.
    unsafe { value(ffi::sqlite3_column_value(raw, index)) }
}

/// Returns what a value of SQLite's holds.
///
/// # Safety
/// `value` is a value that this thread alone uses, and the result is used before anything else is
/// done with it or with its statement.
#[inline]
pub(super) unsafe fn value<'a>(value: *mut ffi::sqlite3_value) -> ValueRef<'a> {
    // SAFETY: by the contract. `_text` and `_blob` come before `_bytes`, which counts what they
    // converted; a null pointer comes with the length 0.
    unsafe {
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_value_double(value)),
            ffi::SQLITE_TEXT => {
                let start = ffi::sqlite3_value_text(value);
                ValueRef::Text(bytes(start, ffi::sqlite3_value_bytes(value)))
            }
            ffi::SQLITE_BLOB => {
                let start = ffi::sqlite3_value_blob(value);
                ValueRef::Blob(bytes(start.cast(), ffi::sqlite3_value_bytes(value)))
            }
            _ => ValueRef::Null,
        }
    }
}

/// As [`value`], of a value that SQLite's preupdate hook was given.
///
/// The text of such a value has no NUL behind it, and `sqlite3_value_text` would copy it to put one
/// there. `sqlite3_value_blob` returns it where it is.
///
/// # Safety
/// As [`value`].
#[inline]
pub(super) unsafe fn hook_value<'a>(raw: *mut ffi::sqlite3_value) -> ValueRef<'a> {
    // SAFETY: by the contract. The value is SQLite's copy for the hook, so nobody else meets the
    // flag that `_blob` leaves on it; its type remains TEXT, and `_bytes` its length.
    unsafe {
        if ffi::sqlite3_value_type(raw) == ffi::SQLITE_TEXT
            && ffi::sqlite3_value_encoding(raw) == ffi::SQLITE_UTF8
        {
            let start = ffi::sqlite3_value_blob(raw);
            return ValueRef::Text(bytes(start.cast(), ffi::sqlite3_value_bytes(raw)));
        }
        value(raw)
    }
}

/// # Safety
/// `start` points to `length` readable bytes, or is null.
#[inline]
unsafe fn bytes<'a>(start: *const u8, length: c_int) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: by the contract.
    unsafe { std::slice::from_raw_parts(start, usize::try_from(length).unwrap_or(0)) }
}
