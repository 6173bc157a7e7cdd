//! The one connection that writes: its queue, and who has it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::group::{self, Write};
use super::slot::Slot;
use crate::backend::Completer;
use crate::error::{Error, ErrorKind};
use crate::platform::timer;

/// The writer's connection, and the queue of those who want it. Strictly in the
/// order of asking: no write overtakes another, and a transaction waits like a
/// single write does.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) slot: Arc<Slot>,
    queue: Mutex<Queue>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    holder: Holder,
    watched: bool,
    closing: bool,
    closed: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Holder {
    #[default]
    Nobody,
    /// Work that goes on by itself.
    Work,
    /// A transaction that waits for its caller, since then.
    Transaction(Instant),
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "most entries are writes")]
pub(super) enum Entry {
    Write(Write),
    Claim { completer: Completer<WriterClaim>, since: Instant },
}

impl Entry {
    fn since(&self) -> Instant {
        match self {
            Self::Write(write) => write.since,
            Self::Claim { since, .. } => *since,
        }
    }

    fn refuse(self, error: Error) {
        match self {
            Self::Write(write) => drop(write.completer.answer(Err(error))),
            Self::Claim { completer, .. } => drop(completer.answer(Err(error))),
        }
    }
}

/// The exclusive use of the writer, given back when dropped. Whoever holds it
/// leaves no transaction open.
#[derive(Debug)]
pub(super) struct WriterClaim {
    shared: Arc<Shared>,
}

impl WriterClaim {
    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.shared.writer.slot
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for WriterClaim {
    fn drop(&mut self) {
        next(&self.shared);
    }
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { slot: Arc::default(), queue: Mutex::default(), returned: Condvar::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the writer if nobody has or wants it, for work that is over at once.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        let mut queue = self.queue();
        let free = queue.holder == Holder::Nobody && queue.entries.is_empty();
        if free {
            queue.holder = Holder::Work;
        }
        free
    }

    /// Takes the writer for a transaction if nobody has or wants it.
    pub(super) fn try_claim(shared: &Arc<Shared>) -> Option<WriterClaim> {
        let mut queue = shared.writer.queue();
        if queue.holder != Holder::Nobody || !queue.entries.is_empty() {
            return None;
        }
        queue.holder = Holder::Transaction(Instant::now());
        Some(WriterClaim { shared: Arc::clone(shared) })
    }

    /// Queues for the writer.
    pub(super) fn enqueue(shared: &Arc<Shared>, entry: Entry) {
        let mut queue = shared.writer.queue();
        if queue.closed {
            drop(queue);
            return entry.refuse(Error::closed("database"));
        }
        queue.entries.push_back(entry);
        match queue.holder {
            Holder::Nobody => {
                queue.holder = Holder::Work;
                drop(queue);
                next(shared);
            }
            Holder::Work => {}
            Holder::Transaction(_) => watch(shared, queue),
        }
    }

    /// The writes at the head of the queue, as many as may share a transaction.
    pub(super) fn take_batch(&self) -> Vec<Write> {
        let mut queue = self.queue();
        let mut batch = Vec::new();
        while batch.len() < group::MOST {
            match queue.entries.pop_front() {
                Some(Entry::Write(write)) => batch.push(write),
                Some(claim) => {
                    queue.entries.push_front(claim);
                    break;
                }
                None => break,
            }
        }
        batch
    }

    /// Waits until nobody has or wants the writer, or `until`.
    pub(super) fn wait_idle(&self, until: Instant) -> bool {
        let mut queue = self.queue();
        queue.closing = true;
        loop {
            if queue.holder == Holder::Nobody && queue.entries.is_empty() {
                return true;
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            queue =
                self.returned.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes the connection. What was still running is interrupted.
    pub(super) fn close(&self) {
        let entries = {
            let mut queue = self.queue();
            queue.closed = true;
            std::mem::take(&mut queue.entries)
        };
        for entry in entries {
            entry.refuse(Error::closed("database"));
        }
        self.slot.close();
        self.slot.stop(&Error::closed("database"));
        self.slot.join();
    }
}

/// Gives the writer to the next in the queue. The caller has it, and has it no
/// more after this.
pub(super) fn next(shared: &Arc<Shared>) {
    loop {
        let mut queue = shared.writer.queue();
        match queue.entries.front() {
            None => {
                queue.holder = Holder::Nobody;
                if queue.closing {
                    shared.writer.returned.notify_all();
                }
                return;
            }
            Some(Entry::Write(_)) => {
                queue.holder = Holder::Work;
                drop(queue);
                let on_thread = Arc::clone(shared);
                shared.writer.slot.submit(Box::new(move |connection| {
                    group::serve(&on_thread, connection);
                }));
                return;
            }
            Some(Entry::Claim { .. }) => {
                let Some(Entry::Claim { completer, .. }) = queue.entries.pop_front() else {
                    continue;
                };
                if completer.is_given_up() {
                    drop(queue);
                    drop(completer);
                    continue;
                }
                queue.holder = Holder::Transaction(Instant::now());
                if !queue.entries.is_empty() {
                    watch(shared, queue);
                } else {
                    drop(queue);
                }
                let claim = WriterClaim { shared: Arc::clone(shared) };
                // A claim that nobody takes any more goes on by its drop.
                drop(completer.answer(Ok(claim)));
                return;
            }
        }
    }
}

/// Sees to it that those who wait for a transaction get `Busy` when it does not
/// end within the busy timeout: it may be waiting for them.
fn watch(shared: &Arc<Shared>, mut queue: MutexGuard<'_, Queue>) {
    if queue.watched {
        return;
    }
    let Holder::Transaction(held) = queue.holder else { return };
    let timeout = shared.options.busy_timeout;
    let first = queue.entries.iter().map(Entry::since).min().unwrap_or_else(Instant::now);
    let Some(at) = first.max(held).checked_add(timeout) else { return };
    queue.watched = true;
    drop(queue);
    let shared = Arc::downgrade(shared);
    timer::schedule(at, move || {
        if let Some(shared) = shared.upgrade() {
            refuse_overdue(&shared, timeout);
        }
    });
}

fn refuse_overdue(shared: &Arc<Shared>, timeout: Duration) {
    let mut overdue = Vec::new();
    let mut queue = shared.writer.queue();
    queue.watched = false;
    if let Holder::Transaction(held) = queue.holder {
        let now = Instant::now();
        let mut index = 0;
        while let Some(entry) = queue.entries.get(index) {
            if entry.since().max(held) + timeout <= now {
                overdue.extend(queue.entries.remove(index));
            } else {
                index += 1;
            }
        }
        if !queue.entries.is_empty() {
            watch(shared, queue);
        } else {
            drop(queue);
        }
    }
    for entry in overdue {
        entry.refuse(Error::new(
            ErrorKind::Busy,
            format!(
                "a transaction of this database has held the writer for more than {timeout:?}; if this call was made inside that transaction, make it through the transaction itself"
            ),
        ));
    }
}
