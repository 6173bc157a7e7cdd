//! One client's requests, from bytes to replies.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cancellation;
use super::client_state::ClientState;
use super::commits::CommitsHandle;
use super::control::{bits_of, release};
use super::exit::Exit;
use super::feed::{Credit, RecordFeed};
use super::handles::{CallTarget, Handle, Stream};
use super::numbers::op;
use super::read::{ByteReader, malformed};
use super::reply::{Outcome, ReplyBatch, describe};
use super::request::{Operation, RequestHead, begin, only};
use super::requester::Requester;
use super::run::{OperationEnd, run};
use super::statement::ResultShape;
use super::sync::OutboxHandle;
use super::timed::{self, Timed};
use super::watch::WatchHandle;
use crate::api::database::Database;
use crate::backend::rules::HandleUse;
use crate::engine::context::Caller;
use crate::error::{Error, Result};
use crate::platform::{self, BoxFuture, MaybeSend, MaybeSync};
use crate::program::Begin;

/// The environment of a server.
pub trait Host: MaybeSend + MaybeSync + 'static {
    /// Drives a future to completion.
    fn spawn(&self, future: BoxFuture<'static, ()>);

    /// Called when replies are ready that were not at the last [`Server::take`].
    fn ready(&self);

    /// Called when much of a long reply, or of the replies of a long batch, is ready, within
    /// whichever call of the server is running. Taken now, it can be read while the rest is made.
    /// There may also be nothing to take. By default it waits for the rest.
    fn part(&self) {}
}

/// Serves one client of a database.
pub struct Server(pub(super) Arc<ServerInner>);

pub(super) struct ServerInner {
    pub(super) database: Database,
    client: u32,
    pub(super) exit: Arc<Exit>,
    /// Requests took long: the host must look for messages before the next one.
    pub(super) behind: AtomicBool,
    /// There are requests in `ClientState::begun`: saves taking a lock for each batch.
    pub(super) has_begun: AtomicBool,
    /// There are requests in `ClientState::waiting`.
    pub(super) waits: AtomicBool,
    /// The greatest number among the migrations of this client; 0 if it has none.
    pub(super) knows: AtomicU64,
    state: Mutex<ClientState>,
}

/// How long requests are taken before the host looks for messages again.
const LONG: Duration = Duration::from_millis(8);

/// After how many requests of a batch the host learns of their replies, so that the client reads
/// them, and sends more, while the others run. A message costs it as much as a few reads.
const TOGETHER: u32 = 16;

impl Server {
    /// Serves a client, whose number no other client of this host has.
    pub fn new(database: Database, client: u32, host: impl Host) -> Self {
        Self::serving(database, client, host, ReplyBatch::default(), true)
    }

    /// The database that it serves.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// Serves a client that takes its replies in order and remembers nothing between them: each
    /// reply with rows has the names of their columns.
    pub fn forgetful(database: Database, client: u32, host: impl Host) -> Self {
        Self::serving(database, client, host, ReplyBatch::on(Vec::new()), true)
    }

    /// Serves a client that takes its replies on several threads, in no order:
    /// each reply with rows has the names of their columns.
    pub fn unordered(database: Database, client: u32, host: impl Host) -> Self {
        Self::serving(database, client, host, ReplyBatch::on(Vec::new()), false)
    }

    fn serving(
        database: Database,
        client: u32,
        host: impl Host,
        out: ReplyBatch,
        ordered: bool,
    ) -> Self {
        let exit = Arc::new(Exit::new(Box::new(host), out, ordered));
        let (behind, has_begun, waits) = <(AtomicBool, AtomicBool, AtomicBool)>::default();
        let (knows, state) = (AtomicU64::new(0), Mutex::default());
        Self(Arc::new(ServerInner {
            database,
            client,
            exit,
            behind,
            has_begun,
            waits,
            knows,
            state,
        }))
    }

