//! Rows that are told before their statement is done.

use std::sync::Arc;

use crate::platform::{MaybeSend, MaybeSync};
use crate::row::Page;

/// Takes pages of a long result while its statement still runs.
pub trait Early: MaybeSend + MaybeSync {
    /// The next rows. The page is its lender's again afterwards.
    fn take(&self, page: &Page);

    /// The same for a statement that runs after the call that asks for it has returned;
    /// `None`: then its rows are told all at once.
    fn lasting(&self) -> Option<Arc<dyn Early>> {
        None
    }
}
