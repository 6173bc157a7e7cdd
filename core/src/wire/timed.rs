//! How long a request waits and runs, for clients that ask for it.

use std::sync::{Arc, OnceLock};

use super::handles::Handle;
use super::numbers::op;
use super::request::{OnTable, Operation, RequestHead};
use super::server::ServerInner;
use crate::backend::call_times::CallTimes;
use crate::sql::summary;

/// What is to be told of a request that is [`TIMED`](super::numbers::request::TIMED).
#[derive(Debug, Default)]
pub(super) struct Timed {
    pub(super) times: Arc<CallTimes>,
    summary: OnceLock<Box<str>>,
}

impl Timed {
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
        Some(Arc::default())
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
