//! Pages from the thread that runs a query to the task that reads them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::backend::Pages;
use crate::backend::call_times::Phases;
use crate::error::{Error, Result};
use crate::program::Interrupt;
use crate::row::Page;

/// How many pages the query may be ahead of its reader.
const AHEAD: usize = 8;

/// Waking a sleeping thread costs as much as filling half a page, so neither side is woken for
/// every page. The reader is woken when this many pages are waiting, the query when there is
/// room for this many.
const BATCH: usize = AHEAD / 2;

/// A page that took longer than this is handed over immediately.
const SLOW: Duration = Duration::from_millis(1);

/// A bounded queue of pages.
#[derive(Debug)]
pub(super) struct Channel {
    state: Mutex<ChannelState>,
    taken: Condvar,
    /// Stops the statement in the middle of a step.
    pub(super) interrupt: Arc<Interrupt>,
    /// How long the query waits and runs, if somebody wants to know.
    phases: Option<Box<Phases>>,
}

#[derive(Debug, Default)]
struct ChannelState {
    pages: VecDeque<Page>,
    /// Pages that were read, kept to reuse their memory: allocating for each page would cost as
    /// much as filling it.
    spare: Vec<Page>,
    waker: Option<Waker>,
    /// Set once: no more pages follow.
    end: Option<Option<Error>>,
    reader_gone: bool,
    /// The query ran to its end, whatever that was.
    complete: bool,
    /// When the query last pushed a page.
    pushed: Option<Instant>,
    /// When the query began to wait for its reader.
    stalled: Option<Instant>,
}

impl Channel {
    pub(super) fn new() -> Arc<Self> {
        let (state, taken, interrupt) = Default::default();
        Arc::new(Self { state, taken, interrupt, phases: Phases::of_current() })
    }

    /// Records that the query begins to run.
    pub(super) fn note_begun(&self) {
        self.pass(Phases::begin);
    }

    fn pass(&self, next: impl FnOnce(&Phases, Duration)) {
        if let Some(phases) = &self.phases {
            next(phases, self.interrupt.waited());
        }
    }

    fn state(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a page, waiting for room. Returns `None` if no more are wanted, else perhaps a page
    /// whose memory can be reused.
    pub(super) fn push(&self, page: Page) -> Option<Option<Page>> {
        let mut state = self.state();
        while state.pages.len() >= AHEAD && !state.reader_gone && state.end.is_none() {
            if state.stalled.is_none() {
                self.pass(Phases::pause);
                state.stalled = Some(Instant::now());
            }
            state = self.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let now = Instant::now();
        let slow = match (state.stalled.take(), state.pushed.replace(now)) {
            // Time spent waiting for room does not count as the query's.
            (Some(_), _) => {
                self.pass(Phases::begin);
                false
            }
            (None, before) => before.is_none_or(|before| now - before > SLOW),
        };
        if state.reader_gone || state.end.is_some() {
            return None;
        }
        state.pages.push_back(page);
        let spare = state.spare.pop();
        if slow || state.pages.len() >= BATCH {
            wake(state);
        }
        Some(spare)
    }

    /// Ends the stream after the pages it holds, with an error or normally. The first end counts.
    pub(super) fn end(&self, error: Option<Error>) {
        let mut state = self.state();
        if error.is_some() {
            self.interrupt.set();
        }
        // Before the reader can know of it.
        self.pass(Phases::end);
        if state.end.is_none() {
            state.end = Some(error);
        }
        self.taken.notify_all();
        wake(state);
    }

    pub(super) fn set_complete(&self) {
        self.state().complete = true;
    }

    pub(super) fn is_complete(&self) -> bool {
        self.state().complete
    }

    /// Whether nobody reads any more.
    pub(super) fn is_cancelled(&self) -> bool {
        let state = self.state();
        state.reader_gone || state.end.is_some()
    }

    /// Returns how long the query has been waiting for its reader.
    pub(super) fn stalled(&self) -> Option<Duration> {
        self.state().stalled.map(|since| since.elapsed())
    }
}

fn wake(mut state: MutexGuard<'_, ChannelState>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The reading end. Dropping it stops the query.
pub(super) struct PageReceiver(pub(super) Arc<Channel>);

impl Pages for PageReceiver {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Page>>> {
        self.0.pass(Phases::count);
        let mut state = self.0.state();
        if let Some(page) = state.pages.pop_front() {
            if state.stalled.is_some() && state.pages.len() <= AHEAD - BATCH {
                self.0.taken.notify_one();
            }
            return Poll::Ready(Ok(Some(page)));
        }
        match &mut state.end {
            Some(end) => Poll::Ready(end.take().map_or(Ok(None), Err)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn recycle(&mut self, page: Page) {
        let mut state = self.0.state();
        if state.spare.len() < AHEAD {
            state.spare.push(page);
        }
    }
}

impl Drop for PageReceiver {
    fn drop(&mut self) {
        self.0.interrupt.set();
        let mut state = self.0.state();
        state.reader_gone = true;
        self.0.pass(Phases::end);
        let pages = std::mem::take(&mut state.pages);
        drop(state);
        drop(pages);
        self.0.taken.notify_all();
    }
}
