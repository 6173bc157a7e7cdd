//! How long a request waits and runs, for clients that ask for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::handles::Handle;
use super::numbers::op;
use super::reply::Outcome;
use super::request::{OnTable, Operation, RequestHead};
use super::server::ServerInner;
use crate::backend::call_times::CallTimes;
use crate::error::Result;
use crate::exec::target::Executed;
use crate::sql::summary;

/// What is to be told of a request that is [`TIMED`](super::numbers::request::TIMED).
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) times: Arc<CallTimes>,
    op: u8,
    summary: OnceLock<Box<str>>,
    /// Of a stream, or of a result whose first rows leave while it runs: how many there were so far.
    rows: AtomicU64,
}

/// How many rows a request has returned and how many it has changed, where that applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rows: Option<u64>,
    pub(super) changes: Option<u64>,
}

impl Timed {
    fn new(op: u8) -> Self {
        Self { times: Arc::default(), op, summary: OnceLock::new(), rows: AtomicU64::new(0) }
    }

    /// Counts rows that leave before the request's reply.
    pub(super) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Returns what there is to count of a request with this result.
    pub(super) fn counts(&self, result: &Result<Outcome>) -> Counts {
        let rows = |rows: usize| {
            let returns = matches!(
                self.op,
                op::QUERY..=op::QUERY_VALUE | op::STREAM | op::GET | op::SELECT..=op::TABLE_STREAM
            );
            let before = self.rows.load(Ordering::Relaxed);
            Counts { rows: returns.then_some(before + rows as u64), changes: None }
        };
        let changes = |changes: u64| Counts { rows: None, changes: Some(changes) };
        match result {
            Ok(Outcome::Rows(found)) => rows(found.len()),
            Ok(Outcome::Row(found)) => rows(usize::from(found.is_some())),
            Ok(Outcome::Next(found)) => {
                self.add_rows(found.as_ref().map_or(0, |found| found.len()));
                rows(0)
            }
            Ok(Outcome::Ran(outcome)) => Counts {
                rows: Some(outcome.rows.len() as u64),
                changes: Some(Executed::from(&**outcome).rows_changed),
            },
            Ok(Outcome::Executed(executed)) => changes(executed.rows_changed),
            Ok(Outcome::ExecutedList(list)) => {
                changes(list.iter().map(|executed| executed.rows_changed).sum())
            }
            Ok(Outcome::Key(_)) => changes(1),
            Ok(Outcome::Bool(found)) => match self.op {
                op::UPDATE | op::DELETE => changes(u64::from(*found)),
                _ => Counts::default(),
            },
            Ok(Outcome::Count(count)) => match self.op {
                op::EXECUTE_MANY | op::INSERT_MANY | op::UPDATE_MANY => changes(*count),
                // Its rows went to a sink.
                op::QUERY => Counts { rows: Some(*count), changes: None },
                op::SELECT_COUNT => rows(1),
                _ => Counts::default(),
            },
            _ => Counts::default(),
        }
    }

    /// Returns what the request is, in a few words.
    pub(super) fn summary(&self) -> &str {
        self.summary.get().map_or("", |summary| summary)
    }

    /// Sets what the request is; the first counts.
    pub(super) fn describe(&self, summary: impl Into<Box<str>>) {
        let _ = self.summary.set(summary.into());
    }

    /// Sets that the request is this statement.
    pub(super) fn describe_sql(&self, sql: &str) {
        self.describe(summary(sql));
    }
}

impl ServerInner {
    /// Returns what is to be told of a request; of one for the next rows of a stream, what there is
    /// to tell of the stream so far.
    pub(super) fn timed(&self, head: RequestHead) -> Option<Arc<Timed>> {
        if !head.timed {
            return None;
        }
        if head.op == op::NEXT
            && let Ok(Handle::Stream(stream)) = self.state().handles.source(head.handle)
        {
            return stream.timed.clone();
        }
        Some(Arc::new(Timed::new(head.op)))
    }
}

