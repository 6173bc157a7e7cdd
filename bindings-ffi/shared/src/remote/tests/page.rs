//! A client as a page has it, in the bytes that a page sends.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use ubiqlite::Result;
use ubiqlite::ext::BoxFuture;
use ubiqlite::ext::wire::numbers::{kind, op};

use super::super::{Executor, Replies};
use super::Clients;

/// Drives futures on the runtime of a test.
pub(super) struct Tokio(tokio::runtime::Handle);

impl Tokio {
    pub(super) fn here() -> Self {
        Self(tokio::runtime::Handle::current())
    }
}

impl Executor for Tokio {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.spawn(future);
    }
}

/// A request, but for its number.
pub(super) struct Request {
    op: u8,
    handle: u32,
    payload: Vec<u8>,
}

impl Request {
    pub(super) fn bytes(&self, id: u32) -> Vec<u8> {
        let mut rest = id.to_le_bytes().to_vec();
        rest.extend([self.op, 0]);
        rest.extend(self.handle.to_le_bytes());
        rest.extend(&self.payload);
        let mut bytes = u32::try_from(rest.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend(rest);
        bytes
    }
}

/// A statement without parameters, on the database (0) or in a transaction.
pub(super) fn execute(handle: u32, sql: &str) -> Request {
    let mut payload = u32::try_from(sql.len()).unwrap().to_le_bytes().to_vec();
    payload.extend(sql.as_bytes());
    payload.push(0);
    Request { op: op::EXECUTE, handle, payload }
}

pub(super) fn begin() -> Request {
    Request { op: op::BEGIN, handle: 0, payload: vec![0] }
}

pub(super) fn commit(handle: u32) -> Request {
    Request { op: op::COMMIT, handle, payload: Vec::new() }
}

/// What waits for replies, and the messages that came before their turn.
#[derive(Default)]
struct Waiting {
    replies: HashMap<u32, oneshot::Sender<Vec<u8>>>,
    early: HashMap<u32, Vec<u8>>,
    next: u32,
}

impl Waiting {
    fn come(&mut self, replies: Replies) {
        if replies.bytes.is_empty() {
            return;
        }
        assert!(self.early.insert(replies.number, replies.bytes).is_none(), "a number came twice");
        while let Some(bytes) = self.early.remove(&self.next) {
            self.next += 1;
            let mut rest = bytes.as_slice();
            while let Some((length, after)) = rest.split_first_chunk() {
                let (reply, others) = after.split_at(u32::from_le_bytes(*length) as usize - 4);
                let id = u32::from_le_bytes(reply[..4].try_into().unwrap());
                if let Some(waits) = self.replies.remove(&id) {
                    let _ = waits.send(reply[4..].to_vec());
                }
                rest = others;
            }
        }
    }
}

pub(super) struct Page {
    clients: Clients,
    owner: &'static str,
    number: u32,
    last: AtomicU32,
    sent: AtomicU32,
    waiting: Arc<Mutex<Waiting>>,
    shuffled: Mutex<Option<fastrand::Rng>>,
}

impl Page {
    pub(super) async fn open(
        clients: &Clients,
        owner: &'static str,
        path: &Path,
        options: &str,
    ) -> Result<Self> {
        let waiting: Arc<Mutex<Waiting>> = Arc::default();
        let to = Arc::clone(&waiting);
        let send = Box::new(move |replies| to.lock().unwrap().come(replies));
        let number = clients.open(owner, path.to_str().unwrap(), options, send).await?;
        let clients = Arc::clone(clients);
        let (last, sent) = <(AtomicU32, AtomicU32)>::default();
        Ok(Self { clients, owner, number, last, sent, waiting, shuffled: Mutex::default() })
    }

    pub(super) fn client(&self) -> u32 {
        self.number
    }

    pub(super) fn next(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn shuffle(&self, seed: u64) {
        *self.shuffled.lock().unwrap() = Some(fastrand::Rng::with_seed(seed));
    }

    pub(super) fn post_now(&self, request: Request) -> Result<()> {
        let message = self.message(&request).0;
        self.post(message)
    }

    fn message(&self, request: &Request) -> ((u32, Vec<u8>), oneshot::Receiver<Vec<u8>>) {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (done, reply) = oneshot::channel();
        self.waiting.lock().unwrap().replies.insert(id, done);
        ((self.sent.fetch_add(1, Ordering::Relaxed), request.bytes(id)), reply)
    }

    fn post(&self, (number, requests): (u32, Vec<u8>)) -> Result<()> {
        let replies = self.clients.post(&self.owner, self.number, number, requests)?;
        self.waiting.lock().unwrap().come(replies);
        Ok(())
    }

    /// Sends one request. Returns the handle that it made, or 0; or the error as JSON.
    pub(super) async fn call(&self, request: Request) -> std::result::Result<u32, String> {
        let (message, reply) = self.message(&request);
        self.post(message).unwrap();
        read(&reply.await.unwrap())
    }

    /// Sends requests, each in a message of its own, in a random order, and waits for all replies.
    pub(super) async fn call_all(&self, requests: Vec<Request>) {
        let (mut messages, replies): (Vec<_>, Vec<_>) =
            requests.iter().map(|request| self.message(request)).unzip();
        if let Some(dice) = &mut *self.shuffled.lock().unwrap() {
            dice.shuffle(&mut messages);
        }
        for message in messages {
            self.post(message).unwrap();
        }
        for reply in replies {
            read(&reply.await.unwrap()).unwrap();
        }
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.clients.close(&self.owner, self.number).await
    }
}

/// Reads a reply after its number: its kind, flags, a count, and what it carries.
fn read(reply: &[u8]) -> std::result::Result<u32, String> {
    match reply[0] {
        kind::ERROR => Err(String::from_utf8_lossy(&reply[1..]).into_owned()),
        kind::HANDLE => Ok(u32::from_le_bytes(reply[4..8].try_into().unwrap())),
        _ => Ok(0),
    }
}
