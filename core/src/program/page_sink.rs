//! Rows that are delivered before their statement is done.

use std::sync::Arc;

use crate::platform::{MaybeSend, MaybeSync};
use crate::row::Page;

/// Takes pages of a long result while its statement still runs.
pub trait PageSink: MaybeSend + MaybeSync {
    /// Takes the next rows. The page belongs to its lender again afterwards.
    fn take(&self, page: &Page);

    /// Returns the same for a statement that runs after its call has returned. With
    /// `None`, its rows are delivered all at once.
    fn lasting(&self) -> Option<Arc<dyn PageSink>> {
        None
    }
}
