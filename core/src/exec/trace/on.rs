//! Spans of the crate `tracing`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Level, Span};

use crate::backend::Control;
use crate::backend::call_times::{self, CallTimes};
use crate::error::Error;
use crate::sql::summary;

/// What the traces of a database say of it, and which statements are slow.
#[derive(Debug, Clone, Default)]
pub(crate) struct TraceSettings(Option<Arc<Traced>>);

#[derive(Debug)]
struct Traced {
    namespace: String,
    slow: Option<Duration>,
}

impl TraceSettings {
    /// The settings of a database at `path`, of which statements that run for at least `slow` are
    /// reported.
    pub(crate) fn new(path: &Path, slow: Option<Duration>) -> Self {
        Self(Some(Arc::new(Traced { namespace: path.to_string_lossy().into_owned(), slow })))
    }

    fn namespace(&self) -> &str {
        self.0.as_ref().map_or("", |traced| &traced.namespace)
    }

    fn slow(&self) -> Option<Duration> {
        self.0.as_ref().and_then(|traced| traced.slow)
    }
}

/// The trace of one call; dropped before its end, it says that the call was cancelled.
#[derive(Debug)]
pub(crate) struct CallTrace(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    span: Span,
    times: Arc<CallTimes>,
    settings: TraceSettings,
    /// For the report that it was slow.
    sql: Option<Box<str>>,
    rows: usize,
    /// Whoever drops a stream has read enough, and has not cancelled anything.
    stream: bool,
}

#[inline]
fn is_wanted(settings: Option<&TraceSettings>) -> bool {
    let slow = settings.and_then(TraceSettings::slow);
    slow.is_some() || tracing::enabled!(target: "ubiqlite", Level::INFO)
}

impl CallTrace {
    /// The trace of a call that has none.
    #[inline]
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Begins the trace of a call of `steps` statements, whose first is `sql`, if somebody wants it.
    /// Its span is a child of the present one.
    #[inline]
    pub(crate) fn begin(settings: Option<&TraceSettings>, sql: &str, steps: usize) -> Self {
        if !is_wanted(settings) {
            return Self(None);
        }
        let summary = if steps > 1 { "BATCH".to_owned() } else { summary(sql) };
        Self(Some(Box::new(Open::new(settings, Some(sql), &summary, steps))))
    }

    /// Begins the trace of what begins or ends a transaction or a savepoint.
    #[inline]
    pub(crate) fn of_control(settings: Option<&TraceSettings>, control: Control) -> Self {
        if is_wanted(settings) { Self::begin(settings, &control.sql(), 1) } else { Self(None) }
    }

    /// Begins the trace of what has no SQL.
    pub(crate) fn of_operation(settings: Option<&TraceSettings>, name: &str) -> Self {
        if !is_wanted(settings) {
            return Self(None);
        }
        Self(Some(Box::new(Open::new(settings, None, name, 1))))
    }

    /// Begins the trace of a stream.
    pub(crate) fn of_stream(settings: Option<&TraceSettings>, sql: &str) -> Self {
        let mut trace = Self::begin(settings, sql, 1);
        if let Some(open) = &mut trace.0 {
            open.stream = true;
        }
        trace
    }

    /// Does the call's work, or a part of it, within its span.
    #[inline]
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let Some(open) = &self.0 else { return work() };
        let _times = call_times::enter(Some(&open.times));
        open.span.in_scope(work)
    }

    /// Counts rows of a stream.
    #[inline]
    pub(crate) fn add_rows(&mut self, rows: usize) {
        if let Some(open) = &mut self.0 {
            open.rows += rows;
        }
    }

    /// Ends it, with how many rows there were besides those that were counted, or with the error.
    #[inline]
    pub(crate) fn end<'e>(&mut self, how: impl FnOnce() -> Result<usize, &'e Error>) {
        if let Some(open) = self.0.take() {
            open.end(how());
        }
    }
}

impl Drop for CallTrace {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        if open.stream {
            return open.end(Ok(0));
        }
        open.span.record("error.type", "Cancelled");
        open.finish();
    }
}

impl Open {
    #[cold]
    fn new(
        settings: Option<&TraceSettings>,
        sql: Option<&str>,
        summary: &str,
        steps: usize,
    ) -> Self {
        let settings = settings.cloned().unwrap_or_default();
        let operation = summary.split(' ').next().unwrap_or_default();
        let span = tracing::span!(
            target: "ubiqlite",
            Level::INFO,
            "ubiqlite.call",
            "otel.name" = summary,
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "db.system.name" = "sqlite",
            "db.namespace" = settings.namespace(),
            "db.query.text" = sql,
            "db.query.summary" = summary,
            "db.operation.name" = operation,
            "db.operation.batch.size" = Empty,
            "db.response.returned_rows" = Empty,
            "db.response.status_code" = Empty,
            "error.type" = Empty,
            "ubiqlite.queue_wait" = Empty,
            "ubiqlite.run" = Empty,
        );
        if steps > 1 {
            span.record("db.operation.batch.size", steps as u64);
        }
        let sql = settings.slow().and(sql).map(Into::into);
        Self { span, times: Arc::default(), settings, sql, rows: 0, stream: false }
    }

    fn end(self, how: Result<usize, &Error>) {
        match how {
            Ok(rows) => {
                self.span.record("db.response.returned_rows", (self.rows + rows) as u64);
            }
            Err(error) => {
                self.span.record("otel.status_code", "ERROR");
                self.span.record("error.type", error.kind().name());
                if let Some(code) = error.code() {
                    self.span.record("db.response.status_code", code.to_string());
                }
            }
        }
        self.finish();
    }

    fn finish(self) {
        let (waited, ran) = (self.times.waited(), self.times.ran());
        self.span.record("ubiqlite.queue_wait", waited.as_secs_f64());
        self.span.record("ubiqlite.run", ran.as_secs_f64());
        if let (Some(slow), Some(sql)) = (self.settings.slow(), &self.sql)
            && ran >= slow
        {
            tracing::event!(
                target: "ubiqlite::slow",
                parent: &self.span,
                Level::WARN,
                "db.namespace" = self.settings.namespace(),
                "db.query.text" = &**sql,
                "ubiqlite.queue_wait" = waited.as_secs_f64(),
                "ubiqlite.run" = ran.as_secs_f64(),
                "slow statement"
            );
        }
    }
}
