//! Group commit: writes that wait together share one transaction.

use super::{Completer, cancelled};
use crate::engine::Connection;
use crate::error::Result;
use crate::program::{Output, Program};

/// A write that waits and may share a transaction.
pub(super) trait GroupedWrite {
    fn program(&self) -> &Program<'static>;
    fn completer(&self) -> &Completer<Output>;
}

/// Splits a batch wherever a write needs a transaction of its own, or none.
pub(super) fn split_shareable<J: GroupedWrite>(
    connection: &mut Connection,
    batch: Vec<J>,
) -> Vec<Vec<J>> {
    if batch.len() == 1 {
        // Nobody to share with.
        return vec![batch];
    }
    let mut groups: Vec<Vec<J>> = Vec::new();
    let mut open = false;
    for job in batch {
        if job.completer().is_cancelled() {
            continue;
        }
        let shares = connection.is_shareable(job.program());
        match groups.last_mut() {
            Some(group) if open && shares => group.push(job),
            _ => groups.push(vec![job]),
        }
        open = shares;
    }
    groups
}

/// Runs a group in one transaction, each write through `run`, or only the first ones if `enough`
/// says so. `None`: something in it ended or endangered the shared transaction, nothing has
/// happened, and each write must run alone.
///
/// # Errors
/// The transaction could not begin; nothing has happened.
pub(super) fn run_together<J: GroupedWrite>(
    connection: &mut Connection,
    group: &[J],
    mut run: impl FnMut(&mut Connection, &J) -> Option<Result<Output>>,
    enough: impl Fn() -> bool,
) -> Result<Option<Vec<Result<Output>>>> {
    connection.control("BEGIN IMMEDIATE")?;
    let mut results = Vec::with_capacity(group.len());
    for job in group {
        if !results.is_empty() && enough() {
            break;
        }
        if !job.completer().start() {
            results.push(Err(cancelled()));
            continue;
        }
        connection.forget_last_row_id();
        let result = run(connection, job);
        // ON CONFLICT ROLLBACK, RAISE(ROLLBACK), an interrupt or a full disk ends the whole
        // transaction. With an unsatisfied deferred foreign key, one write's debt could be paid by,
        // or charged to, another.
        let whole = connection.in_transaction() && !connection.owes_foreign_keys();
        match result {
            Some(result) if whole => results.push(result),
            _ => {
                connection.rollback();
                return Ok(None);
            }
        }
    }
    if connection.control("COMMIT").is_err() {
        connection.rollback();
        return Ok(None);
    }
    Ok(Some(results))
}
