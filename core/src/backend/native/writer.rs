//! The one connection that writes: its queue, and its holder.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::group::{self, Write};
use super::pin::Pin;
use super::slot::{Slot, Tenant, Upkeep};
use crate::backend::Completer;
use crate::error::Error;
use crate::platform::timer;

/// The writer's connection, and the queue for it. Strictly in order of request: no write overtakes
/// another, and a transaction waits just like a single write.
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

impl Queue {
    /// Whether nobody has or wants the writer.
    fn is_free(&self) -> bool {
        matches!(self.holder, Holder::Nobody) && self.entries.is_empty()
    }
}

#[derive(Debug, Default)]
enum Holder {
    #[default]
    Nobody,
    /// Work that proceeds on its own.
    Work,
    /// A transaction waiting for its caller.
    Transaction(Tenure),
}

/// What shows whether a transaction makes progress.
#[derive(Debug, Clone)]
pub(super) struct Tenure {
    /// Records what its holder does.
    pub(super) pin: Arc<Pin>,
    /// Where its statements run.
    pub(super) slot: Arc<Slot>,
}

impl Tenure {
    /// Returns the tenure of a transaction on the writer's own connection.
    pub(super) fn of_writer(shared: &Shared) -> Self {
        Self { pin: Pin::new(), slot: Arc::clone(&shared.writer.slot) }
    }

    /// Returns how long the holder has made no progress. A statement that runs or waits, however
    /// long, makes progress; a stream does while its rows are read.
    fn idle(&self) -> Duration {
        match self.slot.tenant() {
            Some(Tenant::Stream(channel)) => channel.stalled().unwrap_or_default(),
            _ => self.pin.idle(),
        }
    }
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "most entries are writes")]
pub(super) enum Entry {
    Write(Write),
    Claim { completer: Completer<WriterClaim>, since: Instant, tenure: Tenure },
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

/// The exclusive use of the writer, returned when dropped. Its holder leaves no transaction open.
#[derive(Debug)]
pub(super) struct WriterClaim {
    shared: Arc<Shared>,
    pin: Arc<Pin>,
}

impl WriterClaim {
    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.shared.writer.slot
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn pin(&self) -> &Arc<Pin> {
        &self.pin
    }
}

impl Drop for WriterClaim {
    fn drop(&mut self) {
        next(&self.shared);
    }
}

impl Writer {
    pub(super) fn new(upkeep: Upkeep) -> Self {
        Self { slot: Slot::new(upkeep), queue: Mutex::default(), returned: Condvar::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the writer if nobody has or wants it, for work that ends at once.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        let mut queue = self.queue();
        let free = queue.is_free();
        if free {
            queue.holder = Holder::Work;
        }
        free
    }

    /// Takes the writer for a transaction if nobody has or wants it.
    pub(super) fn try_claim(shared: &Arc<Shared>, tenure: Tenure) -> Option<WriterClaim> {
        let mut queue = shared.writer.queue();
        if !queue.is_free() {
            return None;
        }
        let pin = Arc::clone(&tenure.pin);
        queue.holder = Holder::Transaction(tenure);
        Some(WriterClaim { shared: Arc::clone(shared), pin })
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

    /// Returns the writes at the head of the queue, as many as may share a transaction.
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

    /// Waits until nobody has or wants the writer, or until `until`.
    pub(super) fn wait_idle(&self, until: Instant) -> bool {
        let mut queue = self.queue();
        queue.closing = true;
        loop {
            if queue.is_free() {
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
        self.slot.end();
        self.slot.join();
    }
}

/// Passes the writer on to the next in the queue. The caller has it, and no longer does after this.
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
                let Some(Entry::Claim { completer, tenure, .. }) = queue.entries.pop_front() else {
                    continue;
                };
                if completer.is_given_up() {
                    drop(queue);
                    drop(completer);
                    continue;
                }
                let pin = Arc::clone(&tenure.pin);
                // Its time begins now.
                pin.touch();
                queue.holder = Holder::Transaction(tenure);
                if !queue.entries.is_empty() {
                    watch(shared, queue);
                } else {
                    drop(queue);
                }
                let claim = WriterClaim { shared: Arc::clone(shared), pin };
                // A claim that nobody takes any more is passed on when dropped.
                drop(completer.answer(Ok(claim)));
                return;
            }
        }
    }
}

/// Ensures that callers waiting for a transaction get `Busy` when it has made no progress for the
/// busy timeout: it may be waiting for them.
fn watch(shared: &Arc<Shared>, mut queue: MutexGuard<'_, Queue>) {
    if queue.watched {
        return;
    }
    let Holder::Transaction(tenure) = &queue.holder else { return };
    let timeout = shared.options.busy_timeout;
    let idle = tenure.idle();
    let Some(first) = queue.entries.iter().map(Entry::since).min() else { return };
    let left = timeout.saturating_sub(first.elapsed().min(idle));
    // What the holder does on its own thread can only be seen by looking.
    let Some(at) = Instant::now().checked_add(left.min((timeout / 4).max(LOOK))) else { return };
    queue.watched = true;
    drop(queue);
    let shared = Arc::downgrade(shared);
    timer::schedule(at, move || {
        if let Some(shared) = shared.upgrade() {
            refuse_overdue(&shared, timeout);
        }
    });
}

/// The shortest time between two looks at a transaction that others are waiting for.
const LOOK: Duration = Duration::from_millis(10);

fn refuse_overdue(shared: &Arc<Shared>, timeout: Duration) {
    let mut overdue = Vec::new();
    let mut queue = shared.writer.queue();
    queue.watched = false;
    if let Holder::Transaction(tenure) = &queue.holder {
        if tenure.idle() >= timeout {
            let mut index = 0;
            while let Some(entry) = queue.entries.get(index) {
                if entry.since().elapsed() >= timeout {
                    overdue.extend(queue.entries.remove(index));
                } else {
                    index += 1;
                }
            }
        }
        if !queue.entries.is_empty() {
            watch(shared, queue);
        } else {
            drop(queue);
        }
    }
    for entry in overdue {
        entry.refuse(Error::held_too_long(timeout));
    }
}
