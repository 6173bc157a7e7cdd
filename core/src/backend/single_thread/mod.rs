//! The backend for hosts without threads, such as workers in browsers and Node. All connections
//! are on the one calling thread, and the only wait is for the write permit.
//!
//! A read runs on the writer's connection, whose cache it shares. If a transaction holds that, the
//! read uses a read-only connection, so that reads continue alongside an open transaction. Writes
//! requested at the same moment share a commit. This needs shared memory for the log's index, which
//! the VFS keeps for the connections of one file, or of one database in memory ([`crate::vfs`]). In
//! other journal modes a commit would meet the locks of reads that last longer than one call, and
//! this thread can't wait for those: such reads take the write permit as well.

mod checkpoint;
mod close;
mod connection_cell;
mod copy;
mod dedicated;
mod pool;
mod read;
mod session;
mod snapshot;
mod stats;
mod stoppable;
mod stream;
mod write;
mod write_queue;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::counters::Counters;
use super::{
    Backend, BackendSession, Capabilities, CopyOrder, Intent, Pages, Reply, RestoreFrom, Stats,
};
use crate::changes::Observation;
use crate::engine::{Connection, HAS_CHANGESETS, HAS_ROWS, OtherConnections, Role};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::program::Access;
use crate::program::Begin;
use crate::program::{Output, PageSink, Program};
use crate::sql::Params;
use crate::vfs;
use connection_cell::ConnectionCell;
use pool::Pool;
use write_queue::{WritePermit, WriteQueue};

/// One database file, or one in memory, on the caller's thread.
#[derive(Debug)]
pub(crate) struct SingleThread(Arc<SingleThreadShared>);

/// What the backend and its sessions share.
#[derive(Debug)]
struct SingleThreadShared {
    path: PathBuf,
    /// The actual location: a database in memory has a name of its own.
    location: PathBuf,
    options: Options,
    /// The connection that writes, used by the holder of the permit.
    writer: ConnectionCell,
    /// Per file: backends that opened the same file take turns to write too.
    queue: Arc<WriteQueue>,
    /// Outside WAL mode, the permit shared by all reads that last longer than one call.
    reading: Mutex<Weak<WritePermit>>,
    /// The connection for reads while a transaction holds the writer's.
    reader: ConnectionCell,
    /// Connections for streams and snapshots.
    readers: Pool,
    /// Connections for sessions.
    sessions: Pool,
    /// Readers and the writer do not wait for each other, because the file is in WAL mode.
    several: AtomicBool,
    observation: Arc<Observation>,
    counters: Counters,
    /// What SQLite called the state of the file at the last look, outside WAL mode.
    data: Mutex<Option<i64>>,
    closing: AtomicBool,
    /// How many copies are being made.
    copies: AtomicU32,
    /// Frames in the log at the last checkpoint.
    checkpointed: AtomicU32,
    checkpoint_due: AtomicBool,
}

impl SingleThread {
    /// Opens the database on this thread.
    pub(crate) fn open(path: &Path, options: Options) -> Result<Self> {
        // Leases save system calls, and there are none here.
        let (location, options) = vfs::place(path, options.leases(false))?;
        let connection = connect(&location, &options, Role::Writer)?;
        let several = connection.is_wal();
        let queue = WriteQueue::of(&location, &options);
        let (readers, sessions) = (options.readers, options.sessions);
        let shared = Arc::new(SingleThreadShared {
            path: path.to_owned(),
            location,
            writer: connection_cell::slot(Some(connection)),
            queue,
            reading: Mutex::default(),
            reader: connection_cell::slot(None),
            readers: Pool::new(readers),
            sessions: Pool::new(sessions),
            several: AtomicBool::new(several),
            observation: Arc::default(),
            counters: Counters::default(),
            data: Mutex::default(),
            closing: AtomicBool::new(false),
            copies: AtomicU32::new(0),
            checkpointed: AtomicU32::new(0),
            checkpoint_due: AtomicBool::new(false),
            options,
        });
        connection_cell::with(&shared.writer, |writer| {
            shared.counters.watch(writer);
            writer.set_others(shared.other_connections());
            writer.record_commits(Arc::clone(&shared.observation));
        });
        let watched = Arc::downgrade(&shared);
        shared.observation.set_look_out(move |wanted| {
            let Some(shared) = watched.upgrade() else { return };
            shared.queue.set_watching(&watched, wanted);
            if wanted {
                shared.account_for_the_past();
            }
        });
        Ok(Self(shared))
    }
}

fn connect(path: &Path, options: &Options, role: Role) -> Result<Connection> {
    let mut connection = Connection::open(path, options, role)?;
    // Nothing else makes progress while this thread waits, so a lock that is taken stays taken.
    connection.wait_for_locks(Duration::ZERO);
    Ok(connection)
}

