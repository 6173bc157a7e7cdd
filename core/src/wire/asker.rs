//! What a client is told of a request before its answer.

use super::feed::Credit;
use super::server::Inner;
use crate::backend::Early;
use crate::row::Page;

/// So many bytes of a long reply are told of together: enough that a message costs
/// little beside them, and few enough that both sides are soon at work.
const PART: usize = 1 << 18;

/// The client that asked for something, as it is told of it before its answer.
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
        let mut full = false;
        self.inner.out(|out| {
            out.part(self.id, page);
            full = out.bytes().len() >= PART;
        });
        if full {
            self.inner.host.part();
        }
    }
}
