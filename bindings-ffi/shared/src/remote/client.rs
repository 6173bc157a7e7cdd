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
    inbox: Mutex<Inbox>,
    outbox: Mutex<ReplyNumbers>,
    send: SendReplies,
    executor: Arc<dyn Executor>,
}

struct Inbox {
    /// `None` once the client is closed.
    server: Option<Arc<Server>>,
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

#[derive(Default)]
struct ReplyNumbers {
    server: Option<Arc<Server>>,
    next: u32,
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
            let server = Arc::new(Server::new(database, number, host));
            let outbox = ReplyNumbers { server: Some(Arc::clone(&server)), next: 0 };
            let inbox =
                Inbox { server: Some(server), next: 0, early: HashMap::new(), early_bytes: 0 };
            Self { inbox: Mutex::new(inbox), outbox: Mutex::new(outbox), send, executor }
        })
    }

    pub(super) fn post(self: &Arc<Self>, number: u32, requests: Vec<u8>) -> Result<Replies> {
        let mut inbox = self.inbox();
        let server = Arc::clone(inbox.server.as_ref().ok_or_else(gone)?);
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
        Ok(self.replies())
    }

    /// Continues with requests that wait, since those before them took long.
    fn catch_up(self: &Arc<Self>) {
        let client = Arc::clone(self);
        self.executor.spawn(Box::pin(async move {
            let inbox = client.inbox();
            let Some(server) = &inbox.server else { return };
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

    fn replies(&self) -> Replies {
        Self::take(&mut self.outbox())
    }

    fn deliver(&self) {
        let mut outbox = self.outbox();
        let replies = Self::take(&mut outbox);
        if !replies.bytes.is_empty() {
            (self.send)(replies);
        }
    }

    fn take(outbox: &mut ReplyNumbers) -> Replies {
        let mut replies = Replies { number: outbox.next, bytes: Vec::new() };
        if let Some(server) = &outbox.server
            && server.take(&mut replies.bytes)
        {
            outbox.next = outbox.next.wrapping_add(1);
        }
        replies
    }

    /// Cancels what runs, and rolls back what is open.
    pub(super) fn end(&self) {
        let server = self.inbox().server.take();
        let same = self.outbox().server.take();
        drop((server, same));
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outbox(&self) -> MutexGuard<'_, ReplyNumbers> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
