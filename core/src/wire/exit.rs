//! Where a client's replies go, from any thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::reply::Outbox;
use super::server::Host;
use crate::row::Page;

/// How many bytes of a long reply are announced together: enough that a message costs little in
/// comparison, and few enough that both sides are soon at work.
const PART: usize = 1 << 18;

/// The way out for replies. It outlives its server while a statement that still runs holds it, and
/// holds nothing of the database.
pub(super) struct Exit {
    pub(super) host: Box<dyn Host>,
    out: Mutex<Outbox>,
    /// The client reads its replies in order, so one may come in several parts.
    pub(super) ordered: bool,
    /// The number of the request whose call is running, with [`PARTED`] once a part of its reply
    /// was written: the rest must not overtake it.
    called: AtomicU64,
}

/// The bit above those of a request's number.
const PARTED: u64 = 1 << 32;

impl Exit {
    pub(super) fn new(host: Box<dyn Host>, out: Outbox, ordered: bool) -> Self {
        Self { host, ordered, out: Mutex::new(out), called: AtomicU64::new(0) }
    }

    /// Writes replies, and notifies the host if there were none.
    pub(super) fn write(&self, write: impl FnOnce(&mut Outbox)) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let first = out.is_empty();
        write(&mut out);
        drop(out);
        if first {
            self.host.ready();
        }
    }

    /// Notes that a call begins whose reply goes straight to its caller, outside the other replies.
    /// A client that reads in order makes one at a time.
    pub(super) fn call(&self, id: u32) {
        if self.ordered {
            self.called.store(u64::from(id), Ordering::Release);
        }
    }

    /// Whether parts of that call's reply are already among the replies.
    pub(super) fn has_parts(&self, id: u32) -> bool {
        self.ordered && self.called.load(Ordering::Acquire) == u64::from(id) | PARTED
    }

    /// Writes rows of a query that is still running.
    pub(super) fn part(&self, id: u32, page: &Page) {
        let id64 = u64::from(id);
        // If another call is running by now, the one of this request has returned.
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

    /// Swaps the replies for memory to use again.
    pub(super) fn exchange(&self, memory: &mut Vec<u8>) {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).exchange(memory);
    }
}
