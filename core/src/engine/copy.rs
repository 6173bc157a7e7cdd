//! Copies of a connection's database, some pages at a time, by SQLite's backup API.
//!
//! What the connection itself writes while it is being copied goes into the copy as well. A commit
//! of another connection makes SQLite begin again, and so does a transaction that wrote to the log
//! and was rolled back. Between two steps no read transaction is open, so that the log can be
//! emptied however long the copy takes.

use std::ffi::{CStr, c_int};
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::handle::text_of;
use super::{Connection, DatabaseHandle, OpenFailure};
use crate::error::{Error, Phase, Result, from_sqlite};
use crate::ffi;
use crate::platform;
use crate::program::Interrupt;
use crate::vfs::WindowFile;

/// The pages that are copied between two looks at the clock: at first, and at most.
const FIRST_PAGES: c_int = 8;
const MOST_PAGES: c_int = 64;

/// What a few pages should take, so that a look at the clock comes soon and costs little.
const PIECE: Duration = Duration::from_micros(150);

/// How a copy is named on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CopyNumber(u64);

impl CopyNumber {
    /// Returns a number that no other copy of this process has.
    pub(crate) fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopyStep {
    /// The pages that are copied.
    pub(crate) done: u32,
    /// The pages of the database now.
    pub(crate) total: u32,
    /// All are copied, and the copy is complete.
    pub(crate) finished: bool,
    /// It began anew since the last step, because of changes by somebody else.
    pub(crate) restarted: bool,
}

/// A database that a copy is written into, and that nobody else uses.
#[derive(Debug)]
pub(crate) struct CopyTarget(pub(super) DatabaseHandle);

// SAFETY: it is used by whoever uses the connection that is copied, or by its owner: by one thread
// at a time.
unsafe impl Send for CopyTarget {}

/// What a target needs: nobody reads the file before the copy is complete, and what becomes of an
/// incomplete one matters to nobody, so it needs no journal, and waits for no disk.
const AS_TARGET: &CStr =
    c"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -512";

impl CopyTarget {
    /// Opens an empty file to copy into.
    ///
    /// # Errors
    /// Those of opening, each with the path.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_in(path, None).map_err(|error| error.with_path(path))
    }

    /// Opens a file of a VFS to copy into.
    ///
    /// # Errors
    /// Those of opening.
    pub(crate) fn open_in(name: &Path, vfs: Option<&str>) -> Result<Self> {
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE;
        let handle = open_plain(name, flags, vfs)?;
        handle.execute(AS_TARGET)?;
        Ok(Self(handle))
    }

    /// Writes what is copied so far into the file.
    ///
    /// # Errors
    /// `DiskFull` and others.
    pub(crate) fn flush(&self) -> Result<()> {
        // SAFETY: the connection is open, and its owner alone uses it.
        match unsafe { ffi::sqlite3_db_cacheflush(self.0.raw()) } {
            ffi::SQLITE_OK => Ok(()),
            code => Err(error_of(code)),
        }
    }
}

/// Opens a connection without the settings of a database.
///
/// # Errors
/// `CannotOpen` and others.
pub(super) fn open_plain(name: &Path, flags: c_int, vfs: Option<&str>) -> Result<DatabaseHandle> {
    DatabaseHandle::open(name, flags, vfs).map_err(|refused| match refused {
        OpenFailure::Code(code, message) => from_sqlite(code, &message, None, Phase::Compile),
        other => Error::invalid(other.to_string()),
    })
}

/// A copy under way.
#[derive(Debug)]
pub(super) struct Copying {
    number: CopyNumber,
    // Before its target, which it uses when it is dropped.
    pages: Pages,
    target: CopyTarget,
}

impl Connection {
    /// Begins a copy of this database into `target`.
    ///
    /// # Errors
    /// Those of SQLite's `sqlite3_backup_init`.
    pub(crate) fn begin_copy(&mut self, number: CopyNumber, target: CopyTarget) -> Result<()> {
        // SAFETY: both connections are open and used by this thread alone, and stay open: this one
        // drops its copies before it closes, and the copy drops its pages before the target.
        let pages = unsafe { Pages::begin(target.0.raw(), self.raw)? };
        self.copies.push(Copying { number, pages, target });
        Ok(())
    }

