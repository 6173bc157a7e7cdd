//! The write permit: one at a time, first come, first served.

use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use super::write::{self, WaitingWrite};
use super::{ByPath, SingleThreadShared};
use crate::backend::counters::SpentCounter;
use crate::backend::reply::DrivenCall;
use crate::backend::{Completer, PendingCall, call};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::platform::{self, MaybeSend};
use crate::vfs;

/// Who is writing a file now, and who is waiting to.
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    state: Mutex<WriteQueueState>,
    /// How long those waited that found the permit taken, or others waiting for it.
    pub(super) waits: SpentCounter,
    /// How long holders kept it.
    pub(super) held: SpentCounter,
}

#[derive(Debug, Default)]
struct WriteQueueState {
    taken: bool,
    /// Since when a holder has it.
    held_since: Option<Duration>,
    /// How many things holders have done: a waiter sees that it grows.
    progress: u64,
    waiting: VecDeque<QueuedEntry>,
    /// Those that want to know of commits.
    watching: Vec<Weak<SingleThreadShared>>,
}

#[derive(Debug)]
enum QueuedEntry {
    /// Waits since this time.
    Turn(Completer<WritePermit>, Duration),
    Write(Arc<SingleThreadShared>, Box<WaitingWrite>),
}

/// The permit, passed on when dropped.
#[derive(Debug)]
pub(super) struct WritePermit(Option<Arc<WriteQueue>>);

static FILES: ByPath<WriteQueue> = Mutex::new(None);

impl WriteQueue {
    /// Returns the write queue of a file, shared by everybody that opens it.
    pub(super) fn of(path: &Path, options: &Options) -> Arc<Self> {
        if path.as_os_str() == vfs::IN_MEMORY {
            return Arc::default();
        }
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let files = files.get_or_insert_default();
        files.retain(|_, queue| queue.strong_count() > 0);
        let name = format!("{}:{}", options.vfs.as_deref().unwrap_or_default(), path.display());
        if let Some(queue) = files.get(&name).and_then(Weak::upgrade) {
            return queue;
        }
        let queue = Arc::default();
        files.insert(name, Arc::downgrade(&queue));
        queue
    }

    fn state(&self) -> MutexGuard<'_, WriteQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a transaction, or another holder, has the permit.
    pub(super) fn is_taken(&self) -> bool {
        self.state().taken
    }

    /// Records that the holder has done something.
    pub(super) fn note_progress(&self) {
        self.state().progress += 1;
    }

    /// Whether somebody is waiting for it.
    pub(super) fn is_wanted(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Sets whether a database is to look for commits of others whenever a permit ends.
    pub(super) fn set_watching(&self, shared: &Weak<SingleThreadShared>, wanted: bool) {
        let mut state = self.state();
        state.watching.retain(|it| it.strong_count() > 0 && !it.ptr_eq(shared));
        if wanted {
            state.watching.push(Weak::clone(shared));
        }
    }

    /// Frees the permit. Who watches looks what its holder has committed.
    fn free(&self) {
        let mut state = self.state();
        state.taken = false;
        if let Some(since) = state.held_since.take() {
            self.held.add(platform::now().saturating_sub(since));
        }
        if state.watching.is_empty() {
            return;
        }
        let watching = state.watching.clone();
        drop(state);
        for shared in watching.iter().filter_map(Weak::upgrade) {
            shared.look_for_commits();
        }
    }

    /// Takes the permit if it is free after everybody ahead has had it.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<WritePermit> {
        serve(self);
        let mut state = self.state();
        if state.taken || !state.waiting.is_empty() {
            return None;
        }
        state.taken = true;
        state.held_since = Some(platform::now());
        state.progress += 1;
        Some(WritePermit(Some(Arc::clone(self))))
    }

    /// Waits for the permit, until its holder has done nothing for `patience`.
    pub(super) fn take(self: &Arc<Self>, patience: Duration) -> PermitWait<WritePermit> {
        let (completer, call) = call();
        self.state().waiting.push_back(QueuedEntry::Turn(completer, platform::now()));
        PermitWait::new(call, Arc::clone(self), patience)
    }

    /// Waits for the permit, for at most `limit`.
    pub(super) fn take_within(self: &Arc<Self>, limit: Duration) -> PermitWait<WritePermit> {
        PermitWait { bounded: true, ..self.take(limit) }
    }

    /// Queues a write for when its turn comes.
    pub(super) fn push(
        self: &Arc<Self>,
        shared: &Arc<SingleThreadShared>,
        mut write: WaitingWrite,
    ) {
        let mut state = self.state();
        if state.taken || !state.waiting.is_empty() {
            write.since = Some(platform::now());
        }
        state.waiting.push_back(QueuedEntry::Write(Arc::clone(shared), Box::new(write)));
    }

    /// Returns writes that had been taken to be served to the front of the queue.
    fn put_back(&self, shared: &Arc<SingleThreadShared>, writes: Vec<WaitingWrite>) {
        let mut state = self.state();
        for write in writes.into_iter().rev() {
            state.waiting.push_front(QueuedEntry::Write(Arc::clone(shared), Box::new(write)));
        }
    }

