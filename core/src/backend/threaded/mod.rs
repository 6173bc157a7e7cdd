//! The backend for machines with threads: one writer and several readers on one database file.

mod busy;
mod channel;
mod checkpoint;
mod close;
mod copy;
mod dedicated;
mod foreign;
mod group;
mod idle_connections;
mod idle_watch;
mod inline;
mod lease_expiry;
mod pool;
mod read;
mod replica;
mod routes;
mod session;
mod slot;
mod snapshot;
mod stats;
mod stream;
mod waiting;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::counters::Counters;
use super::{
    Backend, BackendSession, Capabilities, Completer, CopyOrder, Intent, Pages, Reply, RestoreFrom,
    Stats, call,
};
use crate::backend::replica::ReplicaOrder;
use crate::changes::Observation;
use crate::engine::{Connection, HAS_CHANGESETS, HAS_ROWS, Role, context};
use crate::error::{Error, ErrorKind, Result};
use crate::options::{Options, Synchronous};
use crate::platform::coop;
use crate::platform::files::FileId;
use crate::program::Begin;
use crate::program::{Access, Output, PageSink, Program};
use crate::sql::Params;
use checkpoint::Checkpoints;
use group::{PooledConnections, QueuedWrite};
use idle_watch::InUse;
use pool::Pool;
use routes::Routes;
use session::WriterSession;
use slot::{Upkeep, open_with};
use writer::{Writer, WriterEntry, WriterHolder};

/// The backend with threads.
#[derive(Debug)]
pub(crate) struct Threaded {
    shared: Arc<Shared>,
}

/// What the backend, its sessions and its threads share.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    options: Options,
    readers: Arc<Pool>,
    dedicated: Arc<Pool>,
    /// One connection that reports what a statement does when no reader is free.
    planner: Arc<Pool>,
    writer: Writer,
    routes: Routes,
    checkpoints: Checkpoints,
    counters: Counters,
    copies: copy::Copies,
    replicas: replica::Replicas,
    /// Readers whose connection keeps a lease, one bit each.
    leased: AtomicU64,
    /// Readers that ran something since leases were last checked, one bit each.
    touched: AtomicU64,
    expiry_scheduled: AtomicBool,
    tidying: idle_connections::Tidying,
    /// Commits do not wait for the disk, so they may run on a caller's thread.
    quick_commits: AtomicBool,
    /// The file that the writer has open: the others must open the same one.
    file: OnceLock<FileId>,
    coexistence: AtomicBool,
    observation: Arc<Observation>,
    foreign: foreign::ForeignCommits,
    life: AtomicU8,
    /// When closing was requested.
    closing_since: OnceLock<Instant>,
    /// The file has existed: it is created only once.
    found: AtomicBool,
    /// Calls waiting for the end of closing; `None` after it.
    closers: Mutex<Option<Vec<Completer<()>>>>,
}

const OPEN: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