impl SingleThreadShared {
    /// Uses the writer's connection. The caller has the permit, or nobody has.
    fn with_writer<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        connection_cell::with(&self.writer, |it| work(it)).unwrap_or_else(|| Err(self.closed()))
    }

    /// Opens another connection to this file.
    fn connect(&self, role: Role) -> Result<Connection> {
        let mut connection = connect(&self.location, &self.options, role)?;
        self.counters.watch(&connection);
        if role != Role::Reader {
            connection.record_commits(Arc::clone(&self.observation));
        }
        Ok(connection)
    }

    /// Whether reads that last longer than one call run alongside commits.
    fn several(&self) -> bool {
        self.several.load(Ordering::Relaxed)
    }

    fn check_open(&self) -> Result<()> {
        if self.closing.load(Ordering::Relaxed) {
            return Err(self.closed());
        }
        Ok(())
    }

    #[cold]
    fn closed(&self) -> Error {
        Error::closed("database").with_path(&self.path)
    }

    /// Makes what is committed by now count as seen.
    fn account_for_the_past(&self) {
        let position = self
            .writer
            .try_connection()
            .and_then(|mut writer| writer.as_mut().and_then(Connection::log_position));
        if let Some(position) = position {
            self.observation.begin_accounts(position);
        } else {
            self.account_for_others();
        }
    }

    /// Reports what others that opened the same file here have committed.
    fn look_for_commits(&self) {
        if self.account_for_others() {
            self.observation.report_foreign(None, true);
        }
    }

    /// Returns whether there may be commits that no connection of this database has accounted for,
    /// and accounts for them.
    fn account_for_others(&self) -> bool {
        // Its own statement is running, perhaps the one that has just committed.
        let Some(mut writer) = self.writer.try_connection() else { return true };
        let Some(writer) = writer.as_mut() else { return false };
        if let Some(position) = writer.log_position() {
            return !self.observation.is_accounted(&position)
                && self.observation.account(0, position).foreign;
        }
        // Outside WAL mode, commits of its own other connections count too.
        let data = writer.integer("PRAGMA data_version").ok();
        let before =
            std::mem::replace(&mut *self.data.lock().unwrap_or_else(PoisonError::into_inner), data);
        data.is_none() || before != data
    }

    /// Must be called when the journal mode may have changed.
    fn note_mode(&self) {
        let wal = self.with_writer(|connection| {
            connection.note_journal_mode()?;
            Ok(connection.is_wal())
        });
        if let Ok(wal) = wal {
            self.several.store(wal, Ordering::Relaxed);
        }
    }

    /// Reopens the writer's connection if a script left settings or temporary tables in it.
    fn replace_marked_writer(self: &Arc<Self>) {
        if connection_cell::with(&self.writer, |writer| writer.is_marked()) == Some(true) {
            let fresh = self.connect(Role::Writer).map(|mut fresh| {
                fresh.set_others(self.other_connections());
                fresh
            });
            // Only after the new one is open: closing a file's last connection closes the file.
            *self.writer.connection() = fresh.ok();
        }
    }

    /// Returns what clears idle connections for statements that may need the file to themselves.
    fn other_connections(self: &Arc<Self>) -> Box<dyn OtherConnections> {
        Box::new(IdleConnections(Arc::downgrade(self)))
    }
}

/// Keeps idle connections out of the way of a statement that acts on the file as a whole.
#[derive(Debug)]
struct IdleConnections(Weak<SingleThreadShared>);

impl OtherConnections for IdleConnections {
    fn clear(&self, _all: bool) -> Box<dyn Any> {
        if let Some(shared) = self.0.upgrade() {
            *shared.reader.connection() = None;
            shared.readers.close_idle();
            shared.sessions.close_idle();
        }
        Box::new(())
    }
}

impl Backend for SingleThread {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transactions: true,
            cursors: true,
            snapshots: true,
            sessions: true,
            // The host's files are held by the program that opened them.
            coexistence: false,
            watches: true,
            row_changes: HAS_ROWS,
            changesets: HAS_CHANGESETS,
            backups: true,
            replicas: false,
        }
    }

    fn observation(&self) -> Option<&Arc<Observation>> {
        Some(&self.0.observation)
    }

    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output> {
        if let Err(error) = self.0.check_open() {
            return Reply::err(error);
        }
        if program.access != Access::Write
            && let Some(result) = read::now(&self.0, &program, sink)
        {
            return Reply::ready(result);
        }
        // Waiting writes may share a transaction, and run again without the others.
        write::wait(&self.0, program.into_owned())
    }

    fn acquire(&self, intent: Intent) -> Reply<Box<dyn BackendSession>> {
        if let Err(error) = self.0.check_open() {
            return Reply::err(error);
        }
        match intent {
            Intent::Snapshot => snapshot::acquire(&self.0),
            Intent::Dedicated => dedicated::acquire(&self.0),
            Intent::Transaction(Begin::Deferred) if self.0.several() => {
                dedicated::begin_deferred(&self.0)
            }
            Intent::Transaction(begin) => session::acquire(&self.0, begin),
        }
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if let Err(error) = self.0.check_open() {
            return Reply::err(error);
        }
        stream::start(&self.0, sql, params)
    }

    fn copy(&self, order: CopyOrder) -> Reply<()> {
        match self.0.check_open() {
            Ok(()) => copy::copy(&self.0, order),
            Err(error) => Reply::err(error),
        }
    }

    fn restore(&self, from: RestoreFrom) -> Reply<()> {
        match self.0.check_open() {
            Ok(()) => copy::restore(&self.0, from),
            Err(error) => Reply::err(error),
        }
    }

    fn stats(&self) -> Option<Stats> {
        Some(stats::of(&self.0))
    }

    fn acquire_timeout(&self) -> Option<Duration> {
        Some(self.0.options.acquire_timeout)
    }

    fn close_patience(&self) -> Option<Duration> {
        Some(self.0.options.busy_timeout)
    }

    /// Does nothing, since nothing runs between two calls on one thread. To stop a running call,
    /// use [`crate::wire::Server::set_probe`].
    fn interrupt(&self) {}

    fn close(&self) -> Reply<()> {
        close::begin(&self.0)
    }
}

/// A future behind a pointer.
type BoxedFuture<T> = crate::platform::BoxFuture<'static, T>;

/// A table of what is shared, keyed by file name.
type ByPath<T> = Mutex<Option<HashMap<String, Weak<T>, FixedState>>>;