    /// Copies pages for about as long as `slice`. Returns `None` if there is no such copy on this
    /// connection. A copy that fails or is complete stays until [`end_copy`](Self::end_copy).
    ///
    /// # Errors
    /// `Busy` if a transaction of this connection has written, or another's lock is in the way;
    /// `DiskFull` and others.
    pub(crate) fn step_copy(
        &mut self,
        number: CopyNumber,
        slice: Duration,
    ) -> Option<Result<CopyStep>> {
        let copying = self.copies.iter_mut().find(|copying| copying.number == number)?;
        let since = platform::now();
        let mut restarted = false;
        Some(loop {
            let step = match copying.pages.step() {
                Ok(step) => step,
                Err(error) => break Err(error),
            };
            restarted |= step.restarted;
            if step.finished || platform::now().saturating_sub(since) >= slice {
                break Ok(CopyStep { restarted, ..step });
            }
        })
    }

    /// Writes what a copy has copied so far into its file.
    ///
    /// # Errors
    /// `DiskFull` and others.
    pub(crate) fn flush_copy(&mut self, number: CopyNumber) -> Result<()> {
        match self.copies.iter().find(|copying| copying.number == number) {
            Some(copying) => copying.target.flush(),
            None => Ok(()),
        }
    }

    /// Ends a copy, complete or not, and returns its target.
    pub(crate) fn end_copy(&mut self, number: CopyNumber) -> Option<CopyTarget> {
        let index = self.copies.iter().position(|copying| copying.number == number)?;
        let Copying { pages, target, .. } = self.copies.swap_remove(index);
        drop(pages);
        Some(target)
    }

    /// Ends all copies on this connection.
    pub(crate) fn end_copies(&mut self) {
        self.copies.clear();
    }

    /// Writes a copy without unused space into the empty file `path`.
    ///
    /// # Errors
    /// `Cancelled` once `stop` is set; `InvalidArgument` for a path that is not UTF-8; `DiskFull`
    /// and others.
    pub(crate) fn vacuum_into(&mut self, path: &Path, stop: Arc<Interrupt>) -> Result<()> {
        let path = path.to_str().ok_or_else(|| {
            Error::invalid("a compact copy needs a path that is UTF-8").with_path(path)
        })?;
        self.control("PRAGMA query_only = OFF")?;
        self.set_interrupt(Some(stop));
        let sql = format!("VACUUM INTO '{}'", path.replace('\'', "''"));
        let statement = self.own_statement(&sql)?;
        let stepped = statement.step_to_end();
        statement.reset();
        self.set_interrupt(None);
        stepped
    }
}

/// The bytes that are passed on at once, at least, unless they are the last.
const CHUNK: u64 = 256 * 1024;

/// A copy of a database as the bytes of its file, in order, from one read transaction of a
/// connection, which is used for nothing else meanwhile.
///
/// SQLite writes the first page of a copy last. So the database is read twice: at first only for
/// that page, unless all of it is a chunk.
#[derive(Debug)]
pub(crate) struct ChunkCopy {
    number: CopyNumber,
    window: WindowFile,
    page_size: u64,
    step: CopyStep,
    /// The first page was passed on.
    begun: bool,
    over: bool,
}

