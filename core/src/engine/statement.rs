//! One prepared statement.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::Arc;

use crate::ffi;
use smallvec::SmallVec;

use super::authorizer::{Admit, Authorizer, Class, Nature};
use super::failure;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::program::{Description, ParamRows};
use crate::row::{Columns, PageBuilder};
use crate::sql::{Params, skip_blanks};
use crate::value::{Value, ValueRef};

/// How many times a statement may be too long before it is no longer tried.
const MOST_OVERRUNS: u8 = 3;

/// A prepared statement and what is needed of it at every run.
///
/// It belongs to one connection, which finalizes all its statements before it closes.
#[derive(Debug)]
pub(crate) struct Statement {
    raw: *mut ffi::sqlite3_stmt,
    parameters: usize,
    pub(crate) readonly: bool,
    pub(crate) nature: Nature,
    /// A single step of it may visit a whole table.
    pub(super) sweeps: bool,
    columns: Arc<Columns>,
    prepared: c_int,
    // The text and blob bytes of the previous run's first row, as a guess for the next one.
    weight: usize,
    // When the statement was last used, for the cache.
    pub(crate) used: u64,
    /// How many times the statement was too long for the caller's thread.
    overruns: u8,
}

/// Whether a step yielded a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stepped {
    Row,
    Done,
}

impl Statement {
    /// Prepares exactly one statement for the connection's user, or, with
    /// `Admit::Everything`, for this library.
    ///
    /// # Safety
    /// `db` is open, used by this thread alone, and reports to `authorizer`; the
    /// statement is dropped before it closes.
    pub(crate) unsafe fn prepare(
        db: *mut ffi::sqlite3,
        authorizer: &Authorizer,
        admit: Admit,
        sql: &str,
    ) -> (Result<Self>, Nature) {
        let Ok(length) = c_int::try_from(sql.len()) else {
            let error = Error::new(ErrorKind::TooBig, "the SQL is longer than 2 GiB");
            return (Err(error), Nature::default());
        };
        if sql.contains('\0') {
            return (Err(nul()), Nature::default());
        }
        // SAFETY: by this function's contract.
        let (compiled, nature) =
            unsafe { Self::prepare_next(db, authorizer, admit, sql, length, true) };
        let statement = compiled.and_then(|(statement, rest)| {
            if !skip_blanks(rest).is_empty() {
                return Err(Error::invalid("more than one statement; use batch() for several"));
            }
            statement.ok_or_else(|| Error::invalid("there is no statement in the SQL"))
        });
        (statement, nature)
    }

