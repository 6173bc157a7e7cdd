//! Reads: on a caller's thread under a small budget, or to their end.

use crate::ffi;

use super::lease::{Header, WalIndex};
use super::{Connection, Lease, Role};
use crate::error::{Error, Result};
use crate::program::{Access, Fetch, Output, PageSink, Program};

/// The outcome of a read.
#[derive(Debug)]
pub(crate) enum ReadOutcome {
    /// It ran.
    Done(Result<Output>),
    /// A statement may write: the program belongs to the writer. Nothing ran.
    Writes,
    /// It was too long for the caller's thread, and can be run again elsewhere.
    OverBudget,
}

/// A moment of the database, comparable with another connection's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SnapshotMark(Header);

impl Connection {
    /// Whether this connection has the statement prepared, so that it can run without a check of
    /// what it is.
    #[inline]
    pub(crate) fn knows(&mut self, sql: &str) -> bool {
        self.cache.get(sql).is_some()
    }

    /// Runs a short read on the caller's thread: it ends after about 2,000 steps of SQLite's
    /// virtual machine, and waits for no lock.
    #[inline]
    pub(crate) fn read_inline(&mut self, program: &Program<'_>) -> ReadOutcome {
        let held = self.is_held();
        if held && self.reads_off_inline > 0 {
            self.reads_off_inline -= 1;
            return ReadOutcome::OverBudget;
        }
        if let [step] = program.steps.as_slice() {
            if let Some(statement) = self.cache.get(&step.sql)
                && !statement.may_try()
            {
                return ReadOutcome::OverBudget;
            }
            if step.sql.len() > super::prepare::LONGEST_INLINE_SQL {
                return ReadOutcome::OverBudget;
            }
        }
        self.begin_inline();
        let read = self.read(program, None);
        let ended = self.end_inline();
        if held && ended.stopped {
            self.reads_off_inline = super::inline::READS_OFF_INLINE;
        }
        if let ReadOutcome::Done(Err(error)) = &read
            && ended.is_overrun(error)
            && let [step] = program.steps.as_slice()
            && let Some(statement) = self.cache.get(&step.sql)
        {
            statement.note_overrun();
        }
        match read {
            ReadOutcome::Done(Ok(_)) if ended.given_up => {
                self.after_failed_read();
                ReadOutcome::OverBudget
            }
            ReadOutcome::Done(Err(error)) if ended.is_over_budget(&error) => {
                ReadOutcome::OverBudget
            }
            other => other,
        }
    }

    /// Runs a read to its end; whole pages may be passed to `sink` while it runs.
    #[inline]
    pub(crate) fn read(
        &mut self,
        program: &Program<'_>,
        sink: Option<&dyn PageSink>,
    ) -> ReadOutcome {
        if program.access == Access::Write {
            return ReadOutcome::Writes;
        }
        if let Err(error) = self.check_moment() {
            return ReadOutcome::Done(Err(error));
        }
        if let Err(error) = self.renew_lease() {
            return ReadOutcome::Done(Err(error));
        }
        let held = self.in_transaction();
        for step in &program.steps {
            match self.inspect_read(&step.sql) {
                Ok(true) => {}
                // What can't be watched is refused here, and not run by the writer.
                Ok(false) if step.fetch == Fetch::Watched => {}
                Ok(false) => return ReadOutcome::Writes,
                Err(error) => {
                    self.after_failed_read();
                    return ReadOutcome::Done(Err(error));
                }
            }
        }
        // Without a lease, several statements need a transaction to read a single state.
        let several = program.steps.len() > 1
            || program.schema.is_some()
            || program.steps.iter().any(|step| step.fetch == Fetch::Watched);
        let bracket = !held && several;
        if bracket && let Err(error) = self.control("BEGIN") {
            return ReadOutcome::Done(Err(error));
        }
        let done = self.run(program, sink);
        if bracket {
            self.rollback();
        }
        if done.is_err() {
            self.after_failed_read();
        }
        ReadOutcome::Done(done)
    }

    /// Drops the lease if a serious error has ended its transaction.
    pub(super) fn after_failed_read(&mut self) {
        if !self.in_transaction() {
            self.forget_lease();
        }
    }

    /// Whether SQLite ended a snapshot's transaction, as it does after an error of the disk or of
    /// memory: later reads would be of a later moment.
    #[inline]
    pub(crate) fn has_lost_moment(&self) -> bool {
        self.pinned && !self.in_transaction()
    }

    /// Checks that the next statement reads what it should.
    ///
    /// # Errors
    /// `Cancelled`: it belongs to a snapshot that is lost.
    #[inline]
    pub(super) fn check_moment(&self) -> Result<()> {
        if self.has_lost_moment() { Err(Error::snapshot_lost()) } else { Ok(()) }
    }

