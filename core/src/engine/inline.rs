//! Short work on a caller's thread: it ends after about 2,000 steps of SQLite's virtual machine,
//! and waits for no lock.

use std::ffi::c_int;

use super::collect::collect;
use super::handlers::Handlers;
use super::lease::WalIndex;
use super::pages::noted;
use super::{Connection, ReadOutcome, prepare};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi;
use crate::program::{Fetch, Output, Program, StepOutcome};

/// A longer text or blob takes too long to read, make or copy.
pub(crate) const LONGEST_VALUE: c_int = 64 * 1024;

/// The same for a value that a function goes through.
const LONGEST_WORKED: c_int = 4 * 1024;

/// How many of a holder's reads skip the caller's thread after one waited too long for the disk.
pub(super) const READS_OFF_INLINE: u8 = 32;

/// Tables of a database up to this size can be visited whole.
const SMALL: u64 = 1 << 20;

impl Connection {
    /// Whether the program may be tried on a caller's thread: no statement was found to be long
    /// before, or looks long. If it turns out to be long, it is completely undone and runs again
    /// elsewhere, so nothing that can't be undone is tried.
    pub(crate) fn may_run_inline(&mut self, program: &Program<'_>) -> bool {
        program.steps.iter().all(|step| {
            let single = step.extra.as_ref().is_none_or(|extra| {
                extra.each.len() <= 1 && !extra.script && extra.apply.is_none()
            });
            single
                && match self.cache.get(&step.sql) {
                    Some(statement) => statement.is_plain() && statement.may_try(),
                    None => step.sql.len() <= prepare::LONGEST_INLINE_SQL,
                }
        })
    }

    /// Whether the database is known to be small.
    pub(super) fn is_small(&self) -> bool {
        is_small(self.wal_index, self.page_size)
    }

    /// Whether a transaction is open that must be kept, such as a holder's. Refusing a read because
    /// of the disk ends the transaction, as a disk error does. Losing a lease is harmless.
    #[inline]
    pub(super) fn is_held(&self) -> bool {
        self.in_transaction() && !self.has_lease()
    }

    /// Starts short work: from now on statements may neither take long nor wait.
    #[inline]
    pub(super) fn begin_inline(&mut self) {
        // SAFETY: the connection is open, and what runs ends before `end_inline`.
        unsafe { begin(&self.handlers, self.raw, self.is_held()) };
    }

    /// Ends what [`begin_inline`](Self::begin_inline) began.
    #[inline]
    pub(super) fn end_inline(&mut self) -> InlineEnd {
        // SAFETY: the connection is open.
        unsafe { end(&self.handlers, self.raw, self.length_limit) }
    }

    /// Runs a short read of one prepared statement, as nearly all reads are, with a single cache
    /// lookup. `None`: it is something else.
    #[inline]
    pub(crate) fn read_prepared(&mut self, program: &Program<'_>) -> Option<ReadOutcome> {
        let [step] = program.steps.as_slice() else { return None };
        let apart = step.fetch == Fetch::Watched || step.fetch.is_compiled();
        if step.extra.is_some() || program.schema.is_some() || apart {
            return None;
        }
        if !self.is_current() {
            // Not for a program that turns out not to be a read.
            self.cache.get(&step.sql)?;
            if let Err(error) = self.renew_lease() {
                return Some(ReadOutcome::Done(Err(error)));
            }
        }
        let held = self.is_held();
        let pages = if step.fetch == Fetch::Paged { self.page_cache() } else { None };
        let statement = self.cache.get(&step.sql)?;
        if !statement.readonly || !statement.is_plain() || statement.nature.transient {
            return None;
        }
        if statement.sweeps {
            // In a small database it may be tried.
            let long = statement.is_slow() || !is_small(self.wal_index, self.page_size);
            return long.then_some(ReadOutcome::OverBudget);
        }
        if !statement.may_try() {
            return Some(ReadOutcome::OverBudget);
        }
        self.counters.runs.add(1);
        // SAFETY: the connection is open.
        unsafe { begin(&self.handlers, self.raw, held) };
        if statement.nature.works {
            limit_worked(self.raw);
        }
        let (run, reads) = noted(pages, || {
            // SAFETY: the parameters outlive the reset.
            unsafe { statement.bind(&step.params) }
                .and_then(|()| collect(statement, step.fetch, None))
        });
        statement.reset();
        // SAFETY: the connection is open.
        let ended = unsafe { end(&self.handlers, self.raw, self.length_limit) };
        if run.as_ref().is_err_and(|error| ended.is_overrun(error)) {
            statement.note_overrun();
        }
        Some(match run {
            Ok(_) if ended.given_up => {
                self.after_failed_read();
                ReadOutcome::OverBudget
            }
            Ok(rows) => {
                let described = step.fetch == Fetch::Described;
                let description = described.then(|| Box::new(statement.describe()));
                let outcome = StepOutcome { rows, description, reads, ..StepOutcome::default() };
                ReadOutcome::Done(Ok(Output { steps: smallvec::smallvec![outcome] }))
            }
            Err(error) => {
                self.after_failed_read();
                if ended.is_over_budget(&error) {
                    return Some(ReadOutcome::OverBudget);
                }
                ReadOutcome::Done(Err(error))
            }
        })
    }