    /// Returns the next in line if nobody has the permit: a holder, or consecutive writes of one
    /// database.
    fn next(&self) -> Option<Next> {
        let mut state = self.state();
        if state.taken {
            return None;
        }
        let next = match state.waiting.pop_front()? {
            QueuedEntry::Turn(completer, since) => {
                let now = platform::now();
                state.held_since = Some(now);
                self.waits.add(now.saturating_sub(since));
                Next::Turn(completer)
            }
            QueuedEntry::Write(shared, first) => {
                let mut batch = vec![*first];
                while batch.len() < write::MOST
                    && let Some(QueuedEntry::Write(of, _)) = state.waiting.front()
                    && Arc::ptr_eq(of, &shared)
                    && let Some(QueuedEntry::Write(_, write)) = state.waiting.pop_front()
                {
                    batch.push(*write);
                }
                self.note_waits(&mut batch);
                Next::Writes(shared, batch)
            }
        };
        state.taken = true;
        state.progress += 1;
        Some(next)
    }
}

impl WriteQueue {
    /// Counts how long these have waited, unless they found nobody before them.
    fn note_waits(&self, batch: &mut [WaitingWrite]) {
        let mut waited = batch.iter_mut().filter_map(|write| write.since.take()).peekable();
        if waited.peek().is_some() {
            let now = platform::now();
            waited.for_each(|since| self.waits.add(now.saturating_sub(since)));
        }
    }

    /// Returns how many wait for the permit, and how long its holder has had it.
    pub(super) fn counts(&self) -> (usize, Option<Duration>) {
        let state = self.state();
        let held = state.held_since.map(|since| platform::now().saturating_sub(since));
        (state.waiting.len(), held)
    }
}

enum Next {
    Turn(Completer<WritePermit>),
    Writes(Arc<SingleThreadShared>, Vec<WaitingWrite>),
}

/// Gives the permit to each waiter until one keeps it.
pub(super) fn serve(queue: &Arc<WriteQueue>) {
    while let Some(next) = queue.next() {
        match next {
            Next::Turn(completer) => {
                let permit = WritePermit(Some(Arc::clone(queue)));
                let unwanted =
                    if completer.start() { completer.complete(Ok(permit)) } else { Some(permit) };
                if let Some(permit) = unwanted {
                    permit.end();
                }
            }
            Next::Writes(shared, batch) => {
                let permit = WritePermit(Some(Arc::clone(queue)));
                let left = write::run(&shared, batch);
                permit.end();
                if !left.is_empty() {
                    queue.put_back(&shared, left);
                    let queue = Arc::clone(queue);
                    return platform::later(move || serve(&queue));
                }
            }
        }
    }
}

impl WritePermit {
    /// Ends the permit without serving waiters: the caller is about to do that, and must not recurse.
    fn end(mut self) {
        if let Some(queue) = self.0.take() {
            queue.free();
        }
    }
}

impl WritePermit {
    /// Records that the holder has done something.
    pub(super) fn note_progress(&self) {
        if let Some(queue) = &self.0 {
            queue.note_progress();
        }
    }
}

impl Drop for WritePermit {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.free();
            serve(&queue);
        }
    }
}

/// Waits for the permit and for what is done in it.
///
/// It first yields, so that tasks polled at the same moment can make their requests and their
/// writes share a commit.
pub(super) struct PermitWait<T> {
    call: PendingCall<T>,
    queue: Arc<WriteQueue>,
    patience: Duration,
    /// It ends after `patience`, whatever the holder does.
    bounded: bool,
    asked: bool,
    alarm: Option<Pin<Box<platform::Sleep>>>,
    /// The holders' progress at the last alarm, and how many alarms have found no more.
    seen: u64,
    idle: u32,
}

/// How many times during `patience` a waiter looks whether the holder has done something.
const LOOKS: u32 = 4;

impl<T> PermitWait<T> {
    pub(super) fn new(call: PendingCall<T>, queue: Arc<WriteQueue>, patience: Duration) -> Self {
        Self { call, queue, patience, bounded: false, asked: false, alarm: None, seen: 0, idle: 0 }
    }

    /// Returns after how long the alarm goes off.
    fn next_look(&self) -> Duration {
        if self.bounded { self.patience } else { self.patience / LOOKS }
    }

    /// Called when the alarm goes off. Returns whether the wait is over.
    fn is_over(&mut self) -> bool {
        let progress = self.queue.state().progress;
        let moved = std::mem::replace(&mut self.seen, progress) != progress;
        self.idle = if moved { 0 } else { self.idle + 1 };
        self.bounded || self.idle >= LOOKS
    }
}

impl<T: MaybeSend> DrivenCall<T> for PermitWait<T> {
    fn interrupt(&self) {
        self.call.interrupt();
    }

    fn detach(self: Box<Self>) {
        serve(&self.queue);
        self.call.detach();
    }
}

impl<T> Future for PermitWait<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if !self.asked {
            self.asked = true;
            if let Poll::Ready(result) = Pin::new(&mut self.call).poll(cx) {
                return Poll::Ready(result);
            }
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        serve(&self.queue);
        if let Poll::Ready(result) = Pin::new(&mut self.call).poll(cx) {
            return Poll::Ready(result);
        }
        let patience = self.patience;
        loop {
            if self.alarm.is_none() {
                let progress = self.queue.state().progress;
                self.seen = progress;
            }
            let next = self.next_look();
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(platform::sleep(next)));
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.is_over() {
                break;
            }
            self.alarm = Some(Box::pin(platform::sleep(next)));
        }
        // It has not begun, or it would have ended.
        self.call.interrupt();
        Poll::Ready(Err(Error::held_too_long(patience)))
    }
}