    /// Takes requests, and completes those that it can at once, unless that takes long: the rest
    /// then wait for [`resume`](Self::resume).
    ///
    /// # Errors
    /// `InvalidArgument` for bytes that are not requests; those before them were taken.
    pub fn submit(&self, bytes: &[u8]) -> Result<()> {
        let taken = self.take_all(bytes);
        self.0.go_on();
        taken
    }

    fn take_all(&self, bytes: &[u8]) -> Result<()> {
        let mut start = None;
        let mut taken = 0u32;
        let mut batch = ByteReader::new(bytes);
        while !batch.is_empty() {
            let length = batch.u32()? as usize;
            let bytes = batch.bytes(length)?;
            let mut request = ByteReader::new(bytes);
            let head = RequestHead::read(&mut request)?;
            if self.0.postpones(head, bytes) {
                continue;
            }
            // Nothing waits behind the last one: most batches need no clock.
            let more = !batch.is_empty();
            if more && start.is_none() {
                start = Some(platform::now());
            }
            self.0.take(head, request);
            taken += 1;
            if let (Some(start), true) = (start, more) {
                self.0.note_time(start);
                if taken.is_multiple_of(TOGETHER) {
                    self.0.exit.host.part();
                }
            }
        }
        Ok(())
    }

    /// Takes one request. A reply that is ready at once is added to `reply`, and is not among
    /// those of [`take`](Self::take); returns whether it was. The request may be cancelled once this
    /// has returned, not before.
    ///
    /// # Errors
    /// `InvalidArgument` for bytes that are not a request.
    pub fn call(&self, request: &[u8], reply: &mut Vec<u8>) -> Result<bool> {
        let (head, request) = only(request)?;
        self.catch_up();
        self.0.exit.call(head.id);
        let timed = self.0.timed(head);
        let Some(done) = self.0.begin(head, request, timed.as_ref()).transpose() else {
            self.0.hand_over();
            return Ok(false);
        };
        if self.0.exit.has_parts(head.id) {
            // A reader's thread was just as fast: what it wrote comes first.
            self.0.reply(head.id, timed.as_deref(), &done);
            return Ok(false);
        }
        let mut out = ReplyBatch::on(std::mem::take(reply));
        out.times(head.id, timed.as_deref(), &done);
        out.result(head.id, &done);
        *reply = out.into_bytes();
        Ok(true)
    }

    /// Whether requests wait for [`resume`](Self::resume).
    pub fn is_behind(&self) -> bool {
        self.0.behind.load(Ordering::Acquire)
    }

    /// Continues with waiting requests, for a moment. Must be called when the host's one thread has
    /// looked for messages, one of which may cancel a waiting request.
    pub fn resume(&self) {
        self.take_waiting();
        self.0.go_on();
    }

    /// Takes the requests that wait: one that comes by itself is behind them.
    pub(super) fn catch_up(&self) {
        while self.is_behind() || self.0.waits.load(Ordering::Acquire) {
            self.take_waiting();
        }
    }

    fn take_waiting(&self) {
        let start = platform::now();
        self.0.behind.store(false, Ordering::Release);
        loop {
            if self.is_behind() {
                return;
            }
            let mut state = self.0.state();
            let Some(bytes) = state.waiting.pop_front() else {
                self.0.waits.store(false, Ordering::Release);
                return;
            };
            drop(state);
            let mut request = ByteReader::new(&bytes);
            // It was read before.
            if let Ok(head) = RequestHead::read(&mut request) {
                self.0.take(head, request);
            }
            self.0.note_time(start);
        }
    }

    /// Takes the replies that are ready; false if there are none. What is in `taken` is discarded,
    /// and its memory is used again.
    pub fn take(&self, taken: &mut Vec<u8>) -> bool {
        self.0.exit.exchange(taken);
        !taken.is_empty()
    }

    /// Returns an error's fields as JSON, for failures before there is a server.
    pub fn describe(error: &Error) -> String {
        describe(error).to_string()
    }
}

