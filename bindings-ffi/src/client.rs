//! One event loop's, or one runtime's, side of a database.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::LocalKey;

use ubiqlite::Database;
use ubiqlite::ext::wire::Server;
use ubiqlite_shared::{Bell, DriverHost};

use crate::dbapi::DbapiClient;
use crate::marshal::{self, Marshal};
use crate::registry::{Last, Registered};
use crate::signal::ClientDriver;

/// How a client's requests and replies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Format {
    /// As the core writes them (`ubiqlite::ext::wire`): rows as pages, to be read in place.
    Wire,
    /// As Python's `marshal` writes and reads them: see `marshal/`.
    Marshal,
}

/// Takes requests, and has the replies that are ready.
pub(crate) trait Endpoint: Send + Sync {
    /// Takes one request; a reply that is ready at once is written to `room`.
    fn call(&self, request: &[u8], room: &mut [u8]) -> CallStatus;

    /// Continues what can continue, and writes the replies that are ready.
    fn take(&self, room: &mut [u8]) -> DrainStatus;

    /// Takes a query, whose rows go to `sink`; its reply is always among those that are
    /// taken. Only a client that speaks [`Format::Marshal`] takes one.
    #[cfg(feature = "arrow")]
    fn query_into(&self, request: &[u8], sink: Arc<dyn ubiqlite::ext::wire::Sink>) -> CallStatus {
        let _ = (request, sink);
        CallStatus::Malformed
    }

    /// The database that it is a client of, to be closed through it.
    fn database(&self) -> Option<Database> {
        None
    }

    /// Wakes the thread that takes replies.
    fn driver(&self) -> &Arc<ClientDriver>;

    /// The client of a DB-API connection, if it is one.
    fn dbapi(&self) -> Option<&DbapiClient> {
        None
    }
}

/// A database's client.
pub(crate) struct Client {
    server: Server,
    driver: Arc<ClientDriver>,
    /// Replies that were taken and did not fit.
    kept: Mutex<Vec<u8>>,
    /// For a client that speaks [`Format::Marshal`].
    marshal: Option<Mutex<Marshal>>,
}

/// The outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallStatus {
    /// The reply was written, with this many bytes.
    Replied(usize),
    /// Its reply, if it has one, will be among those that are taken.
    Pending,
    /// Its reply needs this much room, and must be taken at once.
    NeedsRoom(usize),
    /// The bytes were not a request.
    Malformed,
}

/// What there was to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrainStatus {
    Nothing,
    /// This many bytes of replies were written.
    Replies(usize),
    /// This much room is needed; nothing was taken.
    NeedsRoom(usize),
}

impl Client {
    pub(crate) fn new(database: Database, format: Format) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(1);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let driver = Arc::new(ClientDriver::default());
        let host = DriverHost(Arc::clone(&driver));
        let (server, marshal) = match format {
            Format::Wire => (Server::unordered(database, number, host), None),
            // Pieces of replies in order; Python gets the names by a rule of its own.
            Format::Marshal => (Server::forgetful(database, number, host), Some(Mutex::default())),
        };
        Self { server, driver, kept: Mutex::default(), marshal }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoint for Client {
    fn call(&self, request: &[u8], room: &mut [u8]) -> CallStatus {
        if let Some(marshal) = &self.marshal {
            return marshal::call(marshal, &self.server, request, room);
        }
        let mut result = Vec::new();
        match self.server.call(request, &mut result) {
            Err(_) => CallStatus::Malformed,
            Ok(false) => CallStatus::Pending,
            Ok(true) => match room.get_mut(..result.len()) {
                Some(room) => {
                    room.copy_from_slice(&result);
                    CallStatus::Replied(result.len())
                }
                None => {
                    self.kept().append(&mut result);
                    self.driver.signal.raise();
                    CallStatus::Pending
                }
            },
        }
    }

    #[cfg(feature = "arrow")]
    fn query_into(&self, request: &[u8], sink: Arc<dyn ubiqlite::ext::wire::Sink>) -> CallStatus {
        let request = self.marshal.as_ref().and_then(|_| marshal::wire_request(request));
        match request.map(|request| self.server.query_into(&request, sink)) {
            Some(Ok(())) => CallStatus::Pending,
            _ => CallStatus::Malformed,
        }
    }

    fn take(&self, room: &mut [u8]) -> DrainStatus {
        self.driver.signal.lower();
        self.driver.run();
        if let Some(marshal) = &self.marshal {
            let (taken, more) = marshal::take(marshal, taken(&self.server), room);
            if more {
                self.driver.signal.raise();
            }
            return taken;
        }
        let mut kept = self.kept();
        if let Some(mut replies) = taken(&self.server) {
            if kept.is_empty() {
                *kept = replies;
            } else {
                kept.append(&mut replies);
            }
        }
        let len = kept.len();
        if len == 0 {
            return DrainStatus::Nothing;
        }
        let Some(room) = room.get_mut(..len) else {
            // A caller that does not come back at once is woken again.
            self.driver.signal.raise();
            return DrainStatus::NeedsRoom(len);
        };
        room.copy_from_slice(&kept);
        *kept = Vec::new();
        DrainStatus::Replies(len)
    }

    fn database(&self) -> Option<Database> {
        Some(self.server.database().clone())
    }

    fn driver(&self) -> &Arc<ClientDriver> {
        &self.driver
    }
}

fn taken(server: &Server) -> Option<Vec<u8>> {
    let mut replies = Vec::new();
    server.take(&mut replies).then_some(replies)
}

impl Registered for Box<dyn Endpoint> {
    fn last() -> &'static LocalKey<RefCell<Last<Self>>> {
        thread_local!(static LAST: RefCell<Last<Box<dyn Endpoint>>> = const { Last::none() });
        &LAST
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.driver.end();
    }
}
