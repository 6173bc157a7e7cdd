//! Copies of the database, and replacing it: each on a thread of its own, which waits for the disk
//! and takes turns with those who write.
//!
//! A copy proceeds in slices on the writer's connection, between two writes. What is written here
//! while it is made goes into it, and no read transaction is kept open, so the log stays small. When
//! others keep changing the file, or a transaction holds the writer for too long, the copy is made
//! in one read transaction instead, which ends only with the copy: it waits for nobody.

use std::cell::Cell;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::checkpoint;
use super::writer::{Writer, WriterClaim, WriterEntry, WriterHolder};
use crate::backend::copy_file::{CopyFile, RESTARTS, failed, unwritten};
use crate::backend::{
    self, ChunkSink, CopyOrder, CopyProgress, CopyTo, Reply, RestoreFrom, call, cancelled,
    check_source,
};
use crate::engine::{ChunkCopy, Connection, CopyNumber, CopyStep, CopyTarget, RestoreSource, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::program::Interrupt;

/// How long a slice of a copy keeps the writer.
const SLICE: Duration = Duration::from_millis(1);

/// The same where nobody waits for it.
const LONG_SLICE: Duration = Duration::from_millis(20);

/// The bytes of a copy that are read at once.
const CHUNK: usize = 256 * 1024;

/// How often somebody who waits for a reader of bytes looks at the log.
const LOOK: Duration = Duration::from_millis(100);

/// The copies that are being made.
#[derive(Debug, Default)]
pub(super) struct Copies {
    running: Mutex<Vec<Arc<Interrupt>>>,
    ended: Condvar,
}

impl Copies {
    fn running(&self) -> MutexGuard<'_, Vec<Arc<Interrupt>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until none is being made, or until `until`.
    pub(super) fn wait_idle(&self, until: Instant) -> bool {
        let mut running = self.running();
        while !running.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            let waited = self.ended.wait_timeout(running, left);
            running = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Stops all, and waits for that. Those that wait for the writer end with it.
    pub(super) fn stop(&self) {
        for interrupt in self.running().iter() {
            interrupt.set();
        }
    }

    /// Waits for the end of all.
    pub(super) fn join(&self) {
        let running = self.running();
        let some = |running: &mut Vec<Arc<Interrupt>>| !running.is_empty();
        drop(self.ended.wait_while(running, some).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Makes a copy.
pub(super) fn copy(shared: &Arc<Shared>, order: CopyOrder) -> Reply<()> {
    on_thread(shared, move |shared, stop| match order.to {
        CopyTo::File { path, overwrite } => {
            to_file(shared, &path, overwrite, order.compact, &order.progress, stop)
        }
        CopyTo::Chunks(sink) => to_chunks(shared, &sink, order.compact, &order.progress, stop),
    })
}

/// Replaces the database.
pub(super) fn restore(shared: &Arc<Shared>, from: RestoreFrom) -> Reply<()> {
    on_thread(shared, move |shared, stop| {
        let form = shared.connect(Role::Reader)?.form()?;
        let source = match from {
            RestoreFrom::File(path) => {
                let own = database_file(shared);
                check_source(own, &path)?;
                let source = RestoreSource::open(&path, None, stop)?;
                if source.fits(&form)? {
                    return replace(shared, source, stop);
                }
                let rebuilt = CopyFile::temporary(own.unwrap_or(&path))?;
                source.rebuild_into(rebuilt.path(), &form, stop)?;
                let source = RestoreSource::open(rebuilt.path(), None, stop)?;
                return replace(shared, source, stop);
            }
            RestoreFrom::Bytes(bytes) => RestoreSource::of_bytes(&bytes, stop)?,
        };
        match source.fits(&form)? {
            true => replace(shared, source, stop),
            false => replace(shared, source.rebuilt_in_memory(&form, stop)?, stop),
        }
    })
}

/// Returns the file of the database, if it is one of the operating system's.
fn database_file(shared: &Shared) -> Option<&Path> {
    backend::database_file(&shared.options, &shared.path)
}

/// Runs work on a thread of its own.
fn on_thread(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Arc<Shared>, &Arc<Interrupt>) -> Result<()> + Send + 'static,
) -> Reply<()> {
    let (completer, call) = call();
    let stop = completer.interrupt();
    let (on_thread, running) = (Arc::clone(shared), Arc::clone(&stop));
    shared.copies.running().push(Arc::clone(&stop));
    let thread = std::thread::Builder::new().name("ubiqlite-copy".into());
    let spawned = thread.spawn(move || {
        let shared = on_thread;
        let done = match completer.start() {
            true => catch_unwind(AssertUnwindSafe(|| work(&shared, &stop))),
            false => Ok(Err(cancelled())),
        };
        let done = done.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "copying has failed because of a defect"))
        });
        let done = match done {
            Err(_) if stop.is_set() && shared.is_closed() => Err(Error::closed("database")),
            done => done,
        };
        end(&shared, &stop);
        completer.complete(done);
    });
    match spawned {
        Ok(_) => Reply::call(call),
        Err(error) => {
            end(shared, &running);
            Reply::err(Error::new(ErrorKind::Io, format!("can't start a thread: {error}")))
        }
    }
}

