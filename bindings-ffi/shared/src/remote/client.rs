//! One client: its messages in their order, and its replies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ubiqlite::ext::BoxFuture;
use ubiqlite::ext::wire::{Host, Server};
use ubiqlite::{Database, Error, ErrorKind, Result};

use super::{Executor, SendReplies, gone};

/// How many messages, and how many bytes of them, wait for one that is missing.
const MOST_EARLY: usize = 1_024;
const MOST_EARLY_BYTES: usize = 64 << 20;

/// Replies to a client's requests, which it must read in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replies {
    /// Each message has the number after that of the one before; the first one has 0.
    pub number: u32,
    /// None if there are no replies: then `number` means nothing.
    pub bytes: Vec<u8>,
}

pub(super) struct RemoteClient {
    /// `None` once the client is closed.
    server: Mutex<Option<Arc<Server>>>,
    inbox: Mutex<Inbox>,
    /// The number of the next message with replies. Who has it takes them, so that their order is
    /// that of the numbers.
    next_reply: Mutex<u32>,
    send: SendReplies,
    executor: Arc<dyn Executor>,
}

#[derive(Default)]
struct Inbox {
    /// The number of the message that comes next.
    next: u32,
    early: HashMap<u32, Vec<u8>>,
    early_bytes: usize,
}

impl Inbox {
    /// Keeps a message until those before it are here.
    fn keep(&mut self, number: u32, requests: Vec<u8>) -> Result<()> {
        let full = self.early.len() >= MOST_EARLY;
        if full || self.early_bytes.saturating_add(requests.len()) > MOST_EARLY_BYTES {
            let missing = self.next;
            return Err(unusable(&format!(
                "message {missing} is missing, and too many wait for it"
            )));
        }
        self.early_bytes += requests.len();
        if let Some(same) = self.early.insert(number, requests) {
            self.early_bytes -= same.len();
        }
        Ok(())
    }

    /// Takes the message whose turn it is, if it is here.
    fn next_early(&mut self) -> Option<Vec<u8>> {
        let requests = self.early.remove(&self.next)?;
        self.early_bytes -= requests.len();
        self.next = self.next.wrapping_add(1);
        Some(requests)
    }
}

fn unusable(why: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{why}; open the database again"))
}

impl RemoteClient {
    pub(super) fn new(
        database: Database,
        number: u32,
        executor: Arc<dyn Executor>,
        send: SendReplies,
    ) -> Arc<Self> {
        Arc::new_cyclic(|client| {
            let host = RemoteHost { client: Weak::clone(client), executor: Arc::clone(&executor) };
            let server = Mutex::new(Some(Arc::new(Server::new(database, number, host))));
            let (inbox, next_reply) = <(Mutex<Inbox>, Mutex<u32>)>::default();
            Self { server, inbox, next_reply, send, executor }
        })
    }

    pub(super) fn post(self: &Arc<Self>, number: u32, requests: Vec<u8>) -> Result<Replies> {
        let mut inbox = lock(&self.inbox);
        let server = self.server().ok_or_else(gone)?;
        match number.wrapping_sub(inbox.next) {
            0 => {
                inbox.next = number.wrapping_add(1);
                server.submit(&requests)?;
            }
            ahead if ahead < u32::MAX / 2 => inbox.keep(number, requests)?,
            // It was carried out, and the replies that were returned for it did not arrive: those
            // after them would be waited for in vain.
            _ => return Err(unusable(&format!("message {number} came twice"))),
        }
        while let Some(requests) = inbox.next_early() {
            server.submit(&requests)?;
        }
        if server.is_behind() {
            self.catch_up();
        }
        drop(inbox);
        Ok(self.take(&mut lock(&self.next_reply)))
    }

    /// Continues with requests that wait, since those before them took long.
    fn catch_up(self: &Arc<Self>) {
        let client = Arc::clone(self);
        self.executor.spawn(Box::pin(async move {
            // Before a message that comes now.
            let inbox = lock(&client.inbox);
            let Some(server) = client.server() else { return };
            server.resume();
            let behind = server.is_behind();
            drop(inbox);
            client.deliver();
            // Messages that came in the meantime are taken before it goes on: one may cancel it.
            if behind {
                client.catch_up();
            }
        }));
    }

    fn deliver(&self) {
        let mut next = lock(&self.next_reply);
        let replies = self.take(&mut next);
        if !replies.bytes.is_empty() {
            (self.send)(replies);
        }
    }

    fn take(&self, next: &mut u32) -> Replies {
        let mut replies = Replies { number: *next, bytes: Vec::new() };
        if self.server().is_some_and(|server| server.take(&mut replies.bytes)) {
            *next = next.wrapping_add(1);
        }
        replies
    }

    /// Cancels what runs, and rolls back what is open.
    pub(super) fn end(&self) {
        let server = lock(&self.server).take();
        // With no lock held.
        drop(server);
    }

    fn server(&self) -> Option<Arc<Server>> {
        lock(&self.server).clone()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the server asks of its surroundings.
struct RemoteHost {
    client: Weak<RemoteClient>,
    executor: Arc<dyn Executor>,
}

impl Host for RemoteHost {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.executor.spawn(future);
    }

    fn ready(&self) {
        // Not here: whoever calls this may be within `post`, and holds its locks.
        let client = Weak::clone(&self.client);
        self.executor.spawn(Box::pin(async move {
            if let Some(client) = client.upgrade() {
                client.deliver();
            }
        }));
    }
}