/// Returns what an operation is, in a few words: as a statement would be that does the same.
pub(super) fn describe(operation: &Operation) -> String {
    match operation {
        Operation::Statement { sql, .. }
        | Operation::ExecuteMany { sql }
        | Operation::Stream { sql, .. }
        | Operation::Watch { sql, .. } => summary(sql),
        Operation::Batch(_) => "BATCH".into(),
        Operation::WatchAll(_) => "WATCH".into(),
        Operation::Touch(_) => "TOUCH".into(),
        Operation::Commits(_) => "COMMITS".into(),
        Operation::Changesets(_) => "CHANGES".into(),
        Operation::Check => "CHECK".into(),
        Operation::Recover(_) => "RECOVER".into(),
        Operation::Stats => "STATS".into(),
        Operation::Migrations(_) => "MIGRATE".into(),
        Operation::Backup(_) => "BACKUP".into(),
        Operation::Replica { .. } => "REPLICATE".into(),
        Operation::Table { name, what } => {
            let verb = match what {
                OnTable::Insert(_) | OnTable::InsertMany => "INSERT",
                OnTable::Upsert(_) => "UPSERT",
                OnTable::Get(_) | OnTable::Select(..) | OnTable::Stream => "SELECT",
                OnTable::Update(..) | OnTable::UpdateMany(..) | OnTable::Transfer(..) => "UPDATE",
                OnTable::Delete(_) => "DELETE",
            };
            format!("{verb} {name}")
        }
    }
}

/// Returns what an operation is that begins or ends something.
pub(super) fn describe_control(op: u8) -> &'static str {
    match op {
        op::BEGIN => "BEGIN",
        op::COMMIT => "COMMIT",
        op::ROLLBACK => "ROLLBACK",
        op::SAVEPOINT => "SAVEPOINT",
        op::RELEASE => "RELEASE",
        op::SNAPSHOT => "SNAPSHOT",
        op::ACQUIRE => "ACQUIRE",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::api::table::Key;
    use crate::program::StepOutcome;
    use crate::row::Rows;

    fn executed(rows_changed: u64) -> Executed {
        Executed { rows_changed, last_row_id: 0 }
    }

    #[test]
    fn each_outcome_counts_what_it_has_returned_and_changed_and_nothing_else() {
        let key = || Outcome::Key(Key::from(1));
        let none = (None, None);
        let (rows, changes) = (|it| (Some(it), None), |it| (None, Some(it)));
        let none_of = || Outcome::Rows(Rows::default());
        let ran = StepOutcome::default();
        for (op, outcome, counts) in [
            (op::EXECUTE, Outcome::Executed(executed(3)), changes(3)),
            (op::BATCH, Outcome::ExecutedList(vec![executed(3), executed(4)]), changes(7)),
            (op::EXECUTE_MANY, Outcome::Count(5), changes(5)),
            (op::INSERT_MANY, Outcome::Count(5), changes(5)),
            (op::UPDATE_MANY, Outcome::Count(0), changes(0)),
            (op::INSERT, key(), changes(1)),
            (op::UPSERT, key(), changes(1)),
            (op::UPDATE, Outcome::Bool(true), changes(1)),
            (op::UPDATE, Outcome::Bool(false), changes(0)),
            (op::DELETE, Outcome::Bool(true), changes(1)),
            (op::TRANSFER, Outcome::Done, none),
            (op::QUERY, none_of(), rows(0)),
            (op::QUERY, Outcome::Count(9), rows(9)),
            (op::QUERY_ONE, Outcome::Row(None), rows(0)),
            (op::QUERY_VALUE, none_of(), rows(0)),
            (op::GET, Outcome::Row(None), rows(0)),
            (op::SELECT, none_of(), rows(0)),
            (op::SELECT_FIRST, none_of(), rows(0)),
            (op::SELECT_COUNT, Outcome::Count(9), rows(1)),
            (op::STREAM, Outcome::Next(None), rows(0)),
            (op::SELECT_STREAM, Outcome::Next(None), rows(0)),
            (op::TABLE_STREAM, Outcome::Next(None), rows(0)),
            (op::RUN, Outcome::Ran(Box::new(ran)), (Some(0), Some(0))),
            // What they report are no rows of the database.
            (op::CHECK, none_of(), none),
            (op::STATS, none_of(), none),
            (op::RECOVER, none_of(), none),
            (op::MIGRATIONS, none_of(), none),
            (op::MIGRATE, none_of(), none),
            (op::APPLY, none_of(), none),
            (op::REPLICA_RESTORE, Outcome::Count(9), none),
            (op::REPLICATE, Outcome::Handle, none),
            (op::STORED, Outcome::Bool(true), none),
            (op::BEGIN, Outcome::Handle, none),
            (op::COMMIT, Outcome::Done, none),
            (op::CAPABILITIES, Outcome::Bits(1), none),
            (op::WATCH, Outcome::Update(None), none),
            (op::WATCH_ALL, Outcome::Updates(None), none),
        ] {
            let found = Timed::new(op).counts(&Ok(outcome));
            assert_eq!((found.rows, found.changes), counts, "operation {op}");
        }
    }
}