fn end(shared: &Shared, stop: &Arc<Interrupt>) {
    shared.copies.running().retain(|running| !Arc::ptr_eq(running, stop));
    shared.copies.ended.notify_all();
}

fn to_file(
    shared: &Arc<Shared>,
    path: &Path,
    overwrite: bool,
    compact: bool,
    progress: &CopyProgress,
    stop: &Arc<Interrupt>,
) -> Result<()> {
    let part = CopyFile::create(path, overwrite, database_file(shared))?;
    let writer = write(shared, &part, compact, progress, stop)?;
    // Whoever has dropped the call wants no file.
    check(stop)?;
    part.finish(writer)
}

/// What has the file of a copy open.
enum CopyWriter {
    Target { _target: CopyTarget },
    Connection { _connection: Box<Connection> },
}

/// Writes the copy into its file.
fn write(
    shared: &Arc<Shared>,
    part: &CopyFile,
    compact: bool,
    progress: &CopyProgress,
    stop: &Arc<Interrupt>,
) -> Result<CopyWriter> {
    if compact {
        let mut source = shared.connect(Role::Reader)?;
        part.write_compact(&mut source, progress, stop)?;
        return Ok(CopyWriter::Connection { _connection: Box::new(source) });
    }
    let target = syncing(part, |written| {
        if let Some(target) = between_writes(shared, part, progress, &written, stop)? {
            return Ok(target);
        }
        part.clear()?;
        in_one_read(shared, part, progress, &written, stop)
    });
    Ok(CopyWriter::Target { _target: target.map_err(unwritten)? })
}

/// Where a copy says how far it is, so that what is written goes to the disk meanwhile.
struct Written {
    /// The pages that are written, as of the last time that the disk was to have them.
    asked: Cell<u32>,
    ask: SyncSender<()>,
}

/// How many pages are written between two times that the disk is to have them.
const BETWEEN_SYNCS: u32 = 1_024;

impl Written {
    /// Says how many pages are written. Waits if the disk is far behind.
    fn note(&self, done: u32) {
        let before = self.asked.get();
        // It may have begun anew.
        if done < before || done - before >= BETWEEN_SYNCS {
            self.asked.set(done);
            // Whoever syncs is gone only after an error, which is reported in the end.
            let _ = self.ask.send(());
        }
    }
}

/// Runs `work`, while what it has written is sent to the disk little by little: a system that has
/// much to write keeps the commits of others waiting until that is done.
///
/// # Errors
/// Those of `work`, and of the disk: a system reports each of its errors once.
fn syncing<T>(part: &CopyFile, work: impl FnOnce(Written) -> Result<T>) -> Result<T> {
    std::thread::scope(|scope| {
        let (ask, asked) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("ubiqlite-sync".into());
        let syncs = thread.spawn_scoped(scope, move || -> Result<()> {
            while asked.recv().is_ok() {
                part.sync()?;
            }
            Ok(())
        });
        let done = work(Written { asked: Cell::new(0), ask })?;
        match syncs.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(synced)) => synced.map(|()| done),
            Ok(Err(_)) => {
                Err(Error::new(ErrorKind::Internal, "writing has failed because of a defect"))
            }
            // Without the thread, all is written in the end.
            Err(_) => Ok(done),
        }
    })
}

