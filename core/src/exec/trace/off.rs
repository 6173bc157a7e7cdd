//! No traces.

use std::path::Path;
use std::time::Duration;

use crate::backend::Control;
use crate::error::Error;

/// What the traces of a database say of it: nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct TraceSettings {}

impl TraceSettings {
    pub(crate) fn new(_path: &Path, _slow: Option<Duration>) -> Self {
        Self {}
    }
}

/// The trace of a call: none.
#[derive(Debug)]
pub(crate) struct CallTrace;

impl CallTrace {
    #[inline]
    pub(crate) fn none() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn begin(_settings: Option<&TraceSettings>, _sql: &str, _steps: usize) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn of_control(_settings: Option<&TraceSettings>, _control: Control) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn of_operation(_settings: Option<&TraceSettings>, _name: &str) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn of_stream(_settings: Option<&TraceSettings>, _sql: &str) -> Self {
        Self
    }

    /// Does the call's work.
    #[inline]
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    /// Counts rows of a stream.
    #[inline]
    pub(crate) fn add_rows(&mut self, _rows: usize) {}

    /// Ends it.
    #[inline]
    pub(crate) fn end<'e>(&mut self, _how: impl FnOnce() -> Result<usize, &'e Error>) {}
}
