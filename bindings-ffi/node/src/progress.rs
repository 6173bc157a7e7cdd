//! Opening and closing, each on a thread of its own: the disk may be at the other end of a network,
//! and the caller may be gone before it is done.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use ubiqlite::{Database, Error, ErrorKind, Result};
use ubiqlite_shared::Bell;

use crate::beside::{CompanionFiles, Found};
use crate::lock;
use crate::presence::Presence;

/// An open database, which the wasm engine knows about until it is closed.
pub(crate) struct OpenDatabase {
    pub(crate) database: Database,
    presence: Option<Presence>,
}

/// The outcome of an opening or a closing.
pub(crate) enum Came {
    /// There is a lock of the wasm engine's.
    Locked,
    Opened(OpenDatabase),
    Closed,
}

/// The progress of an opening or a closing.
#[derive(Default)]
pub(crate) struct Progress(Mutex<ProgressState>);

#[derive(Default)]
enum ProgressState {
    #[default]
    Pending,
    Done(Result<Came>),
    /// Nobody waits for it any more.
    Over,
}

impl Progress {
    /// Begins to open a database; `ring` is called when that is done.
    pub(crate) fn open(
        self: &Arc<Self>,
        path: String,
        options: String,
        beside: Option<CompanionFiles>,
        ring: impl Bell,
    ) {
        self.run(ring, move || {
            let presence = match beside.as_ref().map(CompanionFiles::look) {
                Some(Found::Locked) => return Ok(Came::Locked),
                Some(Found::Free(presence)) => presence,
                None => None,
            };
            let database = wait(ubiqlite_shared::open(&path, &options))?;
            Ok(Came::Opened(OpenDatabase { database, presence }))
        });
    }

    /// Begins to close it; `ring` is called when that is done.
    pub(crate) fn close(self: &Arc<Self>, opened: OpenDatabase, ring: impl Bell) {
        *lock(&self.0) = ProgressState::Pending;
        self.run(ring, move || opened.close().map(|()| Came::Closed));
    }

    /// Returns the outcome, once.
    pub(crate) fn outcome(&self) -> Option<Result<Came>> {
        let mut state = lock(&self.0);
        match std::mem::take(&mut *state) {
            ProgressState::Done(came) => Some(came),
            before => {
                *state = before;
                None
            }
        }
    }

    /// Notes that nobody waits for it any more: what is opened is closed.
    pub(crate) fn end(&self) {
        let before = std::mem::replace(&mut *lock(&self.0), ProgressState::Over);
        if let ProgressState::Done(Ok(Came::Opened(opened))) = before {
            opened.leave();
        }
    }

    fn run(
        self: &Arc<Self>,
        ring: impl Bell,
        work: impl FnOnce() -> Result<Came> + Send + 'static,
    ) {
        let progress = Arc::clone(self);
        let ring = Arc::new(ring);
        let ringing = Arc::clone(&ring);
        let spawned = thread::Builder::new().name("ubiqlite-open".into()).spawn(move || {
            let came = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Internal, "opening or closing the database panicked"))
            });
            progress.tell(came);
            ringing.raise();
        });
        if let Err(error) = spawned {
            let message = format!("can't start a thread: {error}");
            self.tell(Err(Error::new(ErrorKind::OutOfMemory, message)));
            ring.raise();
        }
    }

    fn tell(&self, came: Result<Came>) {
        let mut state = lock(&self.0);
        if matches!(*state, ProgressState::Over) {
            drop(state);
            if let Ok(Came::Opened(opened)) = came {
                let _ = opened.close();
            }
        } else {
            *state = ProgressState::Done(came);
        }
    }
}

impl OpenDatabase {
    /// Waits for accepted requests, and closes. It is registered until then.
    fn close(self) -> Result<()> {
        let closed = wait(self.database.close());
        drop(self.presence);
        closed
    }

    /// Closes it, without anybody waiting.
    pub(crate) fn leave(self) {
        // If no thread can be had, dropping the database closes it, and what says that it is open
        // stays: the next one clears it away.
        let Self { database, presence } = self;
        let kept = Arc::new(Mutex::new(presence));
        let presence = Arc::clone(&kept);
        let spawned = thread::Builder::new().name("ubiqlite-close".into()).spawn(move || {
            let _ = wait(database.close());
            drop(lock(&presence).take());
        });
        if spawned.is_err() {
            std::mem::forget(kept);
        }
    }
}

/// Drives a future on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
