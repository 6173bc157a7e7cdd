//! A lock for which calls wait in line, so that they run in the order they were requested.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::engine::context;
use crate::error::{Error, Result};

/// A lock with one holder at a time, first come, first served.
#[derive(Debug, Default)]
pub(super) struct FifoLock(Mutex<FifoQueue>);

#[derive(Debug, Default)]
struct FifoQueue {
    next: u64,
    waiting: VecDeque<(u64, Option<Waker>)>,
}

/// A ticket in the queue for the lock, returned when dropped.
#[derive(Debug)]
pub(super) struct FifoTicket {
    lock: Arc<FifoLock>,
    number: u64,
}

impl FifoLock {
    fn queue(&self) -> MutexGuard<'_, FifoQueue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a ticket at the end of the queue.
    pub(super) fn enter(lock: &Arc<Self>) -> FifoTicket {
        let mut queue = lock.queue();
        queue.next += 1;
        let number = queue.next;
        queue.waiting.push_back((number, None));
        FifoTicket { lock: Arc::clone(lock), number }
    }
}

impl FifoTicket {
    /// Waits until this ticket is first.
    ///
    /// # Errors
    /// `Cancelled`: the call was cancelled before.
    pub(super) async fn first(&self) -> Result<()> {
        poll_fn(|cx| {
            if context::is_withdrawn() {
                return Poll::Ready(Err(Error::withdrawn()));
            }
            let mut queue = self.lock.queue();
            match queue.waiting.iter_mut().position(|(number, _)| *number == self.number) {
                Some(0) | None => Poll::Ready(Ok(())),
                Some(position) => {
                    queue.waiting[position].1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for FifoTicket {
    fn drop(&mut self) {
        let mut queue = self.lock.queue();
        queue.waiting.retain(|(number, _)| *number != self.number);
        let waker = queue.waiting.front_mut().and_then(|(_, waker)| waker.take());
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
