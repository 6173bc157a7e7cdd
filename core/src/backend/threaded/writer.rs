//! The one connection that writes: its queue, and its holder.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::group::{self, QueuedWrite};
use super::idle_watch::IdleWatch;
use super::slot::{LongHolder, Slot, Upkeep};
use crate::backend::Completer;
use crate::backend::counters::SpentCounter;
use crate::error::Error;
use crate::platform::timer;

/// The writer's connection, and the queue for it. Strictly in order of request: no write overtakes
/// another, and a transaction waits just like a single write.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) slot: Arc<Slot>,
    queue: Mutex<WriterQueue>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct WriterQueue {
    entries: VecDeque<WriterEntry>,
    holder: WriterUse,
    /// Since when a transaction has it.
    held_since: Option<Instant>,
    watched: bool,
    closing: bool,
    closed: bool,
}

impl WriterQueue {
    /// Whether nobody has or wants the writer.
    fn is_free(&self) -> bool {
        matches!(self.holder, WriterUse::Nobody) && self.entries.is_empty()
    }
}

#[derive(Debug, Default)]
enum WriterUse {
    #[default]
    Nobody,
    /// Work that proceeds on its own.
    Work,
    /// A transaction waiting for its caller.
    Transaction(WriterHolder),
}

/// What shows whether a transaction makes progress.
#[derive(Debug, Clone)]
pub(super) struct WriterHolder {
    /// Records what its holder does.
    pub(super) watch: Arc<IdleWatch>,
    /// Where its statements run.
    pub(super) slot: Arc<Slot>,
}

impl WriterHolder {
    /// Returns the holder of a transaction on the writer's own connection.
    pub(super) fn of_writer(shared: &Shared) -> Self {
        Self { watch: IdleWatch::new(), slot: Arc::clone(&shared.writer.slot) }
    }

    /// Returns how long the holder has made no progress. A statement that runs or waits, however
    /// long, makes progress; a stream does while its rows are read.
    fn idle(&self) -> Duration {
        match self.slot.holder() {
            Some(LongHolder::Stream(channel)) => channel.stalled().unwrap_or_default(),
            _ => self.watch.idle(),
        }
    }
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "most entries are writes")]
pub(super) enum WriterEntry {
    Write(QueuedWrite),
    Claim { completer: Completer<WriterClaim>, since: Instant, holder: WriterHolder },
}

impl WriterEntry {
    fn since(&self) -> Instant {
        match self {
            Self::Write(write) => write.since,
            Self::Claim { since, .. } => *since,
        }
    }

    fn refuse(self, error: Error) {
        match self {
            Self::Write(write) => drop(write.completer.complete(Err(error))),
            Self::Claim { completer, .. } => drop(completer.complete(Err(error))),
        }
    }
}

/// The exclusive use of the writer, returned when dropped. Its holder leaves no transaction open.
#[derive(Debug)]
pub(super) struct WriterClaim {
    shared: Arc<Shared>,
    watch: Arc<IdleWatch>,
}

impl WriterClaim {
    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.shared.writer.slot
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn watch(&self) -> &Arc<IdleWatch> {
        &self.watch
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

    fn queue(&self) -> MutexGuard<'_, WriterQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the writer if nobody has or wants it, for work that ends at once.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        let mut queue = self.queue();
        let free = queue.is_free();
        if free {
            queue.holder = WriterUse::Work;
        }
        free
    }

    /// Takes the writer for a transaction if nobody has or wants it.
    pub(super) fn try_claim(shared: &Arc<Shared>, holder: WriterHolder) -> Option<WriterClaim> {
        let mut queue = shared.writer.queue();
        if !queue.is_free() {
            return None;
        }
        let watch = Arc::clone(&holder.watch);
        queue.holder = WriterUse::Transaction(holder);
        queue.held_since = Some(Instant::now());
        Some(WriterClaim { shared: Arc::clone(shared), watch })
    }