    /// Prepares the first statement of `sql`, and returns it with the rest of the text: `None` if
    /// there are only white space and comments. SQLite copies the text unless the last of its
    /// `length` bytes is a zero.
    ///
    /// # Safety
    /// As [`Statement::prepare`], and `length` bytes are readable from the start of `sql`: at most
    /// one more than it has.
    pub(super) unsafe fn prepare_next<'s>(
        db: *mut ffi::sqlite3,
        authorizer: &Authorizer,
        admit: Admit,
        sql: &'s str,
        length: c_int,
        lasting: bool,
    ) -> (Result<(Option<Self>, &'s str)>, Nature) {
        let (compiled, mut nature) = authorizer.observe(admit, || {
            // SAFETY: by this function's contract; a failed call is reported before the next.
            unsafe {
                compile(db, sql, length, lasting).map_err(|code| failure(db, code, Phase::Compile))
            }
        });
        let (raw, rest) = match compiled {
            Ok(compiled) => compiled,
            Err(error) => return (Err(nature.refused().unwrap_or(error)), nature),
        };
        if raw.is_null() {
            return (Ok((None, rest)), nature);
        }
        // SAFETY: `raw` was just prepared.
        let statement = unsafe {
            let readonly = ffi::sqlite3_stmt_readonly(raw) != 0;
            let readonly =
                if admit == Admit::Everything { readonly } else { nature.complete(readonly) };
            Self {
                raw,
                parameters: usize::try_from(ffi::sqlite3_bind_parameter_count(raw)).unwrap_or(0),
                readonly,
                nature,
                sweeps: false,
                columns: Arc::new(column_names(raw)),
                prepared: 0,
                weight: 0,
                used: 0,
                overruns: if nature.long { MOST_OVERRUNS } else { 0 },
            }
        };
        (Ok((Some(statement), rest)), nature)
    }

    /// Whether it needs no rule of its own.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.nature.class == Class::Plain
    }

    /// Returns roughly how many bytes SQLite keeps for it.
    pub(super) fn memory(&self) -> usize {
        // SAFETY: the statement is prepared.
        let used = unsafe { ffi::sqlite3_stmt_status(self.raw, ffi::SQLITE_STMTSTATUS_MEMUSED, 0) };
        usize::try_from(used).unwrap_or(0)
    }

    /// Records that the statement was too long for the caller's thread.
    pub(super) fn note_overrun(&mut self) {
        self.overruns = self.overruns.saturating_add(1);
    }

    /// Whether it was too long too often to be tried again.
    #[inline]
    pub(super) fn is_slow(&self) -> bool {
        self.overruns >= MOST_OVERRUNS
    }

    /// Binds the parameters without copying them.
    ///
    /// # Safety
    /// `params` lives, unchanged, until the statement is reset.
    ///
    /// # Errors
    /// `InvalidArgument` if a parameter has no value or a value no parameter,
    /// `TooBig` for a value above SQLite's limit.
    #[inline]
    pub(crate) unsafe fn bind(&mut self, params: &Params) -> Result<()> {
        if params.names.is_empty() {
            if params.values.len() != self.parameters {
                return Err(self.miscounted(params.values.len()));
            }
            for (index, value) in params.values.iter().enumerate() {
                // SAFETY: by this function's contract.
                unsafe { self.bind_one(index as c_int + 1, value.as_ref())? };
            }
            return Ok(());
        }
        let values: SmallVec<[ValueRef<'_>; 8]> = params.values.iter().map(Value::as_ref).collect();
        // SAFETY: by this function's contract.
        unsafe { self.bind_named(&params.names, &values) }
    }

    /// Binds one row of many, without copying it.
    ///
    /// # Safety
    /// `rows` lives, unchanged, until the statement is reset.
    ///
    /// # Errors
    /// As [`Statement::bind`].
    #[inline]
    pub(crate) unsafe fn bind_row(&mut self, rows: &ParamRows, row: usize) -> Result<()> {
        if rows.is_too_big(row) {
            return Err(Error::new(ErrorKind::TooBig, "the values are larger than 4 GiB"));
        }
        if !rows.names().is_empty() {
            let values: SmallVec<[ValueRef<'_>; 8]> = rows.values(row).collect();
            // SAFETY: by this function's contract.
            return unsafe { self.bind_named(rows.names(), &values) };
        }
        let values = rows.values(row);
        if values.len() != self.parameters {
            return Err(self.miscounted(values.len()));
        }
        for (index, value) in values.enumerate() {
            // SAFETY: by this function's contract.
            unsafe { self.bind_one(index as c_int + 1, value)? };
        }
        Ok(())
    }

    #[cold]
    fn miscounted(&self, values: usize) -> Error {
        Error::invalid(format!(
            "the statement takes {} parameters, and {values} values were given",
            self.parameters
        ))
    }

    /// # Safety
    /// As [`Statement::bind`].
    unsafe fn bind_named(&mut self, names: &[String], values: &[ValueRef<'_>]) -> Result<()> {
        if names.len() != values.len() {
            return Err(Error::invalid("parameters are given by position or by name, not both"));
        }
        let mut used = vec![false; names.len()];
        for index in 1..=self.parameters as c_int {
            // SAFETY: the statement is prepared; the name is a C string of SQLite's.
            let name = unsafe {
                let name = ffi::sqlite3_bind_parameter_name(self.raw, index);
                if name.is_null() {
                    return Err(Error::invalid(format!(
                        "parameter {index} has no name; give all parameters by position"
                    )));
                }
                CStr::from_ptr(name).to_string_lossy()
            };
            let unprefixed = name.get(1..).unwrap_or_default();
            let Some(given) = names.iter().position(|it| *it == unprefixed || *it == name) else {
                return Err(Error::invalid(format!("no value for the parameter {name}")));
            };
            used[given] = true;
            // SAFETY: by this function's contract.
            unsafe { self.bind_one(index, values[given])? };
        }
        match used.iter().position(|used| !used) {
            None => Ok(()),
            Some(index) => {
                Err(Error::invalid(format!("the statement has no parameter {:?}", names[index])))
            }
        }
    }

    /// # Safety
    /// As [`Statement::bind`].
    #[inline]
    unsafe fn bind_one(&mut self, index: c_int, value: ValueRef<'_>) -> Result<()> {
        // SAFETY: by this function's contract.
        let code = unsafe { bind_value(self.raw, index, value) };
        if code == ffi::SQLITE_OK {
            return Ok(());
        }
        // SAFETY: the statement's connection is open.
        Err(unsafe { failure(ffi::sqlite3_db_handle(self.raw), code, Phase::Run) })
    }

    /// Runs to the next row, or to the end.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Stepped> {
        // SAFETY: the statement is prepared, and this thread alone uses it.
        match unsafe { ffi::sqlite3_step(self.raw) } {
            ffi::SQLITE_ROW => Ok(Stepped::Row),
            ffi::SQLITE_DONE => Ok(Stepped::Done),
            code => {
                // SAFETY: the statement's connection is open and its call failed.
                Err(unsafe { failure(ffi::sqlite3_db_handle(self.raw), code, Phase::Run) })
            }
        }
    }

    /// Returns a page for this statement's rows, with room for one.
    #[inline]
    pub(crate) fn page(&mut self) -> PageBuilder {
        self.refresh_columns();
        let mut page = PageBuilder::new(Arc::clone(&self.columns));
        page.reserve(1, self.weight);
        page
    }

    /// Refreshes the columns after the first step of a run: when the schema has changed, SQLite
    /// recompiles the statement, and `SELECT *` may then have other columns.
    #[inline]
    fn refresh_columns(&mut self) {
        // SAFETY: the statement is prepared.
        let prepared =
            unsafe { ffi::sqlite3_stmt_status(self.raw, ffi::SQLITE_STMTSTATUS_REPREPARE, 0) };
        if prepared != self.prepared {
            self.prepared = prepared;
            // SAFETY: as above.
            self.columns = Arc::new(unsafe { column_names(self.raw) });
        }
    }

    /// Returns the result's columns, as of the statement's last run.
    pub(super) fn describe(&mut self) -> Description {
        self.refresh_columns();
        // SAFETY: the statement is prepared.
        let declared = unsafe { declared_types(self.raw) };
        Description { columns: Arc::clone(&self.columns), declared }
    }

    /// Writes the current row into the page, straight from SQLite's memory.
    ///
    /// # Errors
    /// `TooBig` if the page can't hold the row, `OutOfMemory` if SQLite could
    /// not convert a value.
    #[inline]
    pub(crate) fn write_row(&mut self, page: &mut PageBuilder) -> Result<()> {
        let before = page.heap();
        for index in 0..self.columns.len() as c_int {
            // SAFETY: the last step yielded a row with this many columns, and
            // the value is copied before the next call on this column.
            let fitted = unsafe {
                let value = column(self.raw, index);
                page.push(value)
            };
            if !fitted {
                return Err(Error::new(ErrorKind::TooBig, "a row is larger than 4 GiB"));
            }
        }
        // A slightly too large guess costs less than growing.
        let weight = page.heap() - before;
        self.weight = if weight < self.weight / 2 {
            (self.weight + weight) / 2
        } else {
            self.weight.max(weight)
        };
        Ok(())
    }

    /// Ends the run, so that locks are released and the next one can bind.
    #[inline]
    pub(crate) fn reset(&mut self) {
        // SAFETY: the statement is prepared. The code repeats the step's error.
        unsafe { ffi::sqlite3_reset(self.raw) };
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: the statement is prepared, and its connection still open by
        // the contract of `prepare`.
        unsafe { ffi::sqlite3_finalize(self.raw) };
    }
}

/// Returns the error for a text that C would cut short.
pub(super) fn nul() -> Error {
    Error::invalid("the SQL holds a NUL character; pass such text as a parameter")
}

/// Compiles the first statement of a text, and returns it with the rest: null if there is none.
/// Fails with SQLite's code.
///
/// # Safety
/// `db` is open and used by this thread alone, and `length` bytes are readable from
/// the start of `sql`.
pub(crate) unsafe fn compile(
    db: *mut ffi::sqlite3,
    sql: &str,
    length: c_int,
    lasting: bool,
) -> Result<(*mut ffi::sqlite3_stmt, &str), c_int> {
    let mut raw = ptr::null_mut();
    let mut tail: *const c_char = ptr::null();
    let flags = if lasting { ffi::SQLITE_PREPARE_PERSISTENT } else { 0 };
    // SAFETY: by the contract; SQLite writes the two pointers.
    let code = unsafe {
        ffi::sqlite3_prepare_v3(db, sql.as_ptr().cast(), length, flags, &mut raw, &mut tail)
    };
    if code != ffi::SQLITE_OK {
        return Err(code);
    }
    let consumed = (tail as usize).saturating_sub(sql.as_ptr() as usize).min(sql.len());
    Ok((raw, sql.get(consumed..).unwrap_or_default()))
}

/// Binds a value without copying it, and returns SQLite's code.
///
/// # Safety
/// `raw` is prepared and reset; `value` lives, unchanged, until it is reset again.
#[inline]
pub(crate) unsafe fn bind_value(
    raw: *mut ffi::sqlite3_stmt,
    index: c_int,
    value: ValueRef<'_>,
) -> c_int {
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

/// # Safety
/// `raw` is a prepared statement.
unsafe fn column_names(raw: *mut ffi::sqlite3_stmt) -> Columns {
    // SAFETY: by the contract; SQLite's names are C strings that live until the
    // statement is compiled again, and are copied here.
    unsafe {
        let count = ffi::sqlite3_column_count(raw);
        Columns::new((0..count).map(|index| {
            let name = ffi::sqlite3_column_name(raw, index);
            if name.is_null() {
                String::new()
            } else {
                CStr::from_ptr(name).to_string_lossy().into_owned()
            }
        }))
    }
}

/// # Safety
/// `raw` is a prepared statement.
unsafe fn declared_types(raw: *mut ffi::sqlite3_stmt) -> Vec<Option<Box<str>>> {
    // SAFETY: by the contract; SQLite's texts are C strings that live until the
    // statement is compiled again, and are copied here.
    unsafe {
        let declared = |index| {
            let declared = ffi::sqlite3_column_decltype(raw, index);
            (!declared.is_null()).then(|| CStr::from_ptr(declared).to_string_lossy().into())
        };
        (0..ffi::sqlite3_column_count(raw)).map(declared).collect()
    }
}

/// Returns the value of a column of the current row.
///
/// # Safety
/// The last step of `raw` yielded a row, `index` is one of its columns, and the result is used
/// before anything else is done with the statement.
#[inline]
pub(crate) unsafe fn column<'a>(raw: *mut ffi::sqlite3_stmt, index: c_int) -> ValueRef<'a> {
    // SAFETY: by the contract. The column's value is looked up once: SQLite calls
    // it unprotected, which only matters where a connection has a mutex
    // (https://sqlite.org/c3ref/value.html); ours have none. `_text` and `_blob`
    // come before `_bytes`, which counts what they converted; a null pointer
    // comes with the length 0.
    unsafe {
        let value = ffi::sqlite3_column_value(raw, index);
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
