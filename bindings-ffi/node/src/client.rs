//! One thread's side of a database: everything here is called by that thread alone.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ubiqlite::ext::wire::Server;
use ubiqlite_shared::{Bell, Driver, DriverHost};

use crate::beside::CompanionFiles;
use crate::progress::{Came, OpenDatabase, Progress};
use crate::wakeup::Mutable;

/// A database that is being opened, open, or closed.
pub(crate) struct NodeClient<B: Mutable> {
    pub(crate) driver: Arc<Driver<B>>,
    progress: Arc<Progress>,
    open: RefCell<Option<OpenClient>>,
    /// Replies that were taken and did not fit.
    kept: RefCell<Vec<u8>>,
}

struct OpenClient {
    server: Server,
    opened: OpenDatabase,
}

/// The outcome of an opening or a closing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenOutcome {
    Pending,
    /// There is a lock of the wasm engine's.
    Locked,
    Done,
    /// The error's fields as JSON.
    Failed(String),
}

impl<B: Mutable> NodeClient<B> {
    /// Begins to open a database, without waiting for anything.
    pub(crate) fn open(
        bell: B,
        path: String,
        options: String,
        beside: Option<CompanionFiles>,
    ) -> Self {
        let client = Self {
            driver: Arc::new(Driver::new(bell)),
            progress: Arc::default(),
            open: RefCell::default(),
            kept: RefCell::default(),
        };
        client.progress.open(path, options, beside, Ring(Arc::clone(&client.driver)));
        client
    }

    /// Returns the outcome of the opening or closing that is under way, once.
    pub(crate) fn outcome(&self) -> OpenOutcome {
        // Before looking: what comes later wakes again.
        self.driver.settle();
        match self.progress.outcome() {
            None => OpenOutcome::Pending,
            Some(Err(error)) => OpenOutcome::Failed(Server::describe(&error)),
            Some(Ok(Came::Locked)) => OpenOutcome::Locked,
            Some(Ok(Came::Closed)) => OpenOutcome::Done,
            Some(Ok(Came::Opened(opened))) => {
                static MADE: AtomicU32 = AtomicU32::new(1);
                let number = MADE.fetch_add(1, Ordering::Relaxed);
                let host = DriverHost(Arc::clone(&self.driver));
                let server = Server::new(opened.database.clone(), number, host);
                self.open.replace(Some(OpenClient { server, opened }));
                OpenOutcome::Done
            }
        }
    }

    /// Takes requests. False for bytes that are not requests, and for a database that is not open.
    pub(crate) fn submit(&self, requests: &[u8]) -> bool {
        let open = self.open.borrow();
        let Some(open) = &*open else { return false };
        let signal = &self.driver.signal;
        // Replies that are ready at once are taken at once.
        signal.mute();
        let taken = open.server.submit(requests).is_ok();
        self.driver.settle();
        if open.server.is_behind() {
            signal.raise();
        }
        taken
    }

    /// Continues what can continue, on a wake-up.
    pub(crate) fn run(&self) {
        let open = self.open.borrow();
        let server = open.as_ref().map(|open| &open.server);
        self.driver.signal.mute();
        if let Some(server) = server.filter(|server| server.is_behind()) {
            server.resume();
        }
        self.driver.run();
        // Long work continues after Node's other work.
        if server.is_some_and(Server::is_behind) {
            self.driver.signal.raise();
        }
    }

    /// Writes all replies that are ready into `room`; or keeps them for [`rest`](Self::rest)
    /// and returns, as a negative number, how many bytes they are.
    pub(crate) fn take(&self, room: &mut [u8]) -> i64 {
        let mut kept = self.kept.borrow_mut();
        // What is kept is fetched before there is more, so replies stay in order.
        if kept.is_empty()
            && let Some(open) = &*self.open.borrow()
        {
            open.server.take(&mut kept);
        }
        let len = i64::try_from(kept.len()).unwrap_or(i64::MAX);
        let Some(room) = room.get_mut(..kept.len()) else { return -len };
        room.copy_from_slice(&kept);
        kept.clear();
        len
    }

    /// The replies that did not fit.
    pub(crate) fn rest(&self) -> Vec<u8> {
        self.kept.take()
    }

    /// Cancels what runs, rolls back what is open, and begins to close.
    pub(crate) fn close(&self) {
        let Some(OpenClient { server, opened }) = self.open.take() else { return };
        drop(server);
        self.progress.close(opened, Ring(Arc::clone(&self.driver)));
    }
}

impl<B: Mutable> Drop for NodeClient<B> {
    fn drop(&mut self) {
        self.driver.end();
        self.progress.end();
        if let Some(OpenClient { server, opened }) = self.open.take() {
            drop(server);
            opened.leave();
        }
    }
}

/// Rings for what is not a request.
struct Ring<B>(Arc<Driver<B>>);

impl<B: Bell> Bell for Ring<B> {
    fn raise(&self) {
        self.0.signal.raise();
    }

    fn lower(&self) {}

    fn end(&self) {}
}

#[cfg(test)]
mod tests;
