//! A storage that a client has: what a replica wants done with its files, and what became of that.
//!
//! A thread of the engine waits for the client, which fetches what is to be done with
//! [`op::NEXT`](super::numbers::op::NEXT) and replies with
//! [`op::STORED`](super::numbers::op::STORED). Bytes go either way only when the other side wants
//! them, so little of a file is in memory at once.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::cells::Cells;
use super::handles::Handle;
use super::numbers::limit::PIECE;
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::request::RequestHead;
use super::server::{RequestFuture, ServerInner};
use crate::api::replicate::Replica;
use crate::backend::{Completer, Reply, call};
use crate::error::{Error, Result};
use crate::exec::stream::in_time;
use crate::replicate::ReplicaStorage;
use crate::row::Rows;
use crate::value::ValueRef;

/// What is to be done.
const PUT: i64 = 0;
const LIST: i64 = 1;
const GET: i64 = 2;
const REMOVE: i64 = 3;

/// A storage that a client has, until it ends or the client drops it.
pub(super) struct StorageHandle {
    tasks: Arc<Tasks>,
    /// The engine's side, for one who uses it.
    unused: Mutex<Option<ClientStorage>>,
}

impl Default for StorageHandle {
    fn default() -> Self {
        let tasks = Arc::<Tasks>::default();
        let unused = Mutex::new(Some(ClientStorage(Arc::clone(&tasks))));
        Self { tasks, unused }
    }
}

impl StorageHandle {
    pub(super) fn tasks(&self) -> Arc<Tasks> {
        Arc::clone(&self.tasks)
    }

    /// Returns what the engine uses. When that is dropped, the client learns that it is over.
    ///
    /// # Errors
    /// `InvalidArgument` from the second time on.
    pub(super) fn used(&self) -> Result<ClientStorage> {
        let storage = self.unused.lock().unwrap_or_else(PoisonError::into_inner).take();
        storage.ok_or_else(|| Error::invalid("a storage of a client is that of one replica"))
    }
}

impl Drop for StorageHandle {
    fn drop(&mut self) {
        self.tasks.end();
    }
}

/// What the engine wants of a client's storage.
#[derive(Default)]
pub(super) struct Tasks(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// One of both sides is gone.
    over: bool,
    last: i64,
    /// Those that the client does not know yet.
    new: VecDeque<Task>,
    /// Where what the client says of each is waited for.
    all: HashMap<i64, Sender<Said>>,
    client: Option<Waker>,
    /// It ends with the client's side.
    replica: Option<Replica>,
}

struct Task {
    number: i64,
    what: i64,
    name: Option<Box<str>>,
}

/// What the client says of a task.
enum Said {
    Done,
    More(Completer<Vec<u8>>),
    Names(Vec<String>),
    Bytes(Vec<u8>, Completer<bool>),
    End,
    NotFound,
    Failed(String),
}

impl Tasks {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it: nobody waits any more, on either side.
    pub(super) fn end(&self) {
        let mut waiting = self.waiting();
        waiting.over = true;
        waiting.new.clear();
        let ended = (std::mem::take(&mut waiting.all), waiting.client.take());
        let replica = waiting.replica.take();
        drop(waiting);
        if let Some(client) = ended.1 {
            client.wake();
        }
        if let Some(replica) = replica {
            replica.abandon();
        }
    }

    /// Sets what is to end when the client drops its storage.
    pub(super) fn belong_to(&self, replica: &Replica) {
        let mut waiting = self.waiting();
        let over = waiting.over;
        if !over {
            waiting.replica = Some(replica.clone());
        }
        drop(waiting);
        if over {
            replica.abandon();
        }
    }

    fn ask(self: &Arc<Self>, what: i64, name: Option<&str>) -> io::Result<Asked> {
        let mut waiting = self.waiting();
        if waiting.over {
            return Err(gone());
        }
        waiting.last += 1;
        let number = waiting.last;
        let (say, said) = channel();
        waiting.all.insert(number, say);
        waiting.new.push_back(Task { number, what, name: name.map(Into::into) });
        let client = waiting.client.take();
        drop(waiting);
        if let Some(client) = client {
            client.wake();
        }
        Ok(Asked { tasks: Arc::clone(self), number, said })
    }

    /// Returns the next task, once there is one; `None`: it is over.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Rows>>> {
        let mut waiting = self.waiting();
        let Some(task) = waiting.new.pop_front() else {
            if waiting.over {
                return Poll::Ready(Ok(None));
            }
            waiting.client = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(waiting);
        let mut cells = Cells::default();
        cells.push(ValueRef::Integer(task.number));
        cells.push(ValueRef::Integer(task.what));
        let name = task.name.as_ref();
        cells.push(name.map_or(ValueRef::Null, |name| ValueRef::Text(name.as_bytes())));
        Poll::Ready(Ok(Some(cells.finish())))
    }

    /// Says what became of a task. Nobody may want to know that any more.
    fn say(&self, task: i64, said: Said) {
        let say = self.waiting().all.get(&task).cloned();
        if let Some(say) = say {
            // What is dropped here is told that it is not wanted.
            let _ = say.send(said);
        }
    }
}

/// A task of the engine's, until this is dropped.
struct Asked {
    tasks: Arc<Tasks>,
    number: i64,
    said: Receiver<Said>,
}

