//! Programs: what every backend can run, all or nothing.

mod begin;
mod description;
mod interrupt;
mod page_sink;
mod param_rows;

pub use begin::Begin;
#[cfg(not(target_family = "wasm"))]
pub(crate) use description::Compiled;
pub use description::Description;
pub(crate) use interrupt::Interrupt;
pub use page_sink::PageSink;
pub use param_rows::ParamRows;

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::changes::ReadSet;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Rows;
use crate::sql::Params;
use crate::sync::{Applied, ApplyStep};
use crate::value::{Value, ValueRef};

/// Statements that all happen, or none of them.
#[derive(Debug, Clone, Default)]
pub struct Program<'a> {
    /// The statements, run in this order.
    pub steps: SmallVec<[Step<'a>; 1]>,
    /// What the program does to the database, as far as its author knows.
    pub access: Access,
    /// The `PRAGMA schema_version` that the program was written for. A backend
    /// that finds another one returns `SchemaChanged` and runs nothing.
    pub schema: Option<i64>,
}

/// What a program does to the database, as far as its author knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// A statement of the caller's: `sqlite3_stmt_readonly` will decide.
    #[default]
    Unknown,
    /// Reads only.
    Read,
    /// May write.
    Write,
    /// A statement of the caller's that must run only if it changes nothing. Otherwise it
    /// does not run, and the error is `OutcomeUnknown`: the caller does not know whether
    /// the same statement has run before.
    Again,
}

/// One statement of a program.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// One SQL statement.
    pub sql: Cow<'a, str>,
    /// Its parameters.
    pub params: Params,
    /// Which of its rows are wanted.
    pub fetch: Fetch,
    /// What only few statements need.
    pub extra: Option<Box<Extra>>,
}

/// What only few statements of a program need.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// Parameters that are outputs of earlier steps: the parameter's index from
    /// 0, and the output. Their places in `params` hold `NULL`.
    pub references: Vec<(usize, Reference)>,
    /// Instead of once with `params`, the statement runs once with each of these;
    /// changes add up.
    pub each: ParamRows,
    /// What must be true after the statement has run.
    pub expect: Expect,
    /// The error to return if `expect` does not hold because the first value is this
    /// one instead.
    pub when: Vec<(Value, ErrorKind, String)>,
    /// The error to return if `expect` does not hold.
    pub otherwise: Option<(ErrorKind, String)>,
    /// The SQL is a script: several statements without parameters, of which no
    /// rows are kept.
    pub script: bool,
    /// Queries that run after it, and whose pages count as read by it ([`Fetch::Paged`]).
    pub beside: Vec<Box<str>>,
    /// Instead of running SQL, the step applies a change set.
    pub apply: Option<Box<ApplyStep>>,
    /// What the statement changes is not recorded for the outbox.
    pub unrecorded: bool,
    /// Which item of the caller's list this step belongs to (the first, with
    /// `each`), for [`Error::index`].
    pub item: Option<usize>,
}

/// Which rows of a statement are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// None: the statement still runs to its end.
    Nothing,
    /// The first; the statement may be ended after it.
    First,
    /// All.
    All,
    /// All, and with them a [`Description`] of the columns.
    Described,
    /// None, and the statement does not run: it is compiled, and a [`Description`] tells its columns
    /// and parameters.
    #[cfg(not(target_family = "wasm"))]
    Compiled,
    /// All, and with them what the statement read. It must be a query.
    Watched,
    /// All, and with them which pages the statement read, if they can be known.
    Paged,
}

/// An output of an earlier step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The rowid of the last row that the step inserted.
    LastRowId {
        /// The step's index.
        step: usize,
    },
    /// A value of a row that the step kept.
    Cell {
        /// The step's index.
        step: usize,
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
}

/// What must be true after a statement; otherwise the program is undone.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Expect {
    /// Nothing.
    #[default]
    Anything,
    /// Exactly this many rows were changed.
    Changes(u64),
    /// The first kept row's first value is this.
    Value(Value),
}

/// What one step did.
#[derive(Debug, Clone, Default)]
pub struct StepOutcome {
    /// Rows inserted, updated or deleted by the statement itself (not by its
    /// triggers or foreign key actions).
    pub changes: u64,
    /// The rowid of the last inserted row of the connection.
    pub last_row_id: i64,
    /// The rows kept.
    pub rows: Rows,
    /// The columns, if they were requested.
    pub description: Option<Box<Description>>,
    /// What the rows depend on, if [`Fetch::Watched`] or [`Fetch::Paged`] requested it.
    pub reads: Option<Box<ReadSet>>,
    /// What applying a change set did.
    pub applied: Option<Box<Applied>>,
}

/// What a program did, step by step.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// One outcome per step.
    pub steps: SmallVec<[StepOutcome; 1]>,
}

impl Fetch {
    /// Whether the statement does not run. In a page none is only compiled, which keeps the module
    /// small.
    #[inline]
    pub(crate) const fn is_compiled(self) -> bool {
        #[cfg(not(target_family = "wasm"))]
        return matches!(self, Self::Compiled);
        #[cfg(target_family = "wasm")]
        false
    }
}

impl<'a> Program<'a> {
    /// Whether it reads a table's schema, which the table's writes need.
    pub(crate) fn reads_schema(&self) -> bool {
        self.access == Access::Read
            && self.steps.len() > 1
            && self.steps.first().is_some_and(|step| step.sql == "PRAGMA schema_version")
    }

