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
            Ok(Outcome::Bool(yes)) => changes(u64::from(*yes)),
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