impl Threaded {
    /// Opens the database; the reply is ready when its writer is.
    pub(crate) fn open(path: &Path, options: Options) -> Reply<Self> {
        // There is no bound on how long a memory-mapped page takes to load from disk.
        let inline = options.inline && options.mmap_size == 0;
        let options = options.inline(inline);
        let (path, options) = match crate::vfs::place(path, options) {
            Ok(placed) => placed,
            Err(error) => return Reply::err(error),
        };
        let (patience, idle) = (options.acquire_timeout, options.idle_timeout);
        let (kept, closed) = (Upkeep { idle, keep: true }, Upkeep { idle, keep: false });
        let shared = Arc::new(Shared {
            path,
            readers: Pool::new(options.readers, 64, patience, kept),
            dedicated: Pool::new(options.sessions, 0, patience, closed),
            planner: Pool::new(1, 0, patience, closed),
            options,
            writer: Writer::new(kept),
            routes: Routes::default(),
            checkpoints: Checkpoints::default(),
            counters: Counters::default(),
            copies: copy::Copies::default(),
            replicas: replica::Replicas::default(),
            leased: AtomicU64::new(0),
            touched: AtomicU64::new(0),
            expiry_scheduled: AtomicBool::new(false),
            tidying: idle_connections::Tidying::default(),
            quick_commits: AtomicBool::new(false),
            file: OnceLock::new(),
            coexistence: AtomicBool::new(false),
            observation: Arc::default(),
            foreign: foreign::ForeignCommits::default(),
            life: AtomicU8::new(OPEN),
            closing_since: OnceLock::new(),
            found: AtomicBool::new(false),
            closers: Mutex::new(Some(Vec::new())),
        });
        shared.tidy_after_rest();
        let watched = Arc::downgrade(&shared);
        shared.observation.set_look_out(move |wanted| match watched.upgrade() {
            Some(shared) if wanted => shared.foreign.begin(&shared),
            Some(shared) => shared.foreign.end(),
            None => {}
        });
        let (completer, call) = call();
        let slot = Arc::clone(&shared.writer.slot);
        slot.submit(Box::new(move |connection| {
            let opened = shared.open_writer(connection).map(|_| ());
            if opened.is_err() {
                // Nobody else will: this thread ends after this job.
                shared.writer.slot.close();
            }
            // A database that nobody takes any more closes when dropped.
            drop(completer.complete(opened.map(|()| Self { shared })));
        }));
        Reply::call(call)
    }
}