    /// A program of one statement.
    #[inline]
    pub fn one(step: Step<'a>) -> Self {
        Self { steps: smallvec::smallvec![step], access: Access::Unknown, schema: None }
    }

    /// Returns the same program with its own copy of all text.
    pub fn into_owned(self) -> Program<'static> {
        Program {
            steps: self.steps.into_iter().map(Step::into_owned).collect(),
            access: self.access,
            schema: self.schema,
        }
    }
}

impl<'a> Step<'a> {
    /// A statement with its parameters.
    #[inline]
    pub fn new(sql: impl Into<Cow<'a, str>>, params: impl Into<Params>, keep: Fetch) -> Self {
        Self { sql: sql.into(), params: params.into(), fetch: keep, extra: None }
    }

    /// Requires something of the statement's outcome; otherwise it fails with this error.
    pub fn expect(mut self, expect: Expect, kind: ErrorKind, message: impl Into<String>) -> Self {
        let extra = self.extra.get_or_insert_default();
        extra.expect = expect;
        extra.otherwise = Some((kind, message.into()));
        self
    }

    /// Sets the error to return if the first value is this one instead.
    pub fn when(mut self, value: Value, kind: ErrorKind, message: impl Into<String>) -> Self {
        self.extra.get_or_insert_default().when.push((value, kind, message.into()));
        self
    }

    /// Several statements without parameters.
    pub fn script(sql: impl Into<Cow<'a, str>>) -> Self {
        let mut step = Self::new(sql, (), Fetch::Nothing);
        step.extra.get_or_insert_default().script = true;
        step
    }

    /// Keeps what the statement changes out of the outbox.
    pub(crate) fn unrecorded(mut self) -> Self {
        self.extra.get_or_insert_default().unrecorded = true;
        self
    }

    /// A change set to apply.
    pub fn apply(apply: ApplyStep) -> Step<'static> {
        let mut step = Step::new("", (), Fetch::Nothing);
        step.extra.get_or_insert_default().apply = Some(Box::new(apply));
        step
    }

    /// Names the item of the caller's list that the step belongs to.
    pub fn item(mut self, item: usize) -> Self {
        self.extra.get_or_insert_default().item = Some(item);
        self
    }

    /// Runs the statement once with each of these parameters.
    pub fn each(mut self, each: ParamRows) -> Self {
        self.extra.get_or_insert_default().each = each;
        self
    }

    /// A statement to run for many rows, of which this is the first: item `index`
    /// of the caller's list.
    pub(crate) fn first<'v>(
        index: usize,
        sql: &str,
        names: &[String],
        values: impl ExactSizeIterator<Item = ValueRef<'v>>,
    ) -> Step<'static> {
        let mut each = ParamRows::new();
        each.push_values(names, values);
        Step::new(sql.to_owned(), (), Fetch::Nothing).item(index).each(each)
    }

    /// Adds a row if it is the item after the last one and fits the statement.
    pub(crate) fn follow<'v>(
        &mut self,
        index: usize,
        sql: &str,
        names: &[String],
        values: impl ExactSizeIterator<Item = ValueRef<'v>>,
    ) -> bool {
        match &mut self.extra {
            Some(extra) if self.sql == sql => {
                let next = extra.item.map(|first| first + extra.each.len());
                next == Some(index) && extra.each.push_values(names, values)
            }
            _ => false,
        }
    }

    /// Takes a parameter from an earlier step's output.
    pub fn reference(mut self, parameter: usize, reference: Reference) -> Self {
        self.extra.get_or_insert_default().references.push((parameter, reference));
        self
    }

    fn into_owned(self) -> Step<'static> {
        Step {
            sql: Cow::Owned(self.sql.into_owned()),
            params: self.params,
            fetch: self.fetch,
            extra: self.extra,
        }
    }
}

impl Extra {
    /// Checks `expect`.
    ///
    /// # Errors
    /// `otherwise`, if it does not hold.
    pub fn check(&self, outcome: &StepOutcome) -> Result<()> {
        let held = match &self.expect {
            Expect::Anything => true,
            Expect::Changes(wanted) => outcome.changes == *wanted,
            Expect::Value(wanted) => {
                outcome.rows.first_value().is_some_and(|found| found == wanted.as_ref())
            }
        };
        if held {
            return Ok(());
        }
        let found = outcome.rows.first_value();
        for (value, kind, message) in &self.when {
            if found == Some(value.as_ref()) {
                return Err(Error::new(*kind, message.clone()));
            }
        }
        Err(match &self.otherwise {
            Some((kind, message)) => Error::new(*kind, message.clone()),
            None => {
                Error::new(ErrorKind::NotFound, "a statement did not do what was expected of it")
            }
        })
    }

    /// Puts earlier outputs into their places among `params`.
    ///
    /// # Errors
    /// `InvalidArgument` for a reference to something that is not there.
    pub fn resolve(&self, params: &mut Params, earlier: &[StepOutcome]) -> Result<()> {
        for (parameter, reference) in &self.references {
            let value = match *reference {
                Reference::LastRowId { step } => {
                    earlier.get(step).map(|outcome| Value::Integer(outcome.last_row_id))
                }
                Reference::Cell { step, row, column } => earlier
                    .get(step)
                    .and_then(|outcome| outcome.rows.cell(row, column))
                    .map(|value| value.to_value()),
            };
            match (value, params.values.get_mut(*parameter)) {
                (Some(value), Some(place)) => *place = value,
                _ => return Err(Error::invalid("a step refers to an output that does not exist")),
            }
        }
        Ok(())
    }
}