    #[inline]
    fn inspect_read(&mut self, sql: &str) -> Result<bool> {
        if let Some(statement) = self.cache.get(sql) {
            return Ok(statement.readonly);
        }
        self.inspect(sql).map(|(nature, readonly)| {
            readonly && (nature.class == super::Class::Plain || self.role != Role::Reader)
        })
    }

    /// Ensures that the next statement reads the newest commit: an outdated lease ends, and a new
    /// one begins.
    #[inline]
    pub(crate) fn renew_lease(&mut self) -> Result<()> {
        if self.is_current() {
            return Ok(());
        }
        self.begin_lease()
    }

    /// Whether the next statement would already read the newest commit.
    #[inline]
    pub(super) fn is_current(&self) -> bool {
        if !self.leases || self.pinned {
            return true;
        }
        match (&self.lease, self.wal_index) {
            (Some(lease), Some(index)) => index.header() == lease.seen,
            _ => false,
        }
    }

    fn begin_lease(&mut self) -> Result<()> {
        self.end_lease()?;
        let index = match self.wal_index {
            Some(index) => index,
            None => {
                // SAFETY: the connection is open; opening it has read from the database, and
                // `is_wal` holds the mode it found.
                let Some(index) = self.wal.then(|| unsafe { WalIndex::of(self.raw) }).flatten()
                else {
                    self.leases = false;
                    return Ok(());
                };
                self.wal_index = Some(index);
                index
            }
        };
        // Read before the transaction: if a commit comes in between, the lease looks outdated at
        // once, and never newer than it is.
        let seen = index.header();
        self.control("BEGIN")?;
        self.lease = Some(Lease { seen });
        Ok(())
    }

    /// Ends the lease, so that checkpoints need not wait for it.
    pub(crate) fn end_lease(&mut self) -> Result<()> {
        if self.lease.is_none() {
            return Ok(());
        }
        self.forget_lease();
        self.rollback();
        Ok(())
    }

    #[inline]
    pub(crate) fn has_lease(&self) -> bool {
        self.lease.is_some()
    }

    fn forget_lease(&mut self) {
        self.lease = None;
        self.schema = None;
    }

    /// Begins a lasting read transaction at the newest moment. Returns that moment if there is a
    /// shared wal-index to compare it by.
    pub(crate) fn begin_snapshot(&mut self) -> Result<Option<SnapshotMark>> {
        self.end_lease()?;
        self.pinned = true;
        let index = match self.wal_index {
            // SAFETY: as in `begin_lease`.
            None if self.wal => unsafe { WalIndex::of(self.raw) },
            known => known,
        };
        let before = index.map(WalIndex::header);
        // The transaction begins with the first read.
        let begun = self
            .control("BEGIN")
            .and_then(|()| self.integer("SELECT count(*) FROM sqlite_schema LIMIT 1"));
        if let Err(error) = begun {
            self.end_snapshot();
            return Err(error);
        }
        let after = index.map(WalIndex::header);
        // If a commit came in between, it is unknown which of the two moments was read.
        Ok(if before == after { after.map(SnapshotMark) } else { None })
    }

    /// Ends what [`begin_snapshot`](Self::begin_snapshot) began.
    pub(crate) fn end_snapshot(&mut self) {
        self.rollback();
        self.forget_lease();
        self.pinned = false;
    }

    /// Whether a read transaction is open, begun by a running statement or explicitly.
    pub(crate) fn is_reading(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_txn_state(self.raw, c"main".as_ptr()) != ffi::SQLITE_TXN_NONE }
    }

    /// Ends every read, including those of running statements, which must not be stepped after
    /// this.
    #[cfg(any(target_family = "wasm", test, feature = "single-thread"))]
    pub(crate) fn end_reading(&mut self) {
        // SAFETY: the connection is open, and its statements are its own.
        unsafe {
            let mut statement = ffi::sqlite3_next_stmt(self.raw, std::ptr::null_mut());
            while !statement.is_null() {
                ffi::sqlite3_reset(statement);
                statement = ffi::sqlite3_next_stmt(self.raw, statement);
            }
        }
        self.end_snapshot();
    }

    /// Returns the frames in the write-ahead log, or `None` if there is no log.
    pub(crate) fn wal_frames(&mut self) -> Option<u32> {
        if self.wal_index.is_none() && self.wal {
            // SAFETY: as in `begin_lease`.
            self.wal_index = unsafe { WalIndex::of(self.raw) };
        }
        self.wal_index.map(WalIndex::frames)
    }
}
