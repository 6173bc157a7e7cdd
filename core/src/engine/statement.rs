//! A statement of the pool's connections, and what is needed of it at every run.

use std::ffi::c_int;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::ffi;
use smallvec::SmallVec;

use super::authorizer::{Admit, Authorizer, Class, Nature};
use super::changes::Recorder;
use super::prepared::{Prepared, Wording};
use super::writes::Writes;
use crate::error::{Error, ErrorKind, Phase, Result, from_sqlite};
#[cfg(not(target_family = "wasm"))]
use crate::program::Compiled;
use crate::program::{Description, ParamRows};
use crate::row::{Columns, PageBuilder};
use crate::sql::{Params, skip_blanks};
use crate::value::{Value, ValueRef};

/// Errors with this library's advice.
#[derive(Debug)]
pub(crate) struct WithAdvice;

impl Wording for WithAdvice {
    fn error(code: c_int, message: &str, offset: Option<usize>, phase: Phase) -> Error {
        from_sqlite(code, message, offset, phase)
    }
}

/// A prepared statement, with what SQLite's authorizer reported about it.
#[derive(Debug)]
pub(crate) struct Statement {
    prepared: Prepared<WithAdvice>,
    pub(crate) nature: Nature,
    /// A single step of it may visit a whole table.
    pub(super) sweeps: bool,
    /// What it may change, if it changes anything.
    pub(super) writes: Option<Box<Writes>>,
    columns: Arc<Columns>,
    // The text and blob bytes of the previous run's first row, as a guess for the next one.
    weight: usize,
}

impl Deref for Statement {
    type Target = Prepared<WithAdvice>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.prepared
    }
}

impl DerefMut for Statement {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.prepared
    }
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
            // SAFETY: by this function's contract.
            unsafe { Prepared::compile(db, sql, length, lasting) }
        });
        let (prepared, rest) = match compiled {
            Ok(compiled) => compiled,
            Err(error) => return (Err(nature.refused().unwrap_or(error)), nature),
        };
        let statement = prepared.map(|mut prepared| {
            if admit != Admit::Everything {
                prepared.readonly = nature.complete(prepared.readonly);
            }
            let columns = Arc::new(Columns::new(prepared.names()));
            let mut writes = authorizer.take_writes();
            // Elsewhere there may be virtual tables as well (`virtual_tables.rs`).
            prepared.set_slow(nature.long || writes.elsewhere);
            // A number in the file's header, for example, which no table stands for.
            let sets = writes.pragma && !prepared.readonly;
            writes.everything = nature.class == Class::Alone || sets;
            let writes = (!writes.is_empty()).then(|| Box::new(writes));
            let sweeps = nature.sweeps;
            Self { prepared, nature, sweeps, writes, columns, weight: 0 }
        });
        (Ok((statement, rest)), nature)
    }

    /// Tells the recorder, after a run, what SQLite's hook was not told of.
    #[inline]
    pub(super) fn note_writes(&self, recorder: &Recorder) {
        if self.is_recompiled() {
            // It may fire other triggers, or empty a table in one step, though it did not before.
            recorder.note_unknown();
        } else if let Some(writes) = &self.writes {
            recorder.note(writes, self.sweeps);
        }
    }

    /// Whether it needs no rule of its own.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.nature.class == Class::Plain
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
            if params.values.len() != self.parameters() as usize {
                return Err(self.miscounted(params.values.len()));
            }
            for (index, value) in params.values.iter().enumerate() {
                // SAFETY: by this function's contract.
                unsafe { self.bind_value(index as c_int + 1, value.as_ref())? };
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
        if values.len() != self.parameters() as usize {
            return Err(self.miscounted(values.len()));
        }
        for (index, value) in values.enumerate() {
            // SAFETY: by this function's contract.
            unsafe { self.bind_value(index as c_int + 1, value)? };
        }
        Ok(())
    }

    #[cold]
    fn miscounted(&self, values: usize) -> Error {
        Error::invalid(format!(
            "the statement takes {} parameters, and {values} values were given",
            self.parameters()
        ))
    }

    /// # Safety
    /// As [`Statement::bind`].
    unsafe fn bind_named(&mut self, names: &[String], values: &[ValueRef<'_>]) -> Result<()> {
        if names.len() != values.len() {
            return Err(Error::invalid("parameters are given by position or by name, not both"));
        }
        let mut used = vec![false; names.len()];
        for index in 1..=self.parameters() {
            let Some(name) = self.parameter_name(index) else {
                return Err(Error::invalid(format!(
                    "parameter {index} has no name; give all parameters by position"
                )));
            };
            let unprefixed = name.get(1..).unwrap_or_default();
            let Some(given) = names.iter().position(|it| *it == unprefixed || *it == name) else {
                return Err(Error::invalid(format!("no value for the parameter {name}")));
            };
            drop(name);
            used[given] = true;
            // SAFETY: by this function's contract.
            unsafe { self.bind_value(index, values[given])? };
        }
        match used.iter().position(|used| !used) {
            None => Ok(()),
            Some(index) => {
                Err(Error::invalid(format!("the statement has no parameter {:?}", names[index])))
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
        if self.was_recompiled() {
            self.columns = Arc::new(Columns::new(self.names()));
        }
    }

    /// Returns the result's columns, as of the statement's last run.
    pub(super) fn describe(&mut self) -> Description {
        self.refresh_columns();
        Description {
            columns: Arc::clone(&self.columns),
            declared: self.declared(),
            #[cfg(not(target_family = "wasm"))]
            compiled: None,
        }
    }

    /// Returns what is known of the statement before it runs.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn describe_compiled(&mut self) -> Description {
        let name = |index| self.parameter_name(index).map(Into::into);
        let compiled = Compiled {
            origins: self.origins(),
            parameters: (1..=self.parameters()).map(name).collect(),
            readonly: self.readonly,
        };
        Description { compiled: Some(Box::new(compiled)), ..self.describe() }
    }

    /// Writes the current row into the page, straight from SQLite's memory.
    ///
    /// # Errors
    /// `TooBig` if the page can't hold the row, `OutOfMemory` if SQLite could
    /// not convert a value.
    #[inline]
    pub(crate) fn write_row(&mut self, page: &mut PageBuilder) -> Result<()> {
        let before = page.heap();
        self.prepared.write_cells(self.columns.len(), page)?;
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
        // The code repeats the step's error.
        let _ = self.end_run();
    }
}

/// Returns the error for a text that C would cut short.
pub(super) fn nul() -> Error {
    Error::invalid("the SQL holds a NUL character; pass such text as a parameter")
}
