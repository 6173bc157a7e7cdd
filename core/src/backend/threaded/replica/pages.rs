//! All pages of a database at one moment, for a replica.

use std::io;
use std::sync::{Arc, PoisonError};

use super::Following;
use crate::backend::threaded::Shared;
use crate::engine::{Connection, LogEnd, LogPages, Role};
use crate::error::Result;
use crate::replicate::{PageChecksums, PageSource, lock_page};

/// A connection that reads all pages in one read transaction.
pub(super) struct AllPages {
    connection: Option<Connection>,
    pages: Option<(LogEnd, LogPages)>,
    replica: Arc<Following>,
}

impl AllPages {
    /// Opens it. No transaction is open yet.
    ///
    /// # Errors
    /// Those of opening; `Cancelled` if the file is needed alone.
    pub(super) fn open(shared: &Shared, replica: &Arc<Following>) -> Result<Self> {
        *replica.reading.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let mut all = Self { connection: None, pages: None, replica: Arc::clone(replica) };
        // Whoever asks it to leave waits for it from here on.
        all.check()?;
        all.connection = Some(shared.connect(Role::Reader)?);
        Ok(all)
    }

    fn check(&self) -> Result<()> {
        if self.replica.must_leave() { Err(crate::backend::cancelled()) } else { Ok(()) }
    }

    /// Begins to read at this moment, and returns where the log ends; `None` if somebody committed
    /// just then.
    ///
    /// # Errors
    /// Those of reading; `Unsupported` without a log.
    pub(super) fn begin(&mut self) -> Result<Option<LogEnd>> {
        self.check()?;
        let Some(connection) = &mut self.connection else { return Ok(None) };
        if connection.log_end().is_none() {
            return Err(super::capture::no_log());
        }
        connection.begin_log_pages()
    }

    /// Finds where the pages of the moment are.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn find(&mut self, end: LogEnd) -> Result<u32> {
        let Some(connection) = &mut self.connection else { return Ok(0) };
        let pages = connection.log_pages(end)?;
        let count = pages.count;
        self.pages = Some((end, pages));
        Ok(count)
    }

    /// Returns the checksums of all pages.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn checksums(&self, page_size: u32) -> io::Result<PageChecksums> {
        let mut checksums = PageChecksums::default();
        let (mut source, mut data) = (self.source(), vec![0; page_size as usize]);
        while let Some(page) = source.next(&mut data)? {
            checksums.set(page, &data);
        }
        checksums.resize(source.count());
        Ok(checksums)
    }

    /// Returns the pages in order.
    pub(super) fn source(&self) -> AllInOrder<'_> {
        AllInOrder { all: self, next: 1 }
    }
}

impl Drop for AllPages {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.end_snapshot();
        }
        self.connection = None;
        *self.replica.reading.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.replica.read.notify_all();
    }
}

/// All pages of a database, in order.
pub(super) struct AllInOrder<'a> {
    all: &'a AllPages,
    next: u32,
}

impl AllInOrder<'_> {
    fn count(&self) -> u32 {
        self.all.pages.as_ref().map_or(0, |(_, pages)| pages.count)
    }
}

impl PageSource for AllInOrder<'_> {
    fn next(&mut self, data: &mut [u8]) -> io::Result<Option<u32>> {
        let (Some(connection), Some((end, pages))) = (&self.all.connection, &self.all.pages) else {
            return Ok(None);
        };
        if self.next == lock_page(end.page_size) {
            self.next += 1;
        }
        if self.next > pages.count {
            return Ok(None);
        }
        self.all.check().map_err(io::Error::other)?;
        connection.page_at(pages, self.next, data).map_err(io::Error::other)?;
        self.next += 1;
        Ok(Some(self.next - 1))
    }
}
