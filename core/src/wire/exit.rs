//! Where a client's replies go, from any thread.

use std::sync::atomic::{AtomicU64, Ordering};
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
    /// The number of the request whose call runs, and [`PARTED`] when a part of its reply
    /// was written: the rest must not overtake it.
    called: AtomicU64,
}

/// Behind the bits of a request's number.
const PARTED: u64 = 1 << 32;

impl Exit {
    pub(super) fn new(host: Box<dyn Host>, out: Outbox, ordered: bool) -> Self {
        Self { host, ordered, out: Mutex::new(out), called: AtomicU64::new(0) }
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

    /// A call begins, whose answer its caller is given beside the replies. A client that
    /// reads in order makes one at a time.
    pub(super) fn call(&self, id: u32) {
        if self.ordered {
            self.called.store(u64::from(id), Ordering::Release);
        }
    }

    /// Whether parts of that call's reply are among the replies already.
    pub(super) fn has_parts(&self, id: u32) -> bool {
        self.ordered && self.called.load(Ordering::Acquire) == u64::from(id) | PARTED
    }

    /// Writes rows of a query that still runs.
    pub(super) fn part(&self, id: u32, page: &Page) {
        let id64 = u64::from(id);
        // Where another call runs meanwhile, the one of this request has returned.
        let _ =
            self.called.compare_exchange(id64, id64 | PARTED, Ordering::AcqRel, Ordering::Relaxed);
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
