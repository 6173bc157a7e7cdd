//! What a client receives for a request before its reply.

use std::sync::Arc;

use super::exit::Exit;
use super::feed::Credit;
use super::server::ServerInner;
use super::timed::Timed;
use crate::program::PageSink;
use crate::row::Page;

/// The client that made a request, as the receiver of what comes before its reply.
pub(super) struct Requester<'a> {
    pub(super) inner: &'a ServerInner,
    pub(super) id: u32,
    pub(super) timed: Option<&'a Arc<Timed>>,
}

impl Credit for Requester<'_> {
    fn credit(&self, id: u32) {
        self.inner.credit(id);
    }
}

impl PageSink for Requester<'_> {
    fn take(&self, page: &Page) {
        count(self.timed, page);
        self.inner.exit.part(self.id, page);
    }

    fn lasting(&self) -> Option<Arc<dyn PageSink>> {
        let exit = &self.inner.exit;
        exit.ordered.then(|| {
            let timed = self.timed.cloned();
            Arc::new(LastingRequester { exit: Arc::clone(exit), id: self.id, timed }) as _
        })
    }
}

/// The same on another thread, while the request is under way.
struct LastingRequester {
    exit: Arc<Exit>,
    id: u32,
    timed: Option<Arc<Timed>>,
}

impl PageSink for LastingRequester {
    fn take(&self, page: &Page) {
        count(self.timed.as_ref(), page);
        self.exit.part(self.id, page);
    }
}

fn count(timed: Option<&Arc<Timed>>, page: &Page) {
    if let Some(timed) = timed {
        timed.add_rows(page.rows());
    }
}
