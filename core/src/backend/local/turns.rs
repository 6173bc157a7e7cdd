//! The turn to write: one at a time, first come, first served.

use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use super::write::{self, Write};
use super::{ByPath, Shared};
use crate::backend::reply::Driven;
use crate::backend::{Call, Completer, call};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::platform::{self, MaybeSend};
use crate::vfs;

/// Who is writing a file now, and who is waiting to.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    taken: bool,
    waiting: VecDeque<Entry>,
}

#[derive(Debug)]
enum Entry {
    Turn(Completer<Turn>),
    Write(Arc<Shared>, Box<Write>),
}

/// The turn, passed on when dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Arc<Turns>>);

static FILES: ByPath<Turns> = Mutex::new(None);

impl Turns {
    /// Returns the turns of a file, shared by everybody that opens it.
    pub(super) fn of(path: &Path, options: &Options) -> Arc<Self> {
        if path.as_os_str() == vfs::IN_MEMORY {
            return Arc::default();
        }
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let files = files.get_or_insert_default();
        files.retain(|_, turns| turns.strong_count() > 0);
        let name = format!("{}:{}", options.vfs.as_deref().unwrap_or_default(), path.display());
        if let Some(turns) = files.get(&name).and_then(Weak::upgrade) {
            return turns;
        }
        let turns = Arc::default();
        files.insert(name, Arc::downgrade(&turns));
        turns
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a transaction, or another holder, has the turn.
    pub(super) fn is_taken(&self) -> bool {
        self.state().taken
    }

    /// Whether somebody is waiting for it.
    pub(super) fn is_wanted(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Takes the turn if it is free after everybody ahead has had it.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Turn> {
        serve(self);
        let mut state = self.state();
        if state.taken || !state.waiting.is_empty() {
            return None;
        }
        state.taken = true;
        Some(Turn(Some(Arc::clone(self))))
    }

    /// Waits for the turn, for at most `patience`.
    pub(super) fn take(self: &Arc<Self>, patience: Duration) -> Waiting<Turn> {
        let (completer, call) = call();
        self.state().waiting.push_back(Entry::Turn(completer));
        Waiting::new(call, Arc::clone(self), patience)
    }

    /// Queues a write for when its turn comes.
    pub(super) fn push(self: &Arc<Self>, shared: &Arc<Shared>, write: Write) {
        self.state().waiting.push_back(Entry::Write(Arc::clone(shared), Box::new(write)));
    }

    /// Returns writes that had been taken to be served to the front of the queue.
    fn put_back(&self, shared: &Arc<Shared>, writes: Vec<Write>) {
        let mut state = self.state();
        for write in writes.into_iter().rev() {
            state.waiting.push_front(Entry::Write(Arc::clone(shared), Box::new(write)));
        }
    }

    /// Returns the next in line if nobody has the turn: a holder, or consecutive writes of one
    /// database.
    fn next(&self) -> Option<Next> {
        let mut state = self.state();
        if state.taken {
            return None;
        }
        let next = match state.waiting.pop_front()? {
            Entry::Turn(completer) => Next::Turn(completer),
            Entry::Write(shared, first) => {
                let mut batch = vec![*first];
                while batch.len() < write::MOST
                    && let Some(Entry::Write(of, _)) = state.waiting.front()
                    && Arc::ptr_eq(of, &shared)
                    && let Some(Entry::Write(_, write)) = state.waiting.pop_front()
                {
                    batch.push(*write);
                }
                Next::Writes(shared, batch)
            }
        };
        state.taken = true;
        Some(next)
    }
}

enum Next {
    Turn(Completer<Turn>),
    Writes(Arc<Shared>, Vec<Write>),
}

/// Gives the turn to each waiter until one keeps it.
pub(super) fn serve(turns: &Arc<Turns>) {
    while let Some(next) = turns.next() {
        match next {
            Next::Turn(completer) => {
                let turn = Turn(Some(Arc::clone(turns)));
                let unwanted =
                    if completer.start() { completer.answer(Ok(turn)) } else { Some(turn) };
                if let Some(turn) = unwanted {
                    turn.end();
                }
            }
            Next::Writes(shared, batch) => {
                let turn = Turn(Some(Arc::clone(turns)));
                let left = write::run(&shared, batch);
                turn.end();
                if !left.is_empty() {
                    turns.put_back(&shared, left);
                    let turns = Arc::clone(turns);
                    return platform::later(move || serve(&turns));
                }
            }
        }
    }
}

impl Turn {
    /// Ends the turn without serving waiters: the caller is about to do that, and must not recurse.
    fn end(mut self) {
        if let Some(turns) = self.0.take() {
            turns.state().taken = false;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.state().taken = false;
            serve(&turns);
        }
    }
}

/// Waits for the turn and for what is done in it.
///
/// It first yields, so that tasks polled at the same moment can make their requests and their
/// writes share a commit.
pub(super) struct Waiting<T> {
    call: Call<T>,
    turns: Arc<Turns>,
    patience: Duration,
    asked: bool,
    alarm: Option<Pin<Box<platform::Sleep>>>,
}

impl<T> Waiting<T> {
    pub(super) fn new(call: Call<T>, turns: Arc<Turns>, patience: Duration) -> Self {
        Self { call, turns, patience, asked: false, alarm: None }
    }
}

impl<T: MaybeSend> Driven<T> for Waiting<T> {
    fn interrupt(&self) {
        self.call.interrupt();
    }

    fn detach(self: Box<Self>) {
        serve(&self.turns);
        self.call.detach();
    }
}

impl<T> Future for Waiting<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if !self.asked {
            self.asked = true;
            if let Poll::Ready(answer) = Pin::new(&mut self.call).poll(cx) {
                return Poll::Ready(answer);
            }
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        serve(&self.turns);
        if let Poll::Ready(answer) = Pin::new(&mut self.call).poll(cx) {
            return Poll::Ready(answer);
        }
        let patience = self.patience;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(platform::sleep(patience)));
        if alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // It has not begun, or it would have ended.
        self.call.interrupt();
        Poll::Ready(Err(Error::held_too_long(patience)))
    }
}