    /// Runs a short write. `None`: it was too long or met a lock, and is undone.
    pub(crate) fn write_inline(&mut self, program: &Program<'_>) -> Option<Result<Output>> {
        let (result, ended) = self.run_briefly(|connection| connection.run_alone(program));
        // A write reads again what it has read in vain.
        if result.as_ref().is_err_and(|error| ended.stopped || ended.is_overrun(error)) {
            for step in &program.steps {
                if let Some(statement) = self.cache.get(&step.sql) {
                    statement.note_overrun();
                }
            }
        }
        ended.within_budget(result)
    }

    /// Runs short work that may write. `None`: it was too long or met a lock.
    ///
    /// No read is refused: in the middle of a write SQLite takes the error for one of the disk, and
    /// with a rollback journal it repeats that to whoever comes next. What has read for too long is
    /// interrupted.
    pub(crate) fn run_inline<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Option<Result<T>> {
        let (result, ended) = self.run_briefly(work);
        ended.within_budget(result)
    }

    fn run_briefly<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, InlineEnd) {
        // SAFETY: the connection is open, and what runs ends before `end_inline`.
        unsafe { begin(&self.handlers, self.raw, true) };
        let result = work(self);
        (result, self.end_inline())
    }
}

/// Whether the database is known to be small.
fn is_small(index: Option<WalIndex>, page_size: u32) -> bool {
    let pages = index.map(WalIndex::pages);
    pages.is_some_and(|pages| u64::from(pages) * u64::from(page_size) <= SMALL)
}

/// Begins short work. Takes parts of the connection, since one of its statements may be borrowed.
///
/// # Safety
/// `raw` is open until [`end`], and none of its statements runs now.
#[inline]
unsafe fn begin(handlers: &Handlers, raw: *mut ffi::sqlite3, held: bool) {
    handlers.begin_inline();
    // SAFETY: by this function's contract.
    unsafe { bound(raw, held, LONGEST_VALUE) };
}

/// Keeps the disk and values longer than `longest` away from what runs next on this thread. `held`:
/// a transaction is open that a refused read would end, so none is refused.
///
/// # Safety
/// `raw` is open until [`unbound`], and none of its statements runs now.
#[inline]
pub(crate) unsafe fn bound(raw: *mut ffi::sqlite3, held: bool, longest: c_int) {
    // SAFETY: by this function's contract.
    unsafe {
        super::disk_wait::begin(if held { raw } else { std::ptr::null_mut() });
        ffi::sqlite3_limit(raw, ffi::SQLITE_LIMIT_LENGTH, longest);
    }
}

/// Ends what [`bound`] began, and restores the limit of values.
///
/// # Safety
/// `raw` is open, and the connection that [`bound`] had.
#[inline]
pub(crate) unsafe fn unbound(raw: *mut ffi::sqlite3, longest: c_int) -> InlineEnd {
    // SAFETY: by this function's contract.
    unsafe { ffi::sqlite3_limit(raw, ffi::SQLITE_LIMIT_LENGTH, longest) };
    let given_up = super::disk_wait::has_given_up();
    InlineEnd { stopped: super::disk_wait::end(), given_up }
}

/// Makes long values too long for short work whose functions go through their values.
pub(super) fn limit_worked(raw: *mut ffi::sqlite3) {
    // SAFETY: the connection is open: one of its statements is about to run.
    unsafe { ffi::sqlite3_limit(raw, ffi::SQLITE_LIMIT_LENGTH, LONGEST_WORKED) };
}

/// Ends what [`begin`] began.
///
/// # Safety
/// `raw` is open, and the connection that [`begin`] had.
#[inline]
unsafe fn end(handlers: &Handlers, raw: *mut ffi::sqlite3, length_limit: c_int) -> InlineEnd {
    handlers.end_inline();
    // SAFETY: by this function's contract.
    unsafe { unbound(raw, length_limit) }
}

/// How short work ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InlineEnd {
    /// A page was not in memory, or reading took too long.
    pub(crate) stopped: bool,
    /// It was stopped in the middle: what it returns, if it is no error, is not to be used.
    pub(crate) given_up: bool,
}

impl InlineEnd {
    /// Whether short work failed because it was not short: it ran out of steps or time, or met a
    /// lock that it may not wait for, a page that is not in memory, or a large value.
    pub(crate) fn is_over_budget(self, error: &Error) -> bool {
        self.stopped
            || self.given_up
            || matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Busy)
            || is_too_big(error)
    }

    /// Whether it failed because of the statement itself, which will be as long again: neither a
    /// lock nor a slow read of a page says so, nor that SQLite compiled it anew.
    pub(crate) fn is_overrun(self, error: &Error) -> bool {
        !self.stopped && (error.kind() == ErrorKind::Cancelled || is_too_big(error))
    }

    /// Returns what short work resulted in; `None`: it was not short.
    fn within_budget<T>(self, result: Result<T>) -> Option<Result<T>> {
        match result {
            Err(error) if self.is_over_budget(&error) => None,
            result => Some(result),
        }
    }
}

