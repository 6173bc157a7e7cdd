//! Moving amounts between rows.

use super::{Key, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::schemas::Schema;
use crate::program::{Access, Expect, Fetch, Step};
use crate::sql::{Params, quote_into};
use crate::value::{IntoValue, RefusedValue, Value};

/// An amount to move from one row to another, for [`Table::transfer`].
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// The row that gives.
    pub from: Key,
    /// The row that receives.
    pub to: Key,
    /// How much: an integer or a real, not negative.
    pub amount: Value,
}

impl Transfer {
    /// Moves `amount` from one row to another.
    pub fn new(from: impl Into<Key>, to: impl Into<Key>, amount: impl IntoValue) -> Self {
        let mut refused = RefusedValue::default();
        let amount = refused.convert(amount);
        Self { from: from.into().refused_with(&refused), to: to.into(), amount }
    }
}

impl<F: Into<Key>, T: Into<Key>, A: IntoValue> From<(F, T, A)> for Transfer {
    fn from((from, to, amount): (F, T, A)) -> Self {
        Self::new(from, to, amount)
    }
}

impl Table<'_> {
    /// Moves amounts between rows, in order, all or none: each is subtracted from the
    /// column of one row and added to that of another.
    ///
    /// # Errors
    /// [`Error::index`] identifies the transfer, and nothing is changed:
    /// `NotFound` if a row does not exist, `DatatypeMismatch` if its column holds
    /// no number, `InvalidArgument` for an amount that is negative or not a finite
    /// number and for a sum beyond 64 bits, `CheckViolation` and others if a
    /// constraint is violated. `NoSuchTable`, `NoSuchColumn`.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// db.table("accounts").transfer("balance", [(1, 2, 50), (2, 3, 25)]).await?;
    /// # Ok(()) }
    /// ```
    pub async fn transfer<I>(self, column: &str, transfers: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: Into<Transfer>,
    {
        let transfers: Vec<Transfer> = transfers.into_iter().map(Into::into).collect();
        let make = |schema: &Schema| steps(schema, column, &transfers);
        self.run(Access::Write, None, make).await.map(|_| ()).map_err(|error| match error.index() {
            Some(index) if error.kind().is_constraint() => {
                error.prefixed(&format!("transfer {index}"))
            }
            _ => error,
        })
    }
}

fn steps(schema: &Schema, column: &str, transfers: &[Transfer]) -> Result<Vec<Step<'static>>> {
    let mut quoted = String::new();
    quote_into(&mut quoted, schema.column(column)?)?;
    let (debit, credit) = (Side::new(schema, &quoted, '-')?, Side::new(schema, &quoted, '+')?);
    let mut steps = Vec::with_capacity(transfers.len() * 4);
    for (index, transfer) in transfers.iter().enumerate() {
        let placed = |error: Error| error.with_index(index);
        transfer.from.check().map_err(placed)?;
        check_amount(&transfer.amount).map_err(placed)?;
        for (side, key) in [(&debit, &transfer.from), (&credit, &transfer.to)] {
            schema.check_key(key).map_err(placed)?;
            side.push(&mut steps, schema, key, &transfer.amount, index);
        }
    }
    Ok(steps)
}

fn check_amount(amount: &Value) -> Result<()> {
    match amount {
        Value::Integer(amount) if *amount >= 0 => Ok(()),
        Value::Real(amount) if *amount >= 0.0 && amount.is_finite() => Ok(()),
        Value::Integer(_) | Value::Real(_) => Err(Error::invalid(
            "an amount to transfer must be finite and not negative; swap the two rows instead",
        )),
        _ => Err(Error::invalid("an amount to transfer must be an integer or a real")),
    }
}

/// One half of a transfer: the check before it, and the change.
struct Side {
    check: String,
    change: String,
}

impl Side {
    fn new(schema: &Schema, column: &str, sign: char) -> Result<Self> {
        let by_key = schema.by_key(2)?;
        let table = &schema.quoted;
        // SQLite turns an integer sum beyond 64 bits into a rounded real, and
        // treats a text or NULL balance as 0 or NULL: none of these may be stored.
        let check = format!(
            "SELECT CASE \
               WHEN typeof({column}) NOT IN ('integer', 'real') THEN 'type' \
               WHEN typeof({column}) = 'integer' AND typeof(?1) = 'integer' \
                 THEN iif(typeof({column} {sign} ?1) = 'integer', 'fits', 'overflow') \
               WHEN abs({column} {sign} ?1) <= 1.7976931348623157e308 THEN 'fits' \
               ELSE 'overflow' END \
             FROM {table} WHERE {by_key}"
        );
        let change = format!("UPDATE {table} SET {column} = {column} {sign} ?1 WHERE {by_key}");
        Ok(Self { check, change })
    }

    fn push(
        &self,
        steps: &mut Vec<Step<'static>>,
        schema: &Schema,
        key: &Key,
        amount: &Value,
        index: usize,
    ) {
        let params: Params = std::iter::once(amount).chain(key.values()).collect();
        let table = &schema.table;
        let check = Step::new(self.check.clone(), params.clone(), Fetch::First)
            .item(index)
            .expect(
                Expect::Value("fits".into()),
                ErrorKind::NotFound,
                format!("transfer {index}: {table:?} has no row {key}; nothing was transferred"),
            )
            .when(
                "type".into(),
                ErrorKind::DatatypeMismatch,
                format!("transfer {index}: row {key} does not hold a number; nothing was transferred"),
            )
            .when(
                "overflow".into(),
                ErrorKind::InvalidArgument,
                format!(
                    "transfer {index}: the sum for row {key} would not fit in 64 bits; nothing was transferred"
                ),
            );
        let change = Step::new(self.change.clone(), params, Fetch::Nothing).item(index).expect(
            Expect::Changes(1),
            ErrorKind::NotFound,
            format!("transfer {index}: row {key} was not changed; nothing was transferred"),
        );
        steps.push(check);
        steps.push(change);
    }
}
