//! One statement, and what it returned.

use toasty_core::driver::ExecResponse;
use toasty_core::driver::operation::{RawSqlRet, TypedValue};
use toasty_core::stmt::{Type, ValueRecord, ValueStream};
use toasty_core::{Error, Result};
use ubiqlite::{Params, Row};

use crate::value;

/// A statement with its parameters.
pub(crate) struct Call {
    pub(crate) sql: String,
    pub(crate) params: Params,
    /// Whether rows are wanted, or else how many were changed.
    pub(crate) rows: bool,
}

/// What is wanted of a statement.
pub(crate) enum Wanted {
    /// How many rows it changed.
    Count,
    /// Its rows, as they are.
    Rows,
    /// Its rows, with these types.
    Typed(Vec<Type>),
}

/// What a statement did.
pub(crate) struct Done {
    pub(crate) changed: u64,
    pub(crate) rows: Vec<Row>,
}

impl Call {
    /// # Errors
    /// A parameter that can't be stored.
    pub(crate) fn new(sql: String, params: Vec<TypedValue>, wanted: &Wanted) -> Result<Self> {
        let mut bound = Params::new();
        for param in params {
            bound.push(value::cell(param.value)?);
        }
        Ok(Self { sql, params: bound, rows: !matches!(wanted, Wanted::Count) })
    }
}

impl From<RawSqlRet> for Wanted {
    fn from(ret: RawSqlRet) -> Self {
        match ret {
            RawSqlRet::None => Self::Count,
            RawSqlRet::Infer => Self::Rows,
            RawSqlRet::Types(types) => Self::Typed(types),
        }
    }
}

impl Wanted {
    /// Returns Toasty's response.
    ///
    /// # Errors
    /// A cell that is not of the wanted type.
    pub(crate) fn response(self, done: Done) -> Result<ExecResponse> {
        let record = |row: &Row| -> Result<_> {
            let cells = row.iter().map(|(_, cell)| cell);
            let values = match &self {
                Self::Typed(types) if types.len() != row.len() => {
                    return Err(Error::invalid_result(format!(
                        "a row has {} columns, and {} were expected",
                        row.len(),
                        types.len()
                    )));
                }
                Self::Typed(types) => {
                    let typed = cells.zip(types).map(|(cell, wanted)| value::typed(cell, wanted));
                    typed.collect::<Result<_>>()?
                }
                _ => cells.map(value::untyped).collect(),
            };
            Ok(ValueRecord::from_vec(values).into())
        };
        if matches!(self, Self::Count) {
            return Ok(ExecResponse::count(done.changed));
        }
        let rows = done.rows.iter().map(record).collect::<Result<_>>()?;
        Ok(ExecResponse::value_stream(ValueStream::from_vec(rows)))
    }
}

/// Runs a call on anything that has the methods `execute` and `query`.
macro_rules! run {
    ($target:expr, $call:expr) => {{
        let call: $crate::call::Call = $call;
        if call.rows {
            let rows = $target.query(&call.sql, call.params).await;
            rows.map(|rows| $crate::call::Done { changed: 0, rows })
        } else {
            let done = $target.execute(&call.sql, call.params).await;
            done.map(|done| $crate::call::Done { changed: done.rows_changed, rows: Vec::new() })
        }
        .map_err($crate::error::error)
    }};
}

pub(crate) use run;