fn is_too_big(error: &Error) -> bool {
    error.code().is_some_and(|code| code & 0xff == ffi::SQLITE_TOOBIG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Role;
    use crate::options::{Options, Synchronous};
    use crate::program::{Begin, Step};

    const SCHEMA: &[&str] = &[
        "CREATE TABLE big (id INTEGER PRIMARY KEY, name TEXT)",
        "INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
            SELECT i, 'a name of thirty or so letters ' || i FROM n",
        "CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB)",
        "INSERT INTO blobs VALUES (1, zeroblob(100)), (2, zeroblob(30000000))",
        "CREATE VIRTUAL TABLE notes USING fts5(body)",
    ];

    fn program(sql: &str) -> Program<'_> {
        Program::one(Step::new(sql, (), Fetch::All))
    }

    fn connections() -> (tempfile::TempDir, Connection, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let options = Options::default().synchronous(Synchronous::Normal);
        let open = |role| Connection::open(&path, &options, role).unwrap();
        let mut writer = open(Role::Writer);
        for sql in SCHEMA {
            writer.run_whole(&program(sql)).unwrap();
        }
        let reader = open(Role::Reader);
        (folder, writer, reader)
    }

    #[test]
    fn what_may_take_long_in_a_single_step_is_not_done_on_a_callers_thread() {
        let (_folder, _writer, mut reader) = connections();
        for sql in [
            "SELECT count(*) FROM big",
            "PRAGMA integrity_check",
            "PRAGMA quick_check(1)",
            "SELECT * FROM pragma_quick_check",
            "SELECT length(hex(data)) FROM blobs WHERE id = 2",
            "SELECT data FROM blobs WHERE id = 2",
            "SELECT length(hex(zeroblob(20000000)))",
            // Functions go through short values only.
            "SELECT length(hex(zeroblob(10000)))",
            "SELECT upper(printf('%.10000c', 'x'))",
            // How long these take even with short values is unknown.
            "SELECT instr('aaaa', 'b')",
            "SELECT count(*) FROM blobs WHERE data LIKE '%a%a%a%b'",
            "SELECT id FROM big WHERE id = 1 AND name GLOB 'a*'",
            "SELECT replace('a', 'b', 'c')",
            "SELECT trim('a', 'b')",
            "SELECT body FROM notes WHERE notes MATCH 'a'",
        ] {
            // Even when it ran before, and is prepared.
            for round in 0..3 {
                let read = reader.read_inline(&program(sql));
                assert!(matches!(read, ReadOutcome::OverBudget), "{sql}, round {round}: {read:?}");
                let read = reader.read_prepared(&program(sql));
                assert!(
                    matches!(read, None | Some(ReadOutcome::OverBudget)),
                    "{sql}, round {round}: {read:?}"
                );
                let read = reader.read(&program(sql), None);
                assert!(matches!(read, ReadOutcome::Done(Ok(_))), "{sql}: {read:?}");
            }
        }
    }

    #[test]
    fn a_change_of_the_schema_or_a_lock_does_not_keep_short_work_off_for_good() {
        let (folder, mut writer, _reader) = connections();
        let insert = program("INSERT INTO big (name) VALUES ('x')");
        let other =
            Connection::open(&folder.path().join("a.db"), &Options::default(), Role::Writer);
        let mut other = other.unwrap();
        for round in 0..20 {
            other.begin_for_another(Begin::Immediate).unwrap();
            assert!(writer.write_inline(&insert).is_none(), "it did without the lock");
            other.rollback();
            let schema = format!("CREATE TABLE t{round} (n)");
            if round % 2 == 0 { &mut other } else { &mut writer }
                .run_whole(&program(&schema))
                .unwrap();
            let _ = writer.write_inline(&insert);
            writer.run_whole(&insert).unwrap();
            assert!(writer.may_run_inline(&insert), "round {round}");
            assert!(writer.write_inline(&insert).is_some(), "round {round}");
        }
    }

    #[test]
    fn a_table_is_not_emptied_nor_an_index_made_on_a_callers_thread() {
        let (_folder, mut writer, _reader) = connections();
        for sql in ["DELETE FROM big", "CREATE INDEX i ON blobs (data)", "DROP TABLE big"] {
            let tried =
                writer.may_run_inline(&program(sql)).then(|| writer.write_inline(&program(sql)));
            assert!(matches!(tried, None | Some(None)), "{sql}: {tried:?}");
        }
        assert_eq!(writer.integer("SELECT count(*) FROM big").unwrap(), 40_000);
        let insert = "INSERT INTO big (name) VALUES ('x')";
        assert!(writer.write_inline(&program(insert)).unwrap().is_ok());
    }
}
