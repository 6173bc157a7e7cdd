//! A prepared statement of a DB-API connection, and what its rows look like.

use std::ffi::{CStr, c_char, c_int};
use std::sync::Arc;

use crate::ffi;

use super::inline::MOST_OVERRUNS;
use crate::engine::{Stepped, bind_value, column, compile, last_error};
use crate::error::{Error, ErrorKind, Phase, Result, without_advice};
use crate::row::{Columns, PageBuilder};
use crate::sql::{Params, skip_blanks};
use crate::value::Value;

/// What the rows of a statement look like.
#[derive(Debug)]
pub struct Shape {
    columns: Arc<Columns>,
    names: Vec<String>,
    declared: Vec<Option<String>>,
}

impl Shape {
    /// A number that no other shape of this process has.
    pub fn serial(&self) -> u64 {
        self.columns.serial()
    }

    /// The columns' names as SQLite gives them: two may be equal.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The types that the columns were declared with; none for expressions.
    pub fn declared(&self) -> &[Option<String>] {
        &self.declared
    }
}

/// A prepared statement. It is dropped before its connection closes.
#[derive(Debug)]
pub(super) struct DbapiStatement {
    raw: *mut ffi::sqlite3_stmt,
    parameters: usize,
    /// It changes nothing in a database.
    pub(super) readonly: bool,
    /// It begins or ends no transaction, and can run inside one.
    pub(super) plain: bool,
    /// It is an `INSERT`, `UPDATE`, `DELETE` or `REPLACE` by its first word.
    pub(super) changes: bool,
    /// It sets or queries something of the connection.
    pub(super) pragma: bool,
    shape: Option<Arc<Shape>>,
    prepared: c_int,
    /// How often in a row it was too long to be run within a call.
    pub(super) overruns: u8,
    /// When it was last used.
    pub(super) used: u64,
}