impl Drop for Server {
    /// Cancels what is under way, and rolls back what is open.
    fn drop(&mut self) {
        let (tasks, handles) = self.0.state().drain();
        for task in tasks {
            task.cancel();
        }
        handles.into_iter().for_each(release);
    }
}

impl Credit for ServerInner {
    fn credit(&self, id: u32) {
        self.out(|out| out.credit(id));
    }
}

pub(super) type RequestFuture = BoxFuture<'static, Result<Outcome>>;

impl ServerInner {
    pub(super) fn state(&self) -> MutexGuard<'_, ClientState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn out(&self, write: impl FnOnce(&mut ReplyBatch)) {
        self.exit.write(write);
    }

    /// Writes the result of a request.
    pub(super) fn reply(&self, id: u32, timed: Option<&Timed>, result: &Result<Outcome>) {
        self.out(|out| {
            out.times(id, timed, result);
            out.result(id, result);
        });
    }

    fn take(self: &Arc<Self>, head: RequestHead, request: ByteReader<'_>) {
        if !matches!(head.op, op::CANCEL | op::WITHDRAW | op::DROP | op::MORE)
            && !cancellation::may_begin(self.client, head.id)
        {
            return self.refuse(head);
        }
        let timed = self.timed(head);
        if let Some(done) = self.begin(head, request, timed.as_ref()).transpose() {
            self.reply(head.id, timed.as_deref(), &done);
        }
    }

    /// Makes the next requests wait, if those taken since `start` took long.
    fn note_time(&self, start: Duration) {
        if platform::now().saturating_sub(start) >= LONG {
            self.behind.store(true, Ordering::Release);
        }
    }

    /// Begins a request, and returns its outcome if it is done at once.
    fn begin(
        self: &Arc<Self>,
        head: RequestHead,
        mut payload: ByteReader<'_>,
        timed: Option<&Arc<Timed>>,
    ) -> Result<Option<Outcome>> {
        match head.op {
            op::CANCEL => {
                self.cancel(head.handle);
            }
            op::WITHDRAW => self.withdraw(head.handle),
            op::DROP => self.drop_handle(head.handle),
            op::MORE => self.more(head, payload),
            op::INTERRUPT => return self.interrupt(head.handle).map(Some),
            op::CAPABILITIES => {
                return Ok(Some(Outcome::Bits(bits_of(self.database.capabilities()))));
            }
            _ => {
                if head.handle == 0 && head.op != op::MIGRATE {
                    self.check_schema()?;
                }
                if let (0, Some(want)) = (head.handle, ResultShape::of(head.op)) {
                    return self.statement(head, want, &mut payload, timed);
                }
                self.check_number(head)?;
                let work = self.work(head, &mut payload, timed)?;
                return self.start(head, work, timed);
            }
        }
        Ok(None)
    }

    /// # Errors
    /// `InvalidArgument` for a number that is in use: if it named two things, one of them would
    /// live for ever.
    pub(super) fn check_number(&self, head: RequestHead) -> Result<()> {
        let state = self.state();
        if state.tasks.contains_key(&head.id) || state.handles.contains(head.id) {
            return Err(malformed());
        }
        Ok(())
    }

    /// Identifies the caller to the engine.
    pub(super) fn caller(&self, head: RequestHead) -> Caller {
        let until = head.timeout.map(|limit| platform::now() + limit);
        let (client, request, queued) = (self.client, head.id, head.queued);
        Caller { client, request, until, queued, withdrawn: false }
    }

    pub(super) fn target(&self, handle: u32) -> Result<CallTarget> {
        if handle == 0 {
            return Ok(CallTarget::Database(self.database.clone()));
        }
        self.state().handles.session_handle(handle).map(CallTarget::Handle)
    }

    /// Returns the work that a request has to do.
    fn work(
        self: &Arc<Self>,
        head: RequestHead,
        payload: &mut ByteReader<'_>,
        timed: Option<&Arc<Timed>>,
    ) -> Result<RequestFuture> {
        let inner = Arc::clone(self);
        if head.op == op::NEXT {
            return inner.fetch(head, payload);
        }
        #[cfg(not(target_family = "wasm"))]
        if head.op == op::STORED {
            return inner.stored(head, payload);
        }
        let target = self.target(head.handle)?;
        let ticket = target.ticket();
        if let Some(operation) = Operation::read(head.op, payload)? {
            #[cfg(not(target_family = "wasm"))]
            let operation = self.with_storage(operation)?;
            if let Some(timed) = timed {
                timed.describe(timed::describe(&operation));
            }
            let timed = timed.cloned();
            if head.reads && operation.changes() {
                return Err(Error::changes());
            }
            let feed = Arc::new(RecordFeed::default());
            if matches!(head.op, op::EXECUTE_MANY | op::INSERT_MANY) {
                // Nothing has closed it yet.
                let _ = feed.push(payload.rest(), None, !head.more);
                if head.more {
                    self.state().open_feed(head.id, &feed);
                }
            }
            return Ok(Box::pin(async move {
                if let Some(ticket) = &ticket {
                    ticket.first().await?;
                }
                // Before waiting for rows.
                target.check(HandleUse::Use)?;
                let asker = Requester { inner: &inner, id: head.id, timed: timed.as_ref() };
                let ended = run(&target, head, operation, &feed, &asker).await;
                if target.wrote() {
                    inner.state().remember(head.id, head.handle);
                }
                match ended? {
                    OperationEnd::Outcome(outcome) => Ok(outcome),
                    OperationEnd::Watch(live) => {
                        Ok(inner.keep(head, Handle::Watch(Arc::new(WatchHandle::new(live)))))
                    }
                    OperationEnd::Commits(feed) => {
                        Ok(inner.keep(head, Handle::Commits(Arc::new(CommitsHandle::new(feed)))))
                    }
                    OperationEnd::Migrations(end) => inner.note_migrations(end),
                    OperationEnd::Held(handle) => Ok(inner.keep(head, handle)),
                    OperationEnd::Outbox(database) => {
                        Ok(inner.keep(head, Handle::Outbox(Arc::new(OutboxHandle::new(database)))))
                    }
                    OperationEnd::Stream(rows) => {
                        let stream = Stream::new(rows, target, head.handle, timed);
                        Ok(inner.keep(head, Handle::Stream(Arc::new(stream))))
                    }
                }
            }));
        }
        if let Some(timed) = timed {
            timed.describe(timed::describe_control(head.op));
        }
        let mode = if head.op == op::BEGIN { begin(payload)? } else { Begin::default() };
        Ok(Box::pin(async move {
            if let Some(ticket) = &ticket
                && let Err(error) = ticket.first().await
            {
                if head.ends() {
                    inner.release_handle(head.id, head.handle, true);
                }
                return Err(error);
            }
            inner.control(head, &target, mode).await
        }))
    }

    fn keep(&self, head: RequestHead, made: Handle) -> Outcome {
        self.state().handles.put(head.id, made);
        Outcome::Handle
    }

    fn more(&self, head: RequestHead, rows: ByteReader<'_>) {
        let feed = self.state().feed(head.handle).cloned();
        if !feed.is_some_and(|feed| feed.push(rows.rest(), Some(head.id), !head.more)) {
            // The operation is over and has reported its error: nobody should keep waiting for
            // these rows to be taken.
            self.credit(head.id);
        }
    }

    /// Replies to requests whose rows nobody will take.
    pub(super) fn credit_all(&self, unpaid: Vec<u32>) {
        for id in unpaid {
            self.credit(id);
        }
    }

    fn interrupt(&self, handle: u32) -> Result<Outcome> {
        match self.target(handle)? {
            CallTarget::Database(database) => database.interrupt(),
            CallTarget::Handle(session_handle) => session_handle.session.interrupt(),
        }
        Ok(Outcome::Done)
    }
}