/// Copies on the writer's connection, between writes. `None`: that does not come to an end.
fn between_writes(
    shared: &Arc<Shared>,
    part: &CopyFile,
    progress: &CopyProgress,
    written: &Written,
    stop: &Interrupt,
) -> Result<Option<CopyTarget>> {
    let mut copy = OnWriter { shared, number: CopyNumber::fresh(), begun: false };
    let mut restarts = 0;
    loop {
        match copy.slice(part, stop) {
            Ok((step, target)) => {
                progress.set(step.done, step.total);
                if target.is_some() {
                    return Ok(target);
                }
                restarts += u32::from(step.restarted);
                written.note(step.done);
            }
            Err(error) if error.kind() == ErrorKind::Busy => restarts = u32::MAX,
            Err(error) => return Err(error),
        }
        if restarts > RESTARTS {
            return Ok(None);
        }
    }
}

/// A copy on the writer's connection. Dropping it ends it.
struct OnWriter<'a> {
    shared: &'a Arc<Shared>,
    number: CopyNumber,
    begun: bool,
}

impl OnWriter<'_> {
    /// Copies some pages, when it is this copy's turn. Returns the target once it is complete.
    fn slice(
        &mut self,
        part: &CopyFile,
        stop: &Interrupt,
    ) -> Result<(CopyStep, Option<CopyTarget>)> {
        let claim = claim(self.shared, stop)?;
        let (number, path) = (self.number, part.path().to_owned());
        let begun = std::mem::replace(&mut self.begun, true);
        let stepped = on_writer(self.shared, claim, move |connection| {
            if !begun {
                connection.begin_copy(number, CopyTarget::open(&path)?)?;
            }
            let step = match connection.step_copy(number, SLICE) {
                Some(step) => step?,
                // A script has left something in the connection, and there is another now.
                None => return Err(Error::busy_here("the connection that was copied is gone")),
            };
            let target = if step.finished { connection.end_copy(number) } else { None };
            Ok((step, target))
        });
        self.begun = !matches!(&stepped, Ok((step, _)) if step.finished);
        stepped
    }
}

impl Drop for OnWriter<'_> {
    fn drop(&mut self) {
        if !self.begun {
            return;
        }
        let number = self.number;
        let (completer, call) = call();
        // That needs no turn: it touches nothing that a transaction uses. With a closed writer it is
        // gone already.
        self.shared.writer.slot.submit(Box::new(move |connection| {
            drop(connection.as_mut().and_then(|connection| connection.end_copy(number)));
            completer.complete(Ok(()));
        }));
        let _ = call.wait(far(), None);
    }
}

/// Copies on a connection of its own, in one read transaction.
fn in_one_read(
    shared: &Arc<Shared>,
    part: &CopyFile,
    progress: &CopyProgress,
    written: &Written,
    stop: &Interrupt,
) -> Result<CopyTarget> {
    let mut source = shared.connect(Role::Reader)?;
    source.begin_snapshot()?;
    let number = CopyNumber::fresh();
    source.begin_copy(number, CopyTarget::open(part.path())?)?;
    loop {
        check(stop)?;
        let step = source.step_copy(number, LONG_SLICE).unwrap_or_else(|| Err(cancelled()))?;
        progress.set(step.done, step.total);
        written.note(step.done);
        if step.finished {
            return source.end_copy(number).ok_or_else(cancelled);
        }
    }
}