impl ChunkCopy {
    /// Begins at the newest moment.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn begin(source: &mut Connection) -> Result<Self> {
        source.begin_snapshot()?;
        let page_size = u64::from(source.page_size());
        let (number, window) = Self::start(source)?;
        let step = CopyStep { done: 0, total: 0, finished: false, restarted: false };
        Ok(Self { number, window, page_size, step, begun: false, over: false })
    }

    fn start(source: &mut Connection) -> Result<(CopyNumber, WindowFile)> {
        let number = CopyNumber::fresh();
        let window = WindowFile::create()?;
        let target = CopyTarget::open_in(Path::new(window.name()), Some(WindowFile::VFS))?;
        source.begin_copy(number, target)?;
        Ok((number, window))
    }

    /// How far it is.
    pub(crate) fn step(&self) -> CopyStep {
        self.step
    }

    /// Copies for about as long as `slice`, and returns the next bytes, which may be none yet; or
    /// `None` after the last.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn next(
        &mut self,
        source: &mut Connection,
        slice: Duration,
    ) -> Result<Option<Vec<u8>>> {
        if self.over {
            return Ok(None);
        }
        let since = platform::now();
        loop {
            let step = source.step_copy(self.number, Duration::ZERO);
            let step = step.unwrap_or_else(|| Err(Error::closed("copy")))?;
            source.flush_copy(self.number)?;
            let end = u64::from(step.done) * self.page_size;
            if !self.begun {
                if !step.finished {
                    // Kept while it may be all.
                    if end > CHUNK {
                        self.window.skip(end);
                    }
                } else {
                    source.end_copy(self.number);
                    self.begun = true;
                    self.over = end <= CHUNK;
                    let first = match self.over {
                        true => self.window.take(end),
                        false => self.window.head(self.page_size)?,
                    };
                    if !self.over {
                        (self.number, self.window) = Self::start(source)?;
                        self.window.skip(self.page_size);
                    }
                    return Ok(Some(first));
                }
            } else {
                self.step = step;
                self.over = step.finished;
                if step.finished || end - self.window.start() >= CHUNK {
                    return Ok(Some(self.window.take(end)));
                }
            }
            if platform::now().saturating_sub(since) >= slice {
                return Ok(Some(Vec::new()));
            }
        }
    }
}

/// SQLite's copy of one connection's database into another's.
#[derive(Debug)]
pub(super) struct Pages {
    handle: ptr::NonNull<ffi::sqlite3_backup>,
    done: u32,
    /// How many are copied by the next step.
    next: c_int,
}

impl Pages {
    /// Begins to copy.
    ///
    /// # Safety
    /// Both connections are open, used by one thread at a time, and stay open until this is
    /// dropped, as well as unused in the meantime by others than the holder of this.
    pub(super) unsafe fn begin(into: *mut ffi::sqlite3, from: *mut ffi::sqlite3) -> Result<Self> {
        // SAFETY: by the contract.
        unsafe {
            let (main, it) = (c"main".as_ptr(), c"main".as_ptr());
            let handle = ffi::sqlite3_backup_init(into, main, from, it);
            match ptr::NonNull::new(handle) {
                Some(handle) => Ok(Self { handle, done: 0, next: FIRST_PAGES }),
                None => {
                    let code = ffi::sqlite3_extended_errcode(into);
                    Err(super::failure(into, code, Phase::Run))
                }
            }
        }
    }

    /// Copies some pages: as many as take a fraction of a millisecond.
    ///
    /// # Errors
    /// See [`Connection::step_copy`].
    pub(super) fn step(&mut self) -> Result<CopyStep> {
        let since = platform::now();
        // SAFETY: by the contract of `begin`.
        let (code, total, left) = unsafe {
            let code = ffi::sqlite3_backup_step(self.handle.as_ptr(), self.next);
            let total = ffi::sqlite3_backup_pagecount(self.handle.as_ptr());
            (code, total, ffi::sqlite3_backup_remaining(self.handle.as_ptr()))
        };
        let finished = match code {
            ffi::SQLITE_OK => false,
            ffi::SQLITE_DONE => true,
            code => return Err(error_of(code)),
        };
        let count = |pages| u32::try_from(pages).unwrap_or(0);
        let (done, total) = (count(total.saturating_sub(left)), count(total));
        let expected = self.done.saturating_add(count(self.next));
        let restarted = !finished && done < expected;
        self.done = done;
        let took = platform::now().saturating_sub(since);
        self.next = if took > PIECE { self.next / 2 } else { self.next * 2 };
        self.next = self.next.clamp(1, MOST_PAGES);
        Ok(CopyStep { done, total, finished, restarted })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: by the contract of `begin`; it is finished once. An error is that of a step,
        // which has been reported.
        unsafe { ffi::sqlite3_backup_finish(self.handle.as_ptr()) };
    }
}

// SAFETY: it is part of a connection, or stays with the thread that made it.
unsafe impl Send for Pages {}

/// The error of a step, which SQLite keeps with neither of the two connections.
#[cold]
pub(super) fn error_of(code: c_int) -> Error {
    from_sqlite(code, &text_of(code), None, Phase::Run)
}