impl DbapiStatement {
    /// Prepares the first statement of `sql`, and returns it with the rest of the
    /// text; none if there is only white space and comments.
    ///
    /// # Safety
    /// `db` is open and used by this thread alone; the statement is dropped before it
    /// closes.
    pub(super) unsafe fn prepare(
        db: *mut ffi::sqlite3,
        sql: &str,
        lasting: bool,
    ) -> Result<(Option<Self>, &str)> {
        if sql.contains('\0') {
            return Err(Error::invalid("the query contains a null character"));
        }
        // SAFETY: the connection is open; a negative value only queries.
        let longest = unsafe { ffi::sqlite3_limit(db, ffi::SQLITE_LIMIT_SQL_LENGTH, -1) };
        let length = c_int::try_from(sql.len()).ok().filter(|length| *length <= longest);
        let Some(length) = length else {
            return Err(Error::new(ErrorKind::TooBig, "query string is too large"));
        };
        // SAFETY: by this function's contract; a failed call is reported before another is made.
        let (raw, rest) = unsafe {
            compile(db, sql, length, lasting).map_err(|code| failure(db, code, Phase::Compile))?
        };
        let rest = skip_blanks(rest);
        if raw.is_null() {
            return Ok((None, rest));
        }
        let first = first_word(sql);
        let is = |words: &[&str]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
        // SAFETY: `raw` was just prepared.
        let (parameters, readonly, shape) = unsafe {
            let parameters = ffi::sqlite3_bind_parameter_count(raw);
            (parameters, ffi::sqlite3_stmt_readonly(raw) != 0, shape(raw))
        };
        let changes = is(&["INSERT", "REPLACE", "UPDATE", "DELETE"]);
        let statement = Self {
            raw,
            parameters: usize::try_from(parameters).unwrap_or(0),
            readonly,
            plain: !is(&["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "VACUUM"]),
            changes,
            pragma: is(&["PRAGMA", "ATTACH", "DETACH"]),
            shape,
            prepared: 0,
            // A change, which nothing can stop, first runs where it may take long.
            overruns: if changes { MOST_OVERRUNS } else { 0 },
            used: 0,
        };
        Ok((Some(statement), rest))
    }

    /// Whether it is a `PRAGMA`, by its first word.
    pub(super) fn is_pragma(sql: &str) -> bool {
        first_word(sql).eq_ignore_ascii_case("PRAGMA")
    }

    /// Whether it attaches a database, by its first word.
    pub(super) fn attaches(sql: &str) -> bool {
        first_word(sql).eq_ignore_ascii_case("ATTACH")
    }

    /// What the rows look like; none if there are none.
    pub(super) fn shape(&self) -> Option<Arc<Shape>> {
        self.shape.clone()
    }

    /// Binds the parameters without copying them.
    ///
    /// # Safety
    /// `params` lives, unchanged, until the statement is reset.
    ///
    /// # Errors
    /// `InvalidArgument` for parameters that do not fit, as Python's `sqlite3` words
    /// it.
    pub(super) unsafe fn bind(&mut self, params: &Params, named_by_position: bool) -> Result<()> {
        let (values, names) = (params.values(), params.names());
        fit(self.parameters, params)?;
        for index in 0..self.parameters {
            let position = c_int::try_from(index + 1).unwrap_or(c_int::MAX);
            let value = if names.is_empty() {
                if !named_by_position && let Some(name) = self.name(position) {
                    return Err(Error::invalid(format!(
                        "Binding {position} ('{name}') is a named parameter, but you supplied a sequence which requires nameless (qmark) placeholders."
                    )));
                }
                values.get(index)
            } else {
                let name = self.numbered_or_named(position).ok_or_else(|| {
                    Error::invalid(format!(
                        "Binding {position} has no name, but you supplied a dictionary (which has only names)."
                    ))
                })?;
                let name = name.get(1..).unwrap_or_default();
                let found = names.iter().position(|given| *given == name);
                let found = found.ok_or_else(|| {
                    Error::invalid(format!(
                        "You did not supply a value for binding parameter :{name}."
                    ))
                })?;
                values.get(found)
            };
            let value = value.map_or(crate::value::ValueRef::Null, Value::as_ref);
            // SAFETY: by this function's contract.
            let code = unsafe { bind_value(self.raw, position, value) };
            if code != ffi::SQLITE_OK {
                return Err(self.failed(code));
            }
        }
        Ok(())
    }

    /// The name of a parameter with its prefix, also if that is `?7`.
    fn numbered_or_named(&self, position: c_int) -> Option<String> {
        // SAFETY: the statement is prepared; the name is a C string of SQLite's.
        unsafe {
            let name = ffi::sqlite3_bind_parameter_name(self.raw, position);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        }
    }

    /// The same, unless it is a number.
    fn name(&self, position: c_int) -> Option<String> {
        self.numbered_or_named(position).filter(|name| !name.starts_with('?'))
    }

    /// Runs to the next row, or to the end.
    pub(super) fn step(&mut self) -> Result<Stepped> {
        // SAFETY: the statement is prepared, and this thread alone uses it.
        match unsafe { ffi::sqlite3_step(self.raw) } {
            ffi::SQLITE_ROW => {
                self.refresh();
                Ok(Stepped::Row)
            }
            ffi::SQLITE_DONE => Ok(Stepped::Done),
            code => Err(self.failed(code)),
        }
    }

    /// Updates the shape if SQLite has compiled the statement again because the schema changed:
    /// `SELECT *` may then have other columns.
    fn refresh(&mut self) {
        // SAFETY: the statement is prepared.
        unsafe {
            let prepared = ffi::sqlite3_stmt_status(self.raw, ffi::SQLITE_STMTSTATUS_REPREPARE, 0);
            if prepared != self.prepared {
                self.prepared = prepared;
                self.shape = shape(self.raw);
            }
        }
    }

    /// A page for rows of this shape.
    pub(super) fn page(&self) -> PageBuilder {
        let columns = self.shape.as_ref().map(|shape| Arc::clone(&shape.columns));
        PageBuilder::new(columns.unwrap_or_default())
    }

    /// Writes the current row into the page.
    ///
    /// # Errors
    /// `TooBig` if the page can't hold it.
    pub(super) fn write_row(&mut self, page: &mut PageBuilder) -> Result<()> {
        let count = self.shape.as_ref().map_or(0, |shape| shape.names.len());
        for index in 0..count {
            let index = c_int::try_from(index).unwrap_or(c_int::MAX);
            // SAFETY: the last step yielded a row of `count` columns, and the value is copied
            // before the next call.
            if !page.push(unsafe { column(self.raw, index) }) {
                return Err(Error::new(ErrorKind::TooBig, "the rows are larger than 4 GiB"));
            }
        }
        Ok(())
    }

    /// Whether it is running: the last step yielded a row, and it was not reset since.
    pub(super) fn is_busy(&self) -> bool {
        // SAFETY: the statement is prepared.
        unsafe { ffi::sqlite3_stmt_busy(self.raw) != 0 }
    }

    /// Ends the run, so that locks are released and the next run can bind.
    ///
    /// # Errors
    /// Those of ending an unfinished statement, and again the last step's.
    pub(super) fn reset(&mut self) -> Result<()> {
        // SAFETY: the statement is prepared.
        match unsafe { ffi::sqlite3_reset(self.raw) } {
            ffi::SQLITE_OK => Ok(()),
            code => Err(self.failed(code)),
        }
    }

    #[cold]
    fn failed(&self, code: i32) -> Error {
        // SAFETY: the statement's connection is open.
        unsafe { failure(ffi::sqlite3_db_handle(self.raw), code, Phase::Run) }
    }
}

impl Drop for DbapiStatement {
    fn drop(&mut self) {
        // SAFETY: the statement is prepared, and its connection still open by the
        // contract of `prepare`.
        unsafe { ffi::sqlite3_finalize(self.raw) };
    }
}

/// Checks that there are as many values as parameters; if they have names, some may be left over.
///
/// # Errors
/// `InvalidArgument`.
pub(super) fn fit(parameters: usize, params: &Params) -> Result<()> {
    if !params.names().is_empty() || parameters == params.len() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Incorrect number of bindings supplied. The current statement uses {parameters}, and there are {} supplied.",
        params.len()
    )))
}

