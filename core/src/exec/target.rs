//! Where an operation runs, the database or a session, and the operations on
//! statements, written once for both.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::backend::{Backend, BackendSession, Reply, call_times};
use crate::engine::context;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::bulk_writer::BulkWriter;
use crate::exec::database_inner::DatabaseInner;
use crate::exec::gate::{Gate, GatePass};
use crate::exec::item_feed::Fed;
use crate::exec::items::Items as _;
#[cfg(not(target_family = "wasm"))]
use crate::exec::run_result::Described;
use crate::exec::run_result::RunResult;
use crate::exec::schemas::Schemas;
use crate::exec::script::Batch;
use crate::exec::statement_future::StatementFuture;
use crate::exec::stream::RowStream;
use crate::exec::trace::{self, CallTrace, TraceSettings};
use crate::platform::{self, BoxFuture};
use crate::program::{Access, Fetch, Output, PageSink, Program, StepOutcome};
use crate::row::FromRow;
use crate::sql::Params;
use crate::value::FromValue;
use crate::value::Value;

/// Where an operation runs.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// What traces say of the database; `None`: they say nothing of it.
    pub(crate) trace: Option<&'a TraceSettings>,
    pub(crate) executor: Executor<'a>,
    pub(crate) limit: Option<Duration>,
    pub(crate) schemas: &'a Schemas,
    /// Set where calls may be refused because the database is closing.
    pub(crate) gate: Option<&'a Gate>,
    /// Set where the calls see what is committed, and nothing else.
    pub(crate) database: Option<&'a Arc<DatabaseInner>>,
}

#[derive(Clone, Copy)]
pub(crate) enum Executor<'a> {
    Backend(&'a dyn Backend),
    Session(&'a dyn BackendSession),
}

/// What a statement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Executed {
    /// Rows inserted, updated or deleted by the statement itself, not by its
    /// triggers and foreign key actions.
    pub rows_changed: u64,
    /// The rowid of the last inserted row; 0 if none was.
    pub last_row_id: i64,
}

impl<'a> Target<'a> {
    /// Begins an operation of several calls, which closing waits for, and
    /// returns where its calls run.
    ///
    /// # Errors
    /// `Closed`.
    pub(crate) fn enter(self) -> Result<(Option<GatePass<'a>>, Self)> {
        match (self.gate, self.executor) {
            (Some(gate), Executor::Backend(backend)) => {
                Ok((Some(gate.enter(backend)?), Self { gate: None, ..self }))
            }
            _ => Ok((None, self)),
        }
    }

    /// Runs a program; `sink` is as for [`Backend::run`].
    #[inline]
    pub(crate) async fn run(
        self,
        program: Program<'_>,
        sink: Option<&dyn PageSink>,
    ) -> Result<Output> {
        let reads = program.access == Access::Read;
        let mut trace = trace::of_program(self.trace, &program);
        let begun = match trace.within(|| self.begin(program, sink)) {
            Ok(reply) => reply.take_in_turn(),
            Err(error) => Err(Reply::err(error)),
        };
        let result = match begun {
            Ok(result) => result,
            Err(reply) => trace::within(&trace, limited(reply, self.limit, reads)).await,
        };
        trace::end_program(&mut trace, &result);
        result
    }

