//! Replaces the content of a database by that of another, in one transaction.

use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;

use super::copy::{Pages, open_plain};
use super::{Connection, DatabaseHandle, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi;
use crate::options::Options;
use crate::platform::files::FileId;
use crate::program::Interrupt;

/// A sound database, open at one moment, to be copied into another.
#[derive(Debug)]
pub(crate) struct RestoreSource {
    connection: Connection,
    page_size: i64,
    encoding: String,
}

impl RestoreSource {
    /// Opens the database at `path` and checks all of it, until `stop` is set.
    ///
    /// # Errors
    /// `NotADatabase` for an empty file and one of another format, `Corrupt` for a damaged one,
    /// `InvalidArgument` for the file `target` itself; `CannotOpen` and others.
    pub(crate) fn open(
        path: &Path,
        vfs: Option<&str>,
        target: Option<FileId>,
        stop: &Arc<Interrupt>,
    ) -> Result<Self> {
        let options = Options::default().read_only(true).leases(false);
        let options = match vfs {
            Some(vfs) => options.vfs(vfs),
            None => options,
        };
        let mut connection = Connection::open(path, &options, Role::Reader)?;
        if target.is_some() && connection.file() == target {
            return Err(Error::invalid("a database can't be restored from itself").with_path(path));
        }
        connection.set_interrupt(Some(Arc::clone(stop)));
        let checked = Self::check(connection);
        checked.map_err(|error| error.with_path(path))
    }

    fn check(mut connection: Connection) -> Result<Self> {
        // What is checked is what is copied.
        connection.begin_snapshot()?;
        if connection.integer("PRAGMA page_count")? == 0 {
            return Err(Error::new(ErrorKind::NotADatabase, "the file is empty"));
        }
        let found = connection.text("PRAGMA quick_check(1)")?;
        if found != "ok" {
            return Err(Error::new(ErrorKind::Corrupt, format!("the file is damaged: {found}")));
        }
        let page_size = connection.integer("PRAGMA page_size")?;
        let encoding = connection.text("PRAGMA encoding")?;
        Ok(Self { connection, page_size, encoding })
    }

    /// Returns the size of its pages, which a database in WAL mode can't change, and whether it is
    /// in WAL mode.
    fn form(&self) -> (i64, bool) {
        (self.page_size, self.connection.is_wal())
    }

    /// Copies it into a temporary database with pages of this size.
    fn rebuilt(&mut self, page_size: i64, stop: &Interrupt) -> Result<DatabaseHandle> {
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE;
        // A temporary database of SQLite's own, gone with its connection.
        let rebuilt = open_plain(Path::new(""), flags, None)?;
        rebuilt.execute(c"PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")?;
        // SAFETY: both are open, and used here alone until the copy is dropped.
        let mut pages = unsafe { Pages::begin(rebuilt.raw(), self.connection.raw)? };
        copy_all(&mut pages, stop)?;
        drop(pages);
        let vacuum = CString::new(format!("PRAGMA page_size = {page_size}; VACUUM"));
        rebuilt.execute(&vacuum.map_err(|_| Error::invalid("a page size is a number"))?)?;
        Ok(rebuilt)
    }
}

impl Connection {
    /// Replaces all that the database contains by what `source` does, in one transaction. It keeps
    /// its page size and its journal mode.
    ///
    /// # Errors
    /// `Busy` if somebody else holds the lock; `Cancelled` once `stop` is set; `InvalidArgument` for
    /// another text encoding; `DiskFull` and others. Nothing is changed then.
    pub(crate) fn restore(&mut self, source: &mut RestoreSource, stop: &Interrupt) -> Result<()> {
        // Every connection has learned the encoding of its database, once and for all.
        let encoding = self.text("PRAGMA encoding")?;
        if encoding != source.encoding {
            return Err(Error::invalid(format!(
                "the texts of the source are in {}, and those of this database in {encoding}; open a new database in its place",
                source.encoding
            )));
        }
        let page_size = self.integer("PRAGMA page_size")?;
        let (source_page_size, source_wal) = source.form();
        let rebuilt = if source_page_size != page_size || source_wal && !self.wal {
            Some(source.rebuilt(page_size, stop)?)
        } else {
            None
        };
        let from = rebuilt.as_ref().map_or(source.connection.raw, DatabaseHandle::raw);
        self.renew_interest();
        // What others keep between two statements would be in the way outside WAL mode.
        let cleared = self.others.as_ref().map(|others| others.clear(false));
        if self.is_astray() {
            self.empty_moved_log();
            return Err(Error::moved());
        }
        // SAFETY: both are open, and used here alone until the copy is dropped.
        let mut pages = unsafe { Pages::begin(self.raw, from)? };
        let copied = copy_all(&mut pages, stop);
        // One that is not complete is rolled back.
        drop(pages);
        drop(cleared);
        if copied.is_ok() {
            self.after_restore();
        }
        copied
    }

    fn after_restore(&mut self) {
        self.schema = None;
        if let Some(recorder) = &self.recorder {
            recorder.note_replaced(self.wal);
        }
        self.report_commit(false);
    }
}

/// Copies all pages, which the last of them commits.
fn copy_all(pages: &mut Pages, stop: &Interrupt) -> Result<()> {
    loop {
        if stop.is_set() {
            return Err(Error::new(ErrorKind::Cancelled, "the call was interrupted"));
        }
        if pages.step()?.finished {
            return Ok(());
        }
    }
}