fn first_word(sql: &str) -> &str {
    skip_blanks(sql).split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

/// # Safety
/// `raw` is a prepared statement.
unsafe fn shape(raw: *mut ffi::sqlite3_stmt) -> Option<Arc<Shape>> {
    let text = |start: *const c_char| {
        // SAFETY: SQLite's C strings live until the statement is compiled again, and are
        // copied here.
        (!start.is_null()).then(|| unsafe { CStr::from_ptr(start) }.to_string_lossy().into_owned())
    };
    // SAFETY: by the contract.
    let (names, declared): (Vec<_>, Vec<_>) = unsafe {
        (0..ffi::sqlite3_column_count(raw))
            .map(|index| {
                let name = text(ffi::sqlite3_column_name(raw, index)).unwrap_or_default();
                (name, text(ffi::sqlite3_column_decltype(raw, index)))
            })
            .unzip()
    };
    if names.is_empty() {
        return None;
    }
    let columns = Arc::new(Columns::new(names.iter().map(String::as_str)));
    Some(Arc::new(Shape { columns, names, declared }))
}

/// The error of the connection's last call, as SQLite words it.
///
/// # Safety
/// `db` is open, used by this thread alone, and its last call returned `code`.
#[cold]
unsafe fn failure(db: *mut ffi::sqlite3, code: i32, phase: Phase) -> Error {
    // SAFETY: by the contract.
    let (code, message) = unsafe { last_error(db, code) };
    without_advice(code, &message, phase)
}