impl Shared {
    fn open_writer<'a>(
        self: &Arc<Self>,
        connection: &'a mut Option<Connection>,
    ) -> Result<&'a mut Connection> {
        open_with(connection, || self.connect_writer())
    }

    fn connect_writer(self: &Arc<Self>) -> Result<Connection> {
        let mut opened = self.connect(Role::Writer)?;
        let shared = Arc::downgrade(self);
        opened.set_others(Box::new(PooledConnections { shared, except: None }));
        self.note_mode(&opened);
        self.note_file(&opened);
        self.found.store(true, Ordering::Release);
        Ok(opened)
    }

    fn open_reader<'a>(
        &self,
        connection: &'a mut Option<Connection>,
    ) -> Result<&'a mut Connection> {
        open_with(connection, || self.connect(Role::Reader))
    }

    /// Opens another connection to this file. Retries where SQLite meets locks that it does not
    /// wait for (two simultaneous changes of the journal mode, the last connection of another
    /// process closing).
    fn connect(&self, role: Role) -> Result<Connection> {
        let until = Instant::now() + self.options.busy_timeout;
        // A session's ATTACH may create a file; the database itself is created only once.
        let there =
            || role == Role::Dedicated && (self.options.vfs.is_some() || self.path.exists());
        let create = self.options.create && (!self.found.load(Ordering::Acquire) || there());
        let options = self.options.clone().create(create);
        loop {
            match Connection::open_same(&self.path, &options, role, self.file.get().copied()) {
                Err(error)
                    if error.kind() == ErrorKind::Busy
                        && Instant::now() < until
                        && !self.is_closed() =>
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) if error.is_moved() => {
                    self.writer.slot.submit(Box::new(|writer| {
                        if let Some(writer) = writer {
                            writer.empty_moved_log();
                        }
                    }));
                    return Err(error);
                }
                Ok(mut connection) => {
                    self.counters.watch(&connection);
                    if role != Role::Reader {
                        connection.record_commits(Arc::clone(&self.observation));
                    }
                    return Ok(connection);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Records the journal mode, at opening and after it was set.
    fn note_mode(&self, writer: &Connection) {
        let relaxed = matches!(self.options.synchronous, Synchronous::Off | Synchronous::Normal);
        let quick = writer.is_wal() && relaxed;
        self.quick_commits.store(quick && !self.options.read_only, Ordering::Release);
    }

    /// Records which file it is, at opening.
    fn note_file(&self, writer: &Connection) {
        if let Some(file) = writer.file() {
            let _ = self.file.set(file);
        }
        let coexistence = self.options.vfs.is_none() && writer.coexists();
        self.coexistence.store(coexistence, Ordering::Release);
    }

    #[inline]
    fn check_open(&self) -> Result<()> {
        if self.life.load(Ordering::Acquire) == OPEN {
            return Ok(());
        }
        Err(Error::closed("database"))
    }

    /// Whether closing no longer waits for anybody.
    fn is_closed(&self) -> bool {
        self.life.load(Ordering::Acquire) == CLOSED
    }

    /// Checks that a session may run: those that are out when closing begins may finish their work.
    fn check_session(&self) -> Result<()> {
        if !self.is_closed() {
            return Ok(());
        }
        Err(Error::closed("database"))
    }

    fn write(self: &Arc<Self>, program: Program<'_>, completer: Completer<Output>) {
        let write = QueuedWrite { program: program.into_owned(), completer, since: Instant::now() };
        Writer::enqueue(self, WriterEntry::Write(write));
    }
}

impl Backend for Threaded {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transactions: true,
            cursors: true,
            snapshots: true,
            sessions: true,
            coexistence: self.shared.coexistence.load(Ordering::Acquire),
            watches: true,
            row_changes: HAS_ROWS,
            changesets: HAS_CHANGESETS,
            backups: true,
            replicas: true,
        }
    }

    fn observation(&self) -> Option<&Arc<Observation>> {
        Some(&self.shared.observation)
    }

    #[inline]
    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output> {
        let shared = &self.shared;
        if let Err(error) = shared.check_open() {
            return Reply::err(error);
        }
        if program.access == Access::Write {
            return self.run_write(program);
        }
        let Some(claim) = shared.readers.try_inline() else {
            return self.run_waiting(program);
        };
        if shared.options.inline {
            match inline::read(shared, &claim, &program) {
                inline::InlineOutcome::Done(result) => return Reply::ready_in_turn(result),
                inline::InlineOutcome::Writes => {
                    drop(claim);
                    return self.run_write(program);
                }
                inline::InlineOutcome::Elsewhere => {}
            }
        } else if let [step] = program.steps.as_slice()
            && shared.routes.writes(&step.sql)
        {
            drop(claim);
            return self.run_write(program);
        }
        let (completer, call) = call();
        let (shared, claim, program) =
            (Arc::clone(shared), claim.into_claim(), program.into_owned());
        let sink = sink.and_then(PageSink::lasting);
        read::on_thread(shared, claim, program, completer, sink);
        Reply::call(call)
    }

    fn acquire(&self, intent: Intent) -> Reply<Box<dyn BackendSession>> {
        let shared = &self.shared;
        if let Err(error) = shared.check_open() {
            return Reply::err(error);
        }
        let (completer, call) = call();
        match intent {
            Intent::Snapshot => {
                let shared = Arc::clone(shared);
                let readers = Arc::clone(&shared.readers);
                readers.claim(Box::new(snapshot::BeginSnapshot { shared, completer }));
            }
            Intent::Dedicated => {
                let shared = Arc::clone(shared);
                let own = Arc::clone(&shared.dedicated);
                own.claim(Box::new(dedicated::AcquireSession { shared, completer }));
            }
            Intent::Transaction(begin) => return self.acquire_writer(begin),
        }
        Reply::call(call)
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if let Err(error) = self.shared.check_open() {
            return Reply::err(error);
        }
        Reply::ready(Ok(stream::start(&self.shared, sql, params)))
    }

    fn copy(&self, order: CopyOrder) -> Reply<()> {
        match self.shared.check_open() {
            Ok(()) => copy::copy(&self.shared, order),
            Err(error) => Reply::err(error),
        }
    }

    fn restore(&self, from: RestoreFrom) -> Reply<()> {
        match self.shared.check_open() {
            Ok(()) => copy::restore(&self.shared, from),
            Err(error) => Reply::err(error),
        }
    }

    fn stats(&self) -> Option<Stats> {
        Some(stats::of(&self.shared))
    }

    fn replicate(&self, order: ReplicaOrder) -> Reply<()> {
        match self.shared.check_open() {
            Ok(()) => replica::begin(&self.shared, order),
            Err(error) => Reply::err(error),
        }
    }

    fn acquire_timeout(&self) -> Option<Duration> {
        Some(self.shared.options.acquire_timeout)
    }

    fn close_patience(&self) -> Option<Duration> {
        Some(self.shared.options.busy_timeout)
    }

    fn interrupt(&self) {
        for pool in [&self.shared.readers, &self.shared.dedicated] {
            for slot in pool.slots() {
                slot.interrupt();
            }
        }
        self.shared.writer.slot.interrupt();
    }

    fn note_closing(&self) {
        self.shared.closing_since.get_or_init(Instant::now);
    }

    fn close(&self) -> Reply<()> {
        close::begin(&self.shared)
    }
}

