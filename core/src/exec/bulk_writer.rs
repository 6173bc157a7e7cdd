//! One statement for many rows: chunk by chunk in one transaction, with memory
//! for three chunks.

use std::collections::{HashSet, VecDeque};

use crate::backend::{BackendSession, Control, Intent, Reply};
use crate::error::Result;
use crate::exec::savepoint_guard::SavepointGuard;
use crate::exec::target::{Executor, Target, limited};
use crate::platform::coop;
use crate::program::Begin;
use crate::program::{Access, Fetch, Output, Program, Step, StepOutcome};
use crate::sql::Params;
use crate::value::{Value, ValueRef};

/// A chunk is sent when it has this many rows, or takes this many bytes.
const CHUNK_ROWS: usize = 1024;
const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks under way while the next one is gathered: one runs, and one waits, so
/// that SQLite never has to.
const AHEAD: usize = 2;

/// Rows on their way into a statement.
///
/// Dropping it at any moment leaves none of the rows behind: the transaction, or
/// the savepoint in one, is rolled back.
pub(crate) struct BulkWriter<'a> {
    target: Target<'a>,
    steps: smallvec::SmallVec<[Step<'static>; 1]>,
    rows: usize,
    bytes: usize,
    changed: Changed,
    /// Which rows of the coming statements are kept. If rows are returned, they are
    /// counted, each once, instead of the changes.
    pub(crate) keep: Fetch,
    // Dropped before `route`: the chunks under way are cancelled before their transaction.
    sent: VecDeque<Reply<Output>>,
    route: Route<'a>,
}

impl Drop for BulkWriter<'_> {
    fn drop(&mut self) {
        // Inside a caller's transaction a stopped statement would undo all of it.
        // A chunk is short, and undone with its savepoint.
        if matches!(self.route, Route::Nested(_)) {
            for reply in self.sent.drain(..) {
                reply.detach();
            }
        }
    }
}

enum Route<'a> {
    /// Nothing is sent yet: if everything fits one chunk, it runs as one program.
    Unsent,
    /// Its own transaction.
    Transaction(Box<dyn BackendSession>),
    /// Inside the caller's transaction.
    Nested(SavepointGuard<'a>),
    /// The backend takes programs only.
    Whole,
}

impl<'a> BulkWriter<'a> {
    pub(crate) fn new(target: Target<'a>) -> Self {
        Self {
            target,
            steps: smallvec::SmallVec::new(),
            rows: 0,
            bytes: 0,
            changed: Changed::default(),
            keep: Fetch::Nothing,
            sent: VecDeque::new(),
            route: Route::Unsent,
        }
    }

    /// Begins the transaction, or the savepoint, in which all rows will be written.
    /// Returns `None` if the backend takes programs only.
    pub(crate) async fn begin(&mut self) -> Result<Option<&dyn BackendSession>> {
        self.route = match self.target.executor {
            Executor::Session(session) => Route::Nested(
                SavepointGuard::begin(session, SavepointGuard::MANY, self.target.limit).await?,
            ),
            Executor::Backend(backend) if backend.capabilities().transactions => {
                let reply = backend.acquire(Intent::Transaction(Begin::Immediate));
                Route::Transaction(limited(reply, self.target.limit, true).await?)
            }
            Executor::Backend(_) => Route::Whole,
        };
        Ok(match &self.route {
            Route::Transaction(session) => Some(&**session),
            Route::Nested(nested) => Some(nested.session()),
            Route::Unsent | Route::Whole => None,
        })
    }

    /// Adds a row for this statement.
    pub(crate) async fn push(&mut self, index: usize, sql: &str, row: Params) -> Result<()> {
        self.add(index, sql, row.names(), row.values().iter().map(Value::as_ref));
        self.send_full().await
    }

