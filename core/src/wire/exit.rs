//! Where a client's replies go, from any thread.

use std::sync::{Mutex, PoisonError};

use super::reply::Outbox;
use super::server::Host;
use crate::row::Page;

/// So many bytes of a long reply are told of together: enough that a message costs
/// little beside them, and few enough that both sides are soon at work.
const PART: usize = 1 << 18;

/// It outlives its server in the hands of a statement that still runs, and holds nothing
/// of the database.
pub(super) struct Exit {
    pub(super) host: Box<dyn Host>,
    out: Mutex<Outbox>,
    /// The client reads its replies in order, so that one may come in several parts.
    pub(super) ordered: bool,
}

impl Exit {
    pub(super) fn new(host: Box<dyn Host>, out: Outbox, ordered: bool) -> Self {
        Self { host, ordered, out: Mutex::new(out) }
    }

    /// Writes replies, and tells the host where there were none.
    pub(super) fn write(&self, write: impl FnOnce(&mut Outbox)) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let first = out.is_empty();
        write(&mut out);
        drop(out);
        if first {
            self.host.ready();
        }
    }

    /// Writes rows of a query that still runs.
    pub(super) fn part(&self, id: u32, page: &Page) {
        let mut full = false;
        self.write(|out| {
            out.part(id, page);
            full = out.bytes().len() >= PART;
        });
        if full {
            self.host.part();
        }
    }

    /// Gives the replies for memory that is used again.
    pub(super) fn exchange(&self, memory: &mut Vec<u8>) {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).exchange(memory);
    }
}