impl Threaded {
    fn run_write(&self, program: Program<'_>) -> Reply<Output> {
        let alone = !shares_commit();
        // Once its turn is over, a caller waits for the writer's thread like the others, so that no
        // completed work is held back while others have their turn.
        let over = alone && coop::is_writers_turn_over();
        if alone
            && !over
            && let Some(result) = inline::write(&self.shared, &program)
        {
            return Reply::ready(result);
        }
        let (completer, call) = call();
        self.shared.write(program, completer);
        if over { Reply::call_in_turn(call) } else { Reply::call(call) }
    }

    /// Runs a program when no reader is free.
    fn run_waiting(&self, program: Program<'_>) -> Reply<Output> {
        if let [step] = program.steps.as_slice()
            && self.shared.routes.writes(&step.sql)
        {
            return self.run_write(program);
        }
        let (completer, call) = call();
        waiting::wait(&self.shared, program.into_owned(), completer);
        Reply::call(call)
    }

    fn acquire_writer(&self, begin: Begin) -> Reply<Box<dyn BackendSession>> {
        let shared = &self.shared;
        let claim = match Writer::try_claim(shared, WriterHolder::of_writer(shared)) {
            Some(claim) => match inline::begin(shared, &claim, begin) {
                Some(Ok(())) => {
                    let session: Box<dyn BackendSession> = Box::new(WriterSession::new(claim));
                    return Reply::ready_in_turn(Ok(session));
                }
                Some(Err(error)) => return Reply::err(error),
                None => Reply::ready(Ok(claim)),
            },
            None => {
                let (completer, call) = call();
                let holder = WriterHolder::of_writer(shared);
                Writer::enqueue(
                    shared,
                    WriterEntry::Claim { completer, since: Instant::now(), holder },
                );
                Reply::call(call)
            }
        };
        let shared = Arc::clone(shared);
        Reply::later(Box::pin(async move {
            let claim = claim.await?;
            let (completer, begun) = call();
            let slot = Arc::clone(claim.slot());
            let on_thread = Arc::clone(&shared);
            let busy = InUse::new(claim.watch());
            slot.submit(Box::new(move |connection| {
                completer.note_begun();
                let begun = on_thread.open_writer(connection).and_then(|connection| {
                    let interrupt = completer.interrupt();
                    on_thread.writer.slot.interruptible(connection, interrupt, |connection| {
                        connection.begin_for_another(begin)
                    })
                });
                drop(busy);
                let session =
                    begun.map(|()| Box::new(WriterSession::new(claim)) as Box<dyn BackendSession>);
                // One that nobody takes any more rolls back when dropped.
                drop(completer.complete(on_thread.writer.slot.closed_if_stopping(session)));
            }));
            begun.await
        }))
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        close::abandon(&self.shared);
    }
}

/// Whether the caller has said that others write as well: one commit for many writes costs less
/// than an immediate one for each.
fn shares_commit() -> bool {
    context::current().is_some_and(|caller| caller.queued)
}
