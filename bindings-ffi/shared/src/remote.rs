//! Serves clients that live in other contexts, such as the pages of a window, and send their
//! requests as numbered messages.
//!
//! A transport may deliver messages in another order than they were sent, so each has a number, in
//! both directions, and is handled in its turn. Clients belong to an owner; when it goes away, what
//! runs for them is cancelled and what is open for them is rolled back. Clients that open the same
//! file with the same options share one [`Database`](ubiqlite::Database): their transactions wait in one queue.

mod client;
mod databases;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ubiqlite::ext::BoxFuture;
use ubiqlite::{Error, ErrorKind, Result};

use client::RemoteClient;
pub use client::Replies;
use databases::{Databases, SharedDatabase};

/// Drives futures to completion, each on some thread.
pub trait Executor: Send + Sync + 'static {
    /// Begins to drive a future.
    fn spawn(&self, future: BoxFuture<'static, ()>);
}

/// Takes a message for a client: the number of the message, and its replies.
pub type SendReplies = Box<dyn Fn(Replies) + Send + Sync>;

/// All clients, and the databases that they have open.
pub struct RemoteClients<O> {
    executor: Arc<dyn Executor>,
    databases: Arc<Databases>,
    last: AtomicU32,
    clients: Mutex<HashMap<u32, Entry<O>>>,
}

struct Entry<O> {
    owner: O,
    /// `None` while it is opened.
    open: Option<OpenClient>,
}

struct OpenClient {
    client: Arc<RemoteClient>,
    database: SharedDatabase,
}

impl<O> RemoteClients<O> {
    /// No clients yet.
    pub fn new(executor: impl Executor) -> Self {
        Self {
            executor: Arc::new(executor),
            databases: Arc::default(),
            last: AtomicU32::new(0),
            clients: Mutex::default(),
        }
    }

    /// Opens a database for a new client of `owner`, and returns the client's number. `options` is
    /// a JSON object of [`Settings`](ubiqlite::ext::wire::Settings). `send` gets the replies that
    /// [`post`](Self::post) does not return.
    ///
    /// # Errors
    /// As `ubiqlite::Options::open`; `InvalidArgument` for unknown options.
    pub async fn open(
        &self,
        owner: O,
        path: &str,
        options: &str,
        send: SendReplies,
    ) -> Result<u32> {
        let number = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // Before anything is waited for: its owner may go meanwhile.
        self.clients().insert(number, Entry { owner, open: None });
        let opening = Opening { of: self, number };
        let database = self.databases.open(path, options).await?;
        let executor = Arc::clone(&self.executor);
        let client = RemoteClient::new(database.database().clone(), number, executor, send);
        let mut open = Some(OpenClient { client, database });
        if let Some(entry) = self.clients().get_mut(&number) {
            entry.open = open.take();
        }
        std::mem::forget(opening);
        match open {
            None => Ok(number),
            Some(unwanted) => {
                end(Arc::clone(&self.databases), unwanted).await?;
                Err(gone())
            }
        }
    }

    /// Takes the message of this number from a client of `owner`, and all that waited for it.
    /// Returns the replies that are ready.
    ///
    /// # Errors
    /// `Closed` if there is no such client; `InvalidArgument` for bytes that are not requests, if
    /// too many messages wait for one that is missing, and for a message that was carried out
    /// before. The client can then only be closed.
    pub fn post(&self, owner: &O, client: u32, number: u32, requests: Vec<u8>) -> Result<Replies>
    where
        O: PartialEq,
    {
        let found = self
            .clients()
            .get(&client)
            .filter(|entry| entry.owner == *owner)
            .and_then(|entry| entry.open.as_ref().map(|open| Arc::clone(&open.client)));
        found.ok_or_else(gone)?.post(number, requests)
    }

    /// Cancels what runs for a client of `owner`, rolls back what is open for it, and closes its
    /// database if no other client has it open. Does nothing if there is no such client.
    ///
    /// # Errors
    /// As `Database::close`.
    pub async fn close(&self, owner: &O, client: u32) -> Result<()>
    where
        O: PartialEq,
    {
        match self.remove(owner, client) {
            Some(open) => end(Arc::clone(&self.databases), open).await,
            None => Ok(()),
        }
    }

    fn remove(&self, owner: &O, client: u32) -> Option<OpenClient>
    where
        O: PartialEq,
    {
        let mut clients = self.clients();
        clients.get(&client).filter(|entry| entry.owner == *owner)?;
        clients.remove(&client)?.open
    }

    /// Closes all clients whose owner is one of these, without waiting for it.
    pub fn leave(&self, is_gone: impl Fn(&O) -> bool) {
        for open in self.take(is_gone) {
            let end = end(Arc::clone(&self.databases), open);
            self.executor.spawn(Box::pin(async move {
                // Nobody is left who could be told.
                let _ = end.await;
            }));
        }
    }

    /// Closes all clients, and all databases.
    ///
    /// # Errors
    /// As `Database::close`: the first error; the others are closed nevertheless.
    pub async fn close_all(&self) -> Result<()> {
        let mut outcome = Ok(());
        for open in self.take(|_| true) {
            outcome = outcome.and(end(Arc::clone(&self.databases), open).await);
        }
        outcome
    }

    fn take(&self, wanted: impl Fn(&O) -> bool) -> Vec<OpenClient> {
        self.clients()
            .extract_if(|_, entry| wanted(&entry.owner))
            .filter_map(|(_, entry)| entry.open)
            .collect()
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<u32, Entry<O>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a client that was to be opened, if nobody waits for it any more or it failed.
struct Opening<'a, O> {
    of: &'a RemoteClients<O>,
    number: u32,
}

impl<O> Drop for Opening<'_, O> {
    fn drop(&mut self) {
        let removed = self.of.clients().remove(&self.number);
        drop(removed);
    }
}

async fn end(databases: Arc<Databases>, OpenClient { client, database }: OpenClient) -> Result<()> {
    // Before the database is closed: closing waits for what is open.
    client.end();
    databases.release(database).await
}

fn gone() -> Error {
    Error::new(ErrorKind::Closed, "this database was closed; open it again")
}

#[cfg(test)]
mod tests;
