//! Traces of statements: a span for each, with the time that it waited and the time that it ran.
//!
//! Spans have the names and attributes of OpenTelemetry's conventions for databases,
//! <https://opentelemetry.io/docs/specs/semconv/database/>. Parameters are never in them. Without
//! the feature `tracing` there is nothing here.

#[cfg_attr(not(feature = "tracing"), path = "off.rs")]
#[cfg_attr(feature = "tracing", path = "on.rs")]
mod recorded;

use std::future::poll_fn;
use std::pin::pin;

use crate::error::Result;
use crate::program::{Output, Program};
pub(crate) use recorded::{CallTrace, TraceSettings};

/// Begins the trace of a program.
#[inline]
pub(crate) fn of_program(settings: Option<&TraceSettings>, program: &Program<'_>) -> CallTrace {
    match program.steps.first() {
        // A table's schema is read for a statement that has a span of its own.
        Some(first) if !program.reads_schema() => {
            CallTrace::begin(settings, &first.sql, program.steps.len())
        }
        _ => CallTrace::none(),
    }
}

/// Waits within the span of a trace.
pub(crate) async fn within<F: Future>(trace: &CallTrace, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| trace.within(|| future.as_mut().poll(cx))).await
}

/// Waits for a call without rows, within the span of its trace, and ends that.
pub(crate) async fn run<T>(
    mut trace: CallTrace,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let result = within(&trace, future).await;
    trace.end(|| result.as_ref().map(|_| 0));
    result
}

/// Ends the trace of a program.
#[inline]
pub(crate) fn end_program(trace: &mut CallTrace, result: &Result<Output>) {
    trace.end(|| match result {
        Ok(output) => Ok(output.steps.last().map_or(0, |step| step.rows.len())),
        Err(error) => Err(error),
    });
}
