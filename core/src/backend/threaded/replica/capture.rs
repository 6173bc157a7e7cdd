//! What of the log has been read for a replica, and waits to be stored.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::batch::Batch;
use crate::backend::replica::{ReplicaOptions, SnapshotReason};
use crate::backend::threaded::Shared;
use crate::engine::{Connection, LogEnd, LogRead, Role};
use crate::error::{Error, Result};
use crate::replicate::milliseconds;

/// The frames that are read while a writer may wait for it.
pub(super) const SLICE: u32 = 256;

/// How far the log has been read, and what of that waits.
#[derive(Debug, Default)]
pub(super) struct Capture {
    connection: Option<Connection>,
    /// `None`: all pages are to be stored, since what follows them is not known.
    at: Option<LogEnd>,
    lost: Option<SnapshotReason>,
    /// The pages of a transaction whose end has not been read.
    unfinished: Option<Batch>,
    queue: VecDeque<Batch>,
    /// The number of the last transaction that was read, or for which all pages are stored.
    pub(super) transaction: u64,
    /// No transaction is given an earlier time than the one before it.
    time: u64,
    /// How many numbers no transaction has, after the last one that is stored.
    pub(super) skipped: u64,
    /// The bytes of what is being stored.
    pub(super) storing: u64,
    /// A read transaction is open, so the log can't lose anything.
    pub(super) held: bool,
}

impl Capture {
    /// Begins at a moment of which all pages are stored, or known to be. `number`: the transaction
    /// that this moment counts as.
    pub(super) fn begin_at(&mut self, end: LogEnd, number: u64, time: u64) {
        self.queue.clear();
        self.unfinished = None;
        (self.at, self.lost) = (Some(end), None);
        self.transaction = number;
        self.time = self.time.max(time);
    }

    /// Gives back the number of the moment at which it began: it is that of the transaction before.
    pub(super) fn take_number_back(&mut self) {
        for batch in self.queue.iter_mut().chain(&mut self.unfinished) {
            batch.last -= 1;
        }
        self.transaction -= 1;
    }

    /// Says that what follows is not known.
    pub(super) fn lose(&mut self, reason: SnapshotReason) {
        self.queue.clear();
        self.unfinished = None;
        self.at = None;
        self.lost.get_or_insert(reason);
    }

    /// Returns why all pages are to be stored, if they are.
    pub(super) fn lost(&self) -> Option<SnapshotReason> {
        self.lost
    }

    pub(super) fn close(&mut self) {
        self.connection = None;
    }

    /// Returns the bytes that wait.
    pub(super) fn waiting(&self) -> u64 {
        let open = self.unfinished.iter();
        self.storing + self.queue.iter().chain(open).map(Batch::bytes).sum::<u64>()
    }

    /// Returns the transactions that are not stored, and the bytes of them that wait.
    pub(super) fn backlog(&mut self, stored: u64) -> (u64, u64) {
        let unread = match (&mut self.connection, &self.at) {
            (Some(connection), Some(at)) => {
                connection.log_end().map_or(0, |end| end.commits.wrapping_sub(at.commits))
            }
            // At least what is not known.
            _ => 1,
        };
        let last = self.transaction.saturating_sub(self.skipped);
        (last.saturating_sub(stored) + u64::from(unread), self.waiting())
    }

    /// Returns what is to be stored next.
    pub(super) fn pop(&mut self) -> Option<Batch> {
        self.queue.pop_front()
    }

    /// Reads all of the log, unless it can't lose anything. An error is found again by the thread.
    pub(super) fn read_before_restart(&mut self, shared: &Shared, options: &ReplicaOptions) {
        if !self.held && self.connection.is_some() {
            while self.read(shared, options, None).unwrap_or(false) {}
        }
    }

    /// Reads a part of the log, up to `until` or to its end. Returns whether there is more.
    ///
    /// # Errors
    /// If the log can't be read, or the database has none.
    pub(super) fn read(
        &mut self,
        shared: &Shared,
        options: &ReplicaOptions,
        until: Option<&LogEnd>,
    ) -> Result<bool> {
        let Some(at) = self.at else { return Ok(false) };
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => shared.connect(Role::Reader)?,
        };
        let more = self.read_by(&mut connection, at, options, until);
        self.connection = Some(connection);
        more
    }

    fn read_by(
        &mut self,
        connection: &mut Connection,
        mut at: LogEnd,
        options: &ReplicaOptions,
        until: Option<&LogEnd>,
    ) -> Result<bool> {
        let end = match until {
            Some(end) => *end,
            None => connection.log_end().ok_or_else(no_log)?,
        };
        if !end.is_of(&at) {
            // Nothing is missing if it has the commits that SQLite has counted since.
            let new = end.commits.wrapping_sub(at.commits);
            let whole = end.follows(&at)
                && end.page_size == at.page_size
                && self.unfinished.is_none()
                && connection.commits_in_log(&end)? == Some(new);
            if !whole {
                self.lose(SnapshotReason::Log);
                return Ok(false);
            }
            at = end.start(at.commits);
        }
        at.take_form(&end);
        if end.frames < at.frames {
            self.lose(SnapshotReason::Log);
            return Ok(false);
        }
        let last = end.frames.min(at.frames.saturating_add(SLICE));
        while at.frames < last {
            let frame = match connection.read_frame(&mut at)? {
                LogRead::Frame(frame) => frame,
                LogRead::Gone => {
                    self.lose(SnapshotReason::Log);
                    return Ok(false);
                }
            };
            let number = self.transaction + 1;
            let batch = self.unfinished.get_or_insert_with(|| Batch::new(number));
            batch.put(frame.page, frame.data);
            if let Some(pages) = frame.commit {
                at.commits = at.commits.wrapping_add(1);
                batch.pages = pages;
                self.end_transaction(options);
            }
        }
        if at.frames == end.frames {
            // It is counted anew when SQLite has recovered the log.
            at.commits = end.commits;
        }
        self.at = Some(at);
        self.limit(options.memory);
        Ok(self.at.is_some() && at.frames < end.frames)
    }

    fn end_transaction(&mut self, options: &ReplicaOptions) {
        let Some(mut batch) = self.unfinished.take() else { return };
        self.transaction = batch.last;
        self.time = self.time.max(milliseconds(SystemTime::now()));
        batch.time = self.time;
        match self.queue.back_mut() {
            Some(before) if before.begun.elapsed() < options.interval => before.merge(batch),
            _ => self.queue.push_back(batch),
        }
    }

    /// Keeps to the memory that there is: transactions that wait become one, which has each page once.
    fn limit(&mut self, memory: u64) {
        if self.waiting() <= memory {
            return;
        }
        if let Some(mut merged) = self.queue.pop_front() {
            for batch in std::mem::take(&mut self.queue) {
                merged.merge(batch);
            }
            self.queue.push_back(merged);
        }
        if self.waiting() > memory {
            self.lose(SnapshotReason::Memory);
        }
    }

    /// Whether a moment is where the log has been read up to.
    pub(super) fn is_at(&self, end: &LogEnd) -> bool {
        self.at.is_some_and(|at| at.is_of(end) && at.frames == end.frames)
    }
}

#[cold]
pub(super) fn no_log() -> Error {
    Error::unsupported(
        "a replica of a database without a write-ahead log (set its journal mode to WAL)",
    )
}
