//! Change sets of a client: the batches of an outbox, and what applying has decided.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cells::Cells;
use super::handles::CallTarget;
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::request::{ChangesetOperation, RequestHead};
use super::run::OperationEnd;
use super::server::{RequestFuture, ServerInner};
use crate::api::database::Database;
use crate::api::outbox::{Outbox, acknowledging, applied, applying};
use crate::error::Result;
use crate::exec::stream::in_time;
use crate::platform::BoxFuture;
use crate::row::{Row, Rows};
use crate::sync::{Applied, Apply, ConflictKind, Decision, Policy, RowChanged};
use crate::value::{Value, ValueRef};

/// An outbox. What its client has of it, the client says: so its calls need no order, and none
/// waits behind another that waits for a batch.
pub(super) struct OutboxHandle {
    database: Database,
    /// What the last wait has left for the next one.
    idle: Mutex<Option<Outbox>>,
}

impl OutboxHandle {
    pub(super) fn new(database: Database) -> Self {
        Self { database, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Option<Outbox>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the batch after that of this number, if there is one or once there is; `None` if
    /// there is none now, or, after waiting, if the database was closed.
    async fn next(&self, wait: bool, last: i64, limit: Option<Duration>) -> Result<Option<Row>> {
        let idle = if wait { self.idle().take() } else { None };
        // A wait may last, and a statement that reads may not.
        let (limit, of_statement) = if wait { (limit, None) } else { (None, limit) };
        let after = || Outbox::after(self.database.limited(of_statement), 0);
        let mut outbox = idle.unwrap_or_else(after);
        outbox.set_last(last);
        let next = {
            let mut next = Box::pin(outbox.fetch(wait));
            in_time(limit, |cx| next.as_mut().poll(cx)).await
        };
        if wait {
            *self.idle() = Some(outbox);
        }
        next
    }
}

impl ServerInner {
    /// Returns the work of fetching the batch after that of the number `last`, if there is one or
    /// once there is.
    pub(super) fn next_batch(
        self: Arc<Self>,
        head: RequestHead,
        outbox: Arc<OutboxHandle>,
        wait: bool,
        last: i64,
    ) -> RequestFuture {
        Box::pin(async move {
            // After an error the outbox goes on: what waits is still there.
            let next = outbox.next(wait, last, head.timeout).await?;
            if wait && next.is_none() {
                self.state().handles.remove(head.handle);
                return Ok(Outcome::Next(None));
            }
            Ok(Outcome::Row(next))
        })
    }
}

/// Runs one of the operations on change sets.
///
/// # Errors
/// Theirs, and `InvalidArgument` where the operation doesn't belong.
pub(super) fn run<'a>(
    on: &'a CallTarget,
    limit: Option<Duration>,
    operation: ChangesetOperation,
) -> BoxFuture<'a, Result<OperationEnd>> {
    Box::pin(async move {
        let database = match on {
            CallTarget::Database(database) => Ok(database),
            CallTarget::Handle(_) => Err(malformed()),
        };
        let (program, applies) = match operation {
            ChangesetOperation::Apply { bytes, policy } => (applying(&bytes, policy), true),
            ChangesetOperation::Ack(number) => {
                database?;
                (acknowledging(number), false)
            }
            ChangesetOperation::Outbox(tables) => {
                let database = database?;
                if let Some(tables) = tables {
                    database.record(&tables, limit).await?;
                }
                return Ok(OperationEnd::Outbox(database.clone()));
            }
        };
        let output = on.target(limit).run_boxed(program).await?;
        Ok(match applies {
            true => Outcome::Rows(rows_of(&applied(output)?)),
            false => Outcome::Done,
        }
        .into())
    })
}

/// Reads the policies of an `APPLY`: see the [module of the protocol](super).
pub(super) fn policies(from: &mut ByteReader<'_>) -> Result<Apply> {
    let mut policies = Apply::all(policy(from)?);
    for _ in 0..from.count()? {
        let table = from.str()?;
        policies = policies.table(table, policy(from)?);
    }
    Ok(policies)
}

fn policy(from: &mut ByteReader<'_>) -> Result<Policy> {
    Ok(match from.u8()? {
        0 => Policy::Theirs,
        1 => Policy::Ours,
        2 => Policy::Abort,
        3 => Policy::Newest(from.str()?.to_owned()),
        _ => return Err(malformed()),
    })
}

/// Returns what applying has done as rows: see the [module of the protocol](super).
pub(super) fn rows_of(applied: &Applied) -> Rows {
    let mut cells = Cells::default();
    cells.count(usize::from(applied.rebased()));
    cells.count(applied.conflicts().len());
    for conflict in applied.conflicts() {
        cells.push(ValueRef::Text(conflict.table.as_bytes()));
        cells.count(match conflict.kind {
            ConflictKind::Data => 0,
            ConflictKind::NotFound => 1,
            ConflictKind::Exists => 2,
            ConflictKind::Constraint => 3,
        });
        cells.count(match conflict.change {
            RowChanged::Inserted => 0,
            RowChanged::Updated => 1,
            RowChanged::Deleted => 2,
        });
        cells.count(match conflict.decision {
            Decision::Theirs => 0,
            Decision::Ours => 1,
        });
        row(&mut cells, Some(&conflict.key));
        row(&mut cells, conflict.ours.as_deref());
        row(&mut cells, Some(&conflict.theirs));
    }
    cells.finish()
}

fn row(cells: &mut Cells, row: Option<&[(String, Value)]>) {
    let Some(row) = row else { return cells.push(ValueRef::Integer(-1)) };
    cells.count(row.len());
    for (column, value) in row {
        cells.push(ValueRef::Text(column.as_bytes()));
        cells.push(value.as_ref());
    }
}
