//! Requests under way.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::request::RequestHead;
use super::timed::Timed;
use crate::backend::call_times;
use crate::engine::context::{self, Caller};
use crate::platform::BoxFuture;

/// A request under way. Dropping its future cancels it.
pub(super) struct Task {
    pub(super) id: u32,
    /// The handle that it is a call on; 0: the database.
    pub(super) handle: u32,
    /// It ends that handle, which the client has cancelled with it.
    pub(super) ends: bool,
    caller: Caller,
    timed: Option<Arc<Timed>>,
    state: Mutex<TaskState>,
}

#[derive(Default)]
struct TaskState {
    // It completes its request itself, as its last act.
    future: Option<BoxFuture<'static, ()>>,
    waker: Option<Waker>,
    /// Cancelled. One thread may set this while another polls the future, which is then not here to
    /// be dropped.
    over: bool,
    /// Withdrawn: it must report its outcome.
    withdrawn: bool,
}

impl Task {
    pub(super) fn new(
        head: RequestHead,
        caller: Caller,
        timed: Option<Arc<Timed>>,
        future: BoxFuture<'static, ()>,
    ) -> Self {
        Self {
            id: head.id,
            handle: head.handle,
            ends: head.ends(),
            caller,
            timed,
            state: Mutex::new(TaskState { future: Some(future), ..TaskState::default() }),
        }
    }

    fn state(&self) -> MutexGuard<'_, TaskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues the request. Ready: it is over.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        let Some(mut future) = state.future.take() else { return Poll::Ready(()) };
        state.waker = Some(cx.waker().clone());
        let caller = Caller { withdrawn: state.withdrawn, ..self.caller };
        drop(state);
        // Outside the lock: the request may cancel others, and itself.
        let _caller = context::enter(Some(caller));
        let _times = call_times::enter(self.timed.as_ref().map(|timed| &timed.times));
        if Pin::new(&mut future).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut state = self.state();
        if state.over {
            drop(state);
            drop(future);
            return Poll::Ready(());
        }
        state.future = Some(future);
        Poll::Pending
    }

    /// Makes the request stop, if it can, and report its outcome.
    pub(super) fn withdraw(&self) {
        let mut state = self.state();
        state.withdrawn = true;
        let waker = state.waker.take();
        drop(state);
        // Its driver continues it, and finds that it must stop.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Cancels the request.
    pub(super) fn cancel(&self) {
        let mut state = self.state();
        state.over = true;
        let future = state.future.take();
        let waker = state.waker.take();
        drop(state);
        drop(future);
        // Its driver drops it.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Drives a task to its end.
pub(super) struct Drive(pub(super) Arc<Task>);

impl Future for Drive {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}
