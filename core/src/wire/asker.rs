//! What a client receives for a request before its answer.

use std::sync::Arc;

use super::exit::Exit;
use super::feed::Credit;
use super::server::Inner;
use crate::program::Early;
use crate::row::Page;

/// The client that made a request, as the receiver of what comes before its answer.
pub(super) struct Asker<'a> {
    pub(super) inner: &'a Inner,
    pub(super) id: u32,
}

impl Credit for Asker<'_> {
    fn credit(&self, id: u32) {
        self.inner.credit(id);
    }
}

impl Early for Asker<'_> {
    fn take(&self, page: &Page) {
        self.inner.exit.part(self.id, page);
    }

    fn lasting(&self) -> Option<Arc<dyn Early>> {
        let exit = &self.inner.exit;
        exit.ordered.then(|| Arc::new(Parts { exit: Arc::clone(exit), id: self.id }) as _)
    }
}

/// The same on another thread, while the request is under way.
struct Parts {
    exit: Arc<Exit>,
    id: u32,
}

impl Early for Parts {
    fn take(&self, page: &Page) {
        self.exit.part(self.id, page);
    }
}