fn to_chunks(
    shared: &Arc<Shared>,
    sink: &ChunkSink,
    compact: bool,
    progress: &CopyProgress,
    stop: &Arc<Interrupt>,
) -> Result<()> {
    let Some(database) = database_file(shared) else {
        if compact {
            return Err(Error::unsupported("a compact copy as a stream, without files"));
        }
        return from_one_read(shared, sink, progress, stop);
    };
    // From a file, since somebody may read slowly, and the log would grow meanwhile.
    let part = CopyFile::temporary(database)?;
    let writer = write(shared, &part, compact, &CopyProgress::default(), stop)?;
    let path = part.path().to_owned();
    let failed = |error| failed(&error, &path);
    let mut content = part.into_content()?;
    drop(writer);
    let size = content.metadata().map_err(failed)?.len();
    let mut sent = 0;
    loop {
        while sink.wait_ready(LOOK).is_none() {
            check(stop)?;
        }
        check(stop)?;
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut content).take(CHUNK as u64).read_to_end(&mut chunk).map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        sent += read as u64;
        let pages = |bytes: u64| u32::try_from(bytes / 512).unwrap_or(u32::MAX);
        progress.set(pages(sent), pages(size));
        sink.push(chunk);
    }
}

/// Passes on the pages of one read transaction. It ends when its reader stalls and the log is
/// beyond its limit.
fn from_one_read(
    shared: &Arc<Shared>,
    sink: &ChunkSink,
    progress: &CopyProgress,
    stop: &Interrupt,
) -> Result<()> {
    let mut source = shared.connect(Role::Reader)?;
    let mut copy = ChunkCopy::begin(&mut source)?;
    loop {
        let since = Instant::now();
        while sink.wait_ready(LOOK).is_none() {
            check(stop)?;
            let limit = shared.options.wal_limit;
            let log = u64::from(source.wal_frames().unwrap_or(0)) * u64::from(source.page_size());
            if since.elapsed() >= shared.options.stall_timeout && log >= limit {
                return Err(Error::stalled(shared.options.stall_timeout, limit));
            }
        }
        check(stop)?;
        match copy.next(&mut source, LONG_SLICE)? {
            Some(chunk) => {
                progress.set(copy.step().done, copy.step().total);
                if !chunk.is_empty() {
                    sink.push(chunk);
                }
            }
            None => return Ok(()),
        }
    }
}

/// Replaces the database by a source that was found to be sound.
fn replace(shared: &Arc<Shared>, source: RestoreSource, stop: &Arc<Interrupt>) -> Result<()> {
    let claim = claim(shared, stop)?;
    let (on_writer_shared, interrupt) = (Arc::clone(shared), Arc::clone(stop));
    let mut source = source;
    on_writer(shared, claim, move |connection| {
        let shared = on_writer_shared;
        let slot = Arc::clone(&shared.writer.slot);
        let restored = slot.interruptible(connection, Arc::clone(&interrupt), |connection| {
            connection.restore(&mut source, &interrupt)
        });
        drop(source);
        if restored.is_ok() {
            checkpoint::after_commit(&shared, connection);
        }
        restored
    })
}

/// Waits for the turn to use the writer.
fn claim(shared: &Arc<Shared>, stop: &Interrupt) -> Result<WriterClaim> {
    check(stop)?;
    let holder = WriterHolder::of_writer(shared);
    if let Some(claim) = Writer::try_claim(shared, holder.clone()) {
        return Ok(claim);
    }
    let (completer, claim) = call();
    let since = Instant::now();
    Writer::enqueue(shared, WriterEntry::Claim { completer, since, holder });
    // A claim that is no longer wanted is passed on when dropped.
    claim.wait(far(), Some(stop)).unwrap_or_else(|| Err(cancelled()))
}

/// Runs work on the writer's thread, and passes the writer on after it.
fn on_writer<T: Send + std::fmt::Debug + 'static>(
    shared: &Arc<Shared>,
    claim: WriterClaim,
    work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (completer, call) = call();
    let on_thread = Arc::clone(shared);
    let slot = Arc::clone(claim.slot());
    slot.submit(Box::new(move |connection| {
        let done = on_thread.open_writer(connection).and_then(work);
        drop(claim);
        drop(completer.complete(done));
    }));
    call.wait(far(), None).unwrap_or_else(|| Err(cancelled()))
}

/// # Errors
/// `Cancelled` if nobody wants the copy any more.
fn check(stop: &Interrupt) -> Result<()> {
    if stop.is_set() { Err(cancelled()) } else { Ok(()) }
}

/// Later than any wait lasts: what is waited for ends on its own.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(365 * 24 * 3600)
}