    /// Adds a row without sending anything: [`send_full`](Self::send_full) must
    /// follow before many more.
    pub(crate) fn add<'v>(
        &mut self,
        index: usize,
        sql: &str,
        names: &[String],
        values: impl ExactSizeIterator<Item = ValueRef<'v>> + Clone,
    ) {
        self.rows += 1;
        let before = self.weight();
        let last = self.steps.last_mut();
        if last.is_some_and(|step| step.follow(index, sql, names, values.clone())) {
            self.bytes += self.weight() - before;
        } else {
            self.steps.push(Step { fetch: self.keep, ..Step::first(index, sql, names, values) });
            self.bytes += self.weight();
        }
    }

    /// Whether the added rows make a chunk.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES
    }

    /// Sends the added rows if they make a chunk.
    pub(crate) async fn send_full(&mut self) -> Result<()> {
        if self.is_full() {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends the last rows and commits. Returns the rows changed.
    pub(crate) async fn finish(self) -> Result<u64> {
        Ok(self.finish_counted().await?.all())
    }

    /// As [`finish`](Self::finish), with what the statements returned.
    pub(crate) async fn finish_counted(mut self) -> Result<Changed> {
        if matches!(self.route, Route::Unsent | Route::Whole) {
            if self.steps.is_empty() {
                return Ok(Changed::default());
            }
            let program = self.take();
            let output = self.target.run(program, None).await?;
            self.changed.count(output);
            return Ok(std::mem::take(&mut self.changed));
        }
        if !self.steps.is_empty() {
            self.send().await?;
        }
        self.settle(0).await?;
        match std::mem::replace(&mut self.route, Route::Unsent) {
            Route::Transaction(session) => {
                limited(session.control(Control::Commit), self.target.limit, false).await?;
            }
            Route::Nested(nested) => nested.release().await?,
            Route::Unsent | Route::Whole => {}
        }
        Ok(std::mem::take(&mut self.changed))
    }

    /// The bytes of the last step's rows.
    fn weight(&self) -> usize {
        let extra = self.steps.last().and_then(|step| step.extra.as_ref());
        extra.map_or(0, |extra| extra.each.weight())
    }

    fn take(&mut self) -> Program<'static> {
        self.rows = 0;
        self.bytes = 0;
        Program { steps: std::mem::take(&mut self.steps), access: Access::Write, schema: None }
    }

    /// Sends a chunk; it runs while the caller gathers the next one.
    async fn send(&mut self) -> Result<()> {
        if matches!(self.route, Route::Unsent) {
            self.begin().await?;
        }
        // Yields now and then: if each chunk is done in time, no wait below is pending.
        coop::turn().await;
        if matches!(self.route, Route::Whole) {
            // All rows are one program, limited only by memory.
            return Ok(());
        }
        self.settle(AHEAD - 1).await?;
        let program = self.take();
        self.sent.extend(match &self.route {
            Route::Transaction(session) => Some(session.run(program, None)),
            Route::Nested(nested) => Some(nested.session().run(program, None)),
            Route::Unsent | Route::Whole => None,
        });
        Ok(())
    }

    /// Waits until at most `most` chunks are under way.
    async fn settle(&mut self, most: usize) -> Result<()> {
        while self.sent.len() > most {
            if let Some(sent) = self.sent.pop_front() {
                let output = limited(sent, self.target.limit, false).await?;
                self.changed.count(output);
            }
        }
        Ok(())
    }
}

/// How many rows were changed.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// By statements that return nothing.
    plain: u64,
    /// The keys that the other statements returned: a row that two of them changed
    /// counts once.
    returned: HashSet<Vec<u8>>,
}

impl Changed {
    /// Adds what the steps did.
    pub(crate) fn count(&mut self, output: Output) {
        for StepOutcome { changes, rows, .. } in output.steps {
            if rows.is_empty() {
                self.plain += changes;
                continue;
            }
            self.returned.extend(rows.into_iter().map(|row| row.fingerprint()));
        }
    }

    pub(crate) fn all(&self) -> u64 {
        self.plain + self.returned.len() as u64
    }

    /// The number without the returned rows that are counted among the others: those
    /// whose keys are in `counted`.
    pub(crate) fn without(&self, counted: &HashSet<Vec<u8>>) -> u64 {
        self.plain + self.returned.difference(counted).count() as u64
    }
}
