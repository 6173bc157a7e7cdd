//! Where the items of an operation on many rows come from.

use std::task::{Context, Poll};

use crate::error::Result;

/// Where the items of an operation on many rows come from, each with its index
/// in the caller's list.
pub(crate) trait Items<T> {
    /// Returns the next item, or `None` after the last.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(usize, T)>>>;
}