impl Asked {
    /// Waits for what the client says next.
    fn said(&self) -> io::Result<Said> {
        match self.said.recv() {
            Ok(Said::Failed(why)) => Err(io::Error::other(why)),
            Ok(Said::NotFound) => Err(io::ErrorKind::NotFound.into()),
            Ok(said) => Ok(said),
            Err(_) => Err(gone()),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut waiting = self.tasks.waiting();
        waiting.all.remove(&self.number);
        waiting.new.retain(|task| task.number != self.number);
    }
}

/// The engine's side of a client's storage. Its methods wait for the client.
pub(super) struct ClientStorage(Arc<Tasks>);

impl Drop for ClientStorage {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl ReplicaStorage for ClientStorage {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let asked = self.0.ask(PUT, Some(name))?;
        loop {
            match asked.said()? {
                Said::More(reply) => {
                    let mut chunk = Vec::new();
                    let read = Read::take(&mut *content, PIECE.into()).read_to_end(&mut chunk);
                    if let Err(error) = read {
                        reply.complete(Err(no_more()));
                        return Err(error);
                    }
                    reply.complete(Ok(chunk));
                }
                Said::Done => {
                    return match content.read(&mut [0])? {
                        0 => Ok(()),
                        _ => Err(io::Error::other(
                            "it counts as stored, and was not read to its end",
                        )),
                    };
                }
                _ => return Err(unasked()),
            }
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        match self.0.ask(LIST, None)?.said()? {
            Said::Names(names) => Ok(names),
            _ => Err(unasked()),
        }
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let mut file = ClientFile {
            asked: self.0.ask(GET, Some(name))?,
            bytes: io::Cursor::default(),
            wanted: None,
            over: false,
        };
        file.fetch()?;
        Ok(Box::new(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.0.ask(REMOVE, Some(name))?.said() {
            Ok(Said::Done) => Ok(()),
            Ok(_) => Err(unasked()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A file of a client's storage that is read.
struct ClientFile {
    asked: Asked,
    bytes: io::Cursor<Vec<u8>>,
    /// Where it is said whether more bytes are wanted.
    wanted: Option<Completer<bool>>,
    over: bool,
}

impl ClientFile {
    fn fetch(&mut self) -> io::Result<()> {
        if let Some(wanted) = self.wanted.take() {
            wanted.complete(Ok(true));
        }
        match self.asked.said()? {
            Said::Bytes(bytes, wanted) => {
                self.bytes = io::Cursor::new(bytes);
                self.wanted = Some(wanted);
            }
            Said::End => self.over = true,
            _ => return Err(unasked()),
        }
        Ok(())
    }
}

impl Read for ClientFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.bytes.read(buffer)?;
            if read > 0 || self.over || buffer.is_empty() {
                return Ok(read);
            }
            self.fetch()?;
        }
    }
}

impl Drop for ClientFile {
    fn drop(&mut self) {
        if let Some(wanted) = self.wanted.take() {
            wanted.complete(Ok(false));
        }
    }
}

impl ServerInner {
    /// Returns the work of fetching the next task of a client's storage.
    pub(super) fn next_task(
        self: Arc<Self>,
        head: RequestHead,
        tasks: Arc<Tasks>,
    ) -> RequestFuture {
        Box::pin(async move {
            let next = in_time(head.timeout, |cx| tasks.poll(cx)).await;
            self.end_unless_more(head.handle, &next);
            Ok(Outcome::Next(next?))
        })
    }

    /// Returns the work of passing on what a client says of a task.
    pub(super) fn stored(
        &self,
        head: RequestHead,
        payload: &mut ByteReader<'_>,
    ) -> Result<RequestFuture> {
        let Handle::Storage(storage) = self.state().handles.source(head.handle)? else {
            return Err(malformed());
        };
        let task = payload.i64()?;
        let said = match payload.u8()? {
            0 => Said::Done,
            1 => {
                let (completer, bytes) = call();
                storage.tasks.say(task, Said::More(completer));
                return Ok(Box::pin(async move {
                    let bytes = Reply::call(bytes).await.map_err(|_| no_more())?;
                    let mut cells = Cells::default();
                    if bytes.is_empty() {
                        return Ok(Outcome::Rows(Rows::default()));
                    }
                    cells.push(ValueRef::Blob(&bytes));
                    Ok(Outcome::Rows(cells.finish()))
                }));
            }
            2 => {
                let count = payload.count()?;
                let names = (0..count).map(|_| payload.str().map(str::to_owned));
                Said::Names(names.collect::<Result<_>>()?)
            }
            3 => {
                let bytes = payload.blob()?;
                if bytes.len() > PIECE as usize {
                    return Err(malformed());
                }
                let (completer, wanted) = call();
                storage.tasks.say(task, Said::Bytes(bytes.to_vec(), completer));
                return Ok(Box::pin(async move {
                    // Whoever has given it up wants no more of it.
                    Ok(Outcome::Bool(Reply::call(wanted).await.unwrap_or_default()))
                }));
            }
            4 => Said::End,
            5 => Said::NotFound,
            6 => Said::Failed(payload.str()?.to_owned()),
            _ => return Err(malformed()),
        };
        storage.tasks.say(task, said);
        Ok(Box::pin(async { Ok(Outcome::Done) }))
    }
}

#[cold]
fn gone() -> io::Error {
    io::Error::other("whoever keeps the files is gone")
}

#[cold]
fn unasked() -> io::Error {
    io::Error::other("the storage has replied to another question")
}

#[cold]
fn no_more() -> Error {
    Error::closed("file that was to be stored")
}
