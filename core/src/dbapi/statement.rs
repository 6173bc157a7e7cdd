//! A prepared statement of a DB-API connection, and what its rows look like.

use std::ffi::c_int;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::engine::{Prepared, Stepped, Wording};
use crate::error::{Error, ErrorKind, Phase, Result, without_advice};
use crate::ffi;
use crate::row::{Columns, PageBuilder};
use crate::sql::{Params, first_word, is_change, skip_blanks};
use crate::value::{Value, ValueRef};

/// What the rows of a statement look like.
#[derive(Debug)]
pub struct Shape {
    columns: Arc<Columns>,
    names: Vec<Box<str>>,
    declared: Vec<Option<Box<str>>>,
}

impl Shape {
    /// A number that no other shape of this process has.
    pub fn serial(&self) -> u64 {
        self.columns.serial()
    }

    /// The columns' names as SQLite gives them: two may be equal.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The types that the columns were declared with; none for expressions.
    pub fn declared(&self) -> &[Option<Box<str>>] {
        &self.declared
    }
}

/// SQLite's errors as it words them.
#[derive(Debug)]
pub(super) struct WithoutAdvice;

impl Wording for WithoutAdvice {
    fn error(code: c_int, message: &str, _offset: Option<usize>, phase: Phase) -> Error {
        without_advice(code, message, phase)
    }
}

/// A prepared statement, with what its first word says about it.
#[derive(Debug)]
pub(super) struct DbapiStatement {
    prepared: Prepared<WithoutAdvice>,
    /// It begins or ends no transaction, and can run inside one.
    pub(super) plain: bool,
    /// It is an `INSERT`, `UPDATE`, `DELETE` or `REPLACE` by its first word.
    pub(super) changes: bool,
    /// It sets or queries something of the connection.
    pub(super) pragma: bool,
    shape: Option<Arc<Shape>>,
}

impl Deref for DbapiStatement {
    type Target = Prepared<WithoutAdvice>;

    fn deref(&self) -> &Self::Target {
        &self.prepared
    }
}

impl DerefMut for DbapiStatement {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.prepared
    }
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
        // SAFETY: by this function's contract.
        let (prepared, rest) = unsafe { Prepared::compile(db, sql, length, lasting)? };
        let first = first_word(sql);
        let is = |words: &[&str]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
        let statement = prepared.map(|mut prepared| {
            let changes = is_change(sql);
            // A change, which nothing can stop, first runs where it may take long.
            prepared.set_slow(changes);
            let control = ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "VACUUM"];
            let (plain, pragma) = (!is(&control), is(&["PRAGMA", "ATTACH", "DETACH"]));
            let shape = shape(&prepared);
            Self { prepared, plain, changes, pragma, shape }
        });
        Ok((statement, skip_blanks(rest)))
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
        fit(self.parameters() as usize, params)?;
        for position in 1..=self.parameters() {
            let name = self.parameter_name(position);
            let value = if names.is_empty() {
                let name = name.filter(|name| !named_by_position && !name.starts_with('?'));
                if let Some(name) = name {
                    return Err(Error::invalid(format!(
                        "Binding {position} ('{name}') is a named parameter, but you supplied a sequence which requires nameless (qmark) placeholders."
                    )));
                }
                values.get(position as usize - 1)
            } else {
                let name = name.ok_or_else(|| {
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
            let value = value.map_or(ValueRef::Null, Value::as_ref);
            // SAFETY: by this function's contract.
            unsafe { self.bind_value(position, value)? };
        }
        Ok(())
    }

    /// Runs to the next row, or to the end.
    pub(super) fn step(&mut self) -> Result<Stepped> {
        let stepped = self.prepared.step()?;
        if stepped == Stepped::Row && self.was_recompiled() {
            self.shape = shape(&self.prepared);
        }
        Ok(stepped)
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
        self.write_cells(count, page)
    }

    /// Ends the run, so that locks are released and the next run can bind.
    ///
    /// # Errors
    /// Those of ending an unfinished statement, and again the last step's.
    pub(super) fn reset(&mut self) -> Result<()> {
        match self.end_run() {
            ffi::SQLITE_OK => Ok(()),
            code => Err(self.failed(code)),
        }
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

fn shape(prepared: &Prepared<WithoutAdvice>) -> Option<Arc<Shape>> {
    let names: Vec<_> = prepared.names().collect();
    if names.is_empty() {
        return None;
    }
    let declared = prepared.declared();
    let columns = Arc::new(Columns::new(names.iter().cloned()));
    Some(Arc::new(Shape { columns, names, declared }))
}

/// A statement that has more rows.
#[derive(Debug)]
pub(super) struct OpenCursor {
    pub(super) statement: DbapiStatement,
    pub(super) sql: String,
    /// Bound without copying: they live as long as the statement runs.
    pub(super) params: Params,
}