    /// As [`run`](Self::run), for operations that are rare: the code of this future is there once,
    /// and not in the future of each of them.
    pub(crate) fn run_boxed(self, program: Program<'a>) -> BoxFuture<'a, Result<Output>> {
        Box::pin(self.run(program, None))
    }

    /// Begins a program, without a time limit: that applies to waiting for the reply.
    ///
    /// # Errors
    /// `Closed`.
    #[allow(
        clippy::inline_always,
        reason = "for a call of its own a point read pays 100 instructions: program and reply are moved"
    )]
    #[inline(always)]
    pub(crate) fn begin(
        self,
        program: Program<'_>,
        sink: Option<&dyn PageSink>,
    ) -> Result<Reply<Output>> {
        if let Some(gate) = self.gate {
            gate.check()?;
        }
        Ok(call_times::measure_reply(|| match self.executor {
            Executor::Backend(backend) => backend.run(program, sink),
            Executor::Session(session) => session.run(program, sink),
        }))
    }

    pub(crate) fn execute(
        self,
        sql: &str,
        params: Params,
    ) -> StatementFuture<impl FnOnce(StepOutcome) -> Result<Executed>> {
        StatementFuture::begin(self, sql, params, Fetch::Nothing, |outcome| {
            Ok(Executed::from(&outcome))
        })
    }

    /// See the public method `run`.
    pub(crate) fn run_one(
        self,
        sql: &str,
        params: Params,
    ) -> StatementFuture<impl FnOnce(StepOutcome) -> Result<RunResult>> {
        StatementFuture::begin(self, sql, params, Fetch::Described, |outcome| Ok(outcome.into()))
    }

    /// See the public method `describe`.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn describe(
        self,
        sql: &str,
    ) -> StatementFuture<impl FnOnce(StepOutcome) -> Result<Described>> {
        StatementFuture::begin(self, sql, Params::new(), Fetch::Compiled, |outcome| {
            Ok(outcome.into())
        })
    }

    pub(crate) fn query<T: FromRow>(
        self,
        sql: &str,
        params: Params,
    ) -> StatementFuture<impl FnOnce(StepOutcome) -> Result<Vec<T>>> {
        StatementFuture::begin(self, sql, params, Fetch::All, |outcome| {
            outcome.rows.into_iter().map(T::from_row).collect()
        })
    }

    #[inline]
    pub(crate) fn query_optional<T: FromRow>(
        self,
        sql: &str,
        params: Params,
    ) -> StatementFuture<impl FnOnce(StepOutcome) -> Result<Option<T>>> {
        StatementFuture::begin(self, sql, params, Fetch::First, |outcome| {
            outcome.rows.into_first().map(T::from_row).transpose()
        })
    }

    #[inline]
    pub(crate) fn query_one<T: FromRow>(
        self,
        sql: &str,
        params: Params,
    ) -> StatementFuture<impl FnOnce(StepOutcome) -> Result<T>> {
        StatementFuture::begin(self, sql, params, Fetch::First, |outcome| {
            match outcome.rows.into_first() {
                Some(row) => T::from_row(row),
                None => Err(no_row()),
            }
        })
    }

    #[inline]
    pub(crate) fn query_value<T>(
        self,
        sql: &str,
        params: Params,
    ) -> StatementFuture<impl FnOnce(StepOutcome) -> Result<T>>
    where
        T: for<'v> FromValue<'v>,
    {
        StatementFuture::begin(self, sql, params, Fetch::First, |outcome| {
            outcome.rows.into_first().ok_or_else(no_row)?.get(0)
        })
    }

    pub(crate) fn stream(self, sql: &str, params: Params) -> RowStream<'a> {
        let trace = CallTrace::of_stream(self.trace, sql);
        let reply = trace.within(|| match (params.checked(), self.executor) {
            (Ok(params), Executor::Backend(backend)) => {
                call_times::measure_reply(|| backend.stream(sql, params))
            }
            (Ok(params), Executor::Session(session)) => {
                call_times::measure_reply(|| session.stream(sql, params))
            }
            (Err(error), _) => Reply::err(error),
        });
        RowStream::new(reply, self.limit, trace)
    }

    pub(crate) async fn execute_many(self, sql: String, mut rows: Fed<Params>) -> Result<u64> {
        let (_entered, target) = self.enter()?;
        let mut many = BulkWriter::new(target);
        while let Some((index, row)) = poll_fn(|cx| rows.poll_next(cx)).await? {
            let mut next = Some((index, row));
            // Rows that are here already need no waiting for each one.
            while let Some((index, row)) = next {
                let row = row.checked().map_err(|error| error.with_index(index))?;
                many.add(index, &sql, row.names(), row.values().iter().map(Value::as_ref));
                next = if many.is_full() { None } else { rows.ready() };
            }
            many.send_full().await?;
        }
        many.finish().await
    }

    pub(crate) async fn batch(self, batch: Batch) -> Result<Vec<Executed>> {
        for (index, step) in batch.steps.iter().enumerate() {
            step.params.check().map_err(|error| error.with_index(index))?;
        }
        let program = Program { steps: batch.steps, access: Access::Write, schema: None };
        let output = self.run(program, None).await?;
        Ok(output.steps.iter().map(Executed::from).collect())
    }
}

impl From<&crate::program::StepOutcome> for Executed {
    fn from(outcome: &crate::program::StepOutcome) -> Self {
        Self { rows_changed: outcome.changes, last_row_id: outcome.last_row_id }
    }
}

#[cold]
pub(crate) fn no_row() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "the query returned no row; if that is not an error, ask for an optional row",
    )
}

/// Waits for a reply for at most `limit`. `harmless`: the call changes nothing, or
/// dropping it undoes it.
///
/// # Errors
/// `Timeout` if the limit passed and the call had no effect; `OutcomeUnknown` if
/// the backend can't tell whether it had one.
pub(crate) async fn limited<T>(
    mut reply: Reply<T>,
    limit: Option<Duration>,
    harmless: bool,
) -> Result<T> {
    // A reply that is here needs no timer.
    if reply.is_ready() {
        return reply.await;
    }
    let ended = {
        let mut alarm = pin!(limit.map(platform::sleep));
        let mut stopping = false;
        poll_fn(|cx| {
            if !stopping && context::is_withdrawn() {
                stopping = reply.interrupt();
                if !stopping && harmless {
                    return Poll::Ready(Err(WaitEnd::Withdrawn));
                }
            }
            if let Poll::Ready(result) = Pin::new(&mut reply).poll(cx) {
                return Poll::Ready(Ok(result));
            }
            match alarm.as_mut().as_pin_mut() {
                Some(alarm) => alarm.poll(cx).map(|()| Err(WaitEnd::TooLate)),
                None => Poll::Pending,
            }
        })
        .await
    };
    let limit = match (ended, limit) {
        (Ok(result), _) => return result,
        (Err(WaitEnd::TooLate), Some(limit)) => limit,
        (Err(_), _) => return Err(Error::withdrawn()),
    };
    if reply.interrupt() {
        // The statement stops, or was just committed: the reply tells which.
        return match reply.await {
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(timed_out(limit)),
            result => result,
        };
    }
    drop(reply);
    if harmless {
        return Err(timed_out(limit));
    }
    Err(Error::new(
        ErrorKind::OutcomeUnknown,
        format!("the call took longer than {limit:?}; it is not known whether it was done"),
    ))
}

/// Why waiting for a reply ended.
enum WaitEnd {
    TooLate,
    Withdrawn,
}

fn timed_out(limit: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!("the call took longer than {limit:?}; nothing was changed"),
    )
}