    /// Queues for the writer.
    pub(super) fn enqueue(shared: &Arc<Shared>, entry: WriterEntry) {
        let mut queue = shared.writer.queue();
        if queue.closed {
            drop(queue);
            return entry.refuse(Error::closed("database"));
        }
        queue.entries.push_back(entry);
        match queue.holder {
            WriterUse::Nobody => {
                queue.holder = WriterUse::Work;
                drop(queue);
                next(shared);
            }
            WriterUse::Work => {}
            WriterUse::Transaction(_) => watch_queue(shared, queue),
        }
    }

    /// Whether somebody waits for the writer.
    pub(super) fn has_waiting(&self) -> bool {
        !self.queue().entries.is_empty()
    }

    /// Returns the writes at the head of the queue, as many as may share a transaction.
    pub(super) fn take_batch(&self, waits: &SpentCounter) -> Vec<QueuedWrite> {
        let mut queue = self.queue();
        let mut batch: Vec<QueuedWrite> = Vec::new();
        while batch.len() < group::MOST {
            match queue.entries.pop_front() {
                Some(WriterEntry::Write(write)) => batch.push(write),
                Some(claim) => {
                    queue.entries.push_front(claim);
                    break;
                }
                None => break,
            }
        }
        drop(queue);
        let now = Instant::now();
        for write in &batch {
            waits.add(now.saturating_duration_since(write.since));
        }
        batch
    }

    /// Returns how many wait for the writer, and how long the transaction that has it has held it.
    pub(super) fn state(&self) -> (usize, Option<Duration>) {
        let queue = self.queue();
        (queue.entries.len(), queue.held_since.map(|since| since.elapsed()))
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
        if let Some(since) = queue.held_since.take() {
            shared.counters.transactions.add(since.elapsed());
        }
        match queue.entries.front() {
            None => {
                queue.holder = WriterUse::Nobody;
                if queue.closing {
                    shared.writer.returned.notify_all();
                }
                return;
            }
            Some(WriterEntry::Write(_)) => {
                queue.holder = WriterUse::Work;
                drop(queue);
                let on_thread = Arc::clone(shared);
                shared.writer.slot.submit(Box::new(move |connection| {
                    group::serve(&on_thread, connection);
                }));
                return;
            }
            Some(WriterEntry::Claim { .. }) => {
                let Some(WriterEntry::Claim { completer, holder, since }) =
                    queue.entries.pop_front()
                else {
                    continue;
                };
                if completer.is_cancelled() {
                    drop(queue);
                    drop(completer);
                    continue;
                }
                let watch = Arc::clone(&holder.watch);
                // Its time begins now.
                watch.touch();
                queue.holder = WriterUse::Transaction(holder);
                let now = Instant::now();
                queue.held_since = Some(now);
                shared.counters.write_waits.add(now.saturating_duration_since(since));
                if !queue.entries.is_empty() {
                    watch_queue(shared, queue);
                } else {
                    drop(queue);
                }
                let claim = WriterClaim { shared: Arc::clone(shared), watch };
                // A claim that nobody takes any more is passed on when dropped.
                drop(completer.complete(Ok(claim)));
                return;
            }
        }
    }
}

/// Ensures that callers waiting for a transaction get `Busy` when it has made no progress for the
/// busy timeout: it may be waiting for them.
fn watch_queue(shared: &Arc<Shared>, mut queue: MutexGuard<'_, WriterQueue>) {
    if queue.watched {
        return;
    }
    let WriterUse::Transaction(holder) = &queue.holder else { return };
    let timeout = shared.options.busy_timeout;
    let idle = holder.idle();
    let Some(first) = queue.entries.iter().map(WriterEntry::since).min() else { return };
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
    if let WriterUse::Transaction(holder) = &queue.holder {
        if holder.idle() >= timeout {
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
            watch_queue(shared, queue);
        } else {
            drop(queue);
        }
    }
    for entry in overdue {
        entry.refuse(Error::held_too_long(timeout));
    }
}
