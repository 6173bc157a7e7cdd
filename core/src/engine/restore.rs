//! Replaces the content of a database by that of another, in one transaction.

use std::path::Path;
use std::sync::Arc;

use super::copy::{CopyTarget, Pages};
use super::{Connection, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::program::Interrupt;
use crate::vfs::MemoryFile;

/// A sound database, open at one moment, to be copied into another.
#[derive(Debug)]
pub(crate) struct RestoreSource {
    connection: Connection,
    form: DatabaseForm,
    // Dropped after the connection to it.
    _file: Option<MemoryFile>,
}

/// What is given with the first page of a database, and can't be changed page by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseForm {
    page_size: i64,
    wal: bool,
    encoding: String,
}

impl RestoreSource {
    /// Opens the database at `path` and checks all of it, until `stop` is set.
    ///
    /// # Errors
    /// `NotADatabase` for an empty file and one of another format, `Corrupt` for a damaged one;
    /// `CannotOpen` and others. Each has the path.
    pub(crate) fn open(path: &Path, vfs: Option<&str>, stop: &Arc<Interrupt>) -> Result<Self> {
        let options = Options::default().read_only(true).leases(false);
        let options = match vfs {
            Some(vfs) => options.vfs(vfs),
            None => options,
        };
        let mut connection = Connection::open(path, &options, Role::Reader)?;
        connection.set_interrupt(Some(Arc::clone(stop)));
        Self::check(connection).map_err(|error| error.with_path(path))
    }

    /// As [`open`](Self::open), for the bytes of a database.
    ///
    /// # Errors
    /// As [`open`](Self::open), without the path, and `OutOfMemory`.
    pub(crate) fn of_bytes(bytes: &[u8], stop: &Arc<Interrupt>) -> Result<Self> {
        Self::in_memory(MemoryFile::with_content(bytes)?, stop)
    }

    fn in_memory(file: MemoryFile, stop: &Arc<Interrupt>) -> Result<Self> {
        let opened = Self::open(Path::new(file.name()), Some(MemoryFile::VFS), stop);
        let opened = opened.map_err(|error| error.without_path("the source"))?;
        Ok(Self { _file: Some(file), ..opened })
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
        let form = connection.form()?;
        Ok(Self { connection, form, _file: None })
    }

    /// Whether its pages can be those of a database of this form; otherwise it is to be rebuilt.
    ///
    /// # Errors
    /// `InvalidArgument` for texts in another encoding.
    pub(crate) fn fits(&self, form: &DatabaseForm) -> Result<bool> {
        let ours = &self.form;
        // Every connection has learned the encoding of its database, once and for all.
        if ours.encoding != form.encoding {
            return Err(Error::invalid(format!(
                "the texts of the source are in {}, and those of this database in {}; open a new database in its place",
                ours.encoding, form.encoding
            )));
        }
        // Its first page would bring the journal mode with it.
        Ok(ours.page_size == form.page_size && (form.wal || !ours.wal))
    }

    /// Writes it into the empty file `path`, which must be of its own VFS, so that it fits a
    /// database of this form.
    ///
    /// # Errors
    /// As [`Connection::vacuum_into`].
    pub(crate) fn rebuild_into(
        mut self,
        path: &Path,
        form: &DatabaseForm,
        stop: &Arc<Interrupt>,
    ) -> Result<()> {
        self.connection.end_snapshot();
        self.connection.control(&format!("PRAGMA page_size = {}", form.page_size))?;
        self.connection.vacuum_into(path, Arc::clone(stop))
    }

    /// Returns it rebuilt in memory, so that it fits a database of this form.
    ///
    /// # Errors
    /// As [`Connection::vacuum_into`].
    pub(crate) fn rebuilt_in_memory(
        mut self,
        form: &DatabaseForm,
        stop: &Arc<Interrupt>,
    ) -> Result<Self> {
        if self._file.is_none() {
            let file = MemoryFile::with_content(&[])?;
            let target = CopyTarget::open_in(Path::new(file.name()), Some(MemoryFile::VFS))?;
            // SAFETY: both are open, and used here alone until the copy is dropped.
            let mut pages = unsafe { Pages::begin(target.0.raw(), self.connection.raw)? };
            copy_all(&mut pages, stop)?;
            drop(pages);
            let copy = Self::in_memory(file, stop)?;
            drop(target);
            self = copy;
        }
        let rebuilt = MemoryFile::with_content(&[])?;
        self.rebuild_into(Path::new(rebuilt.name()), form, stop)?;
        Self::in_memory(rebuilt, stop)
    }
}

impl Connection {
    /// Returns the form of the database.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn form(&mut self) -> Result<DatabaseForm> {
        Ok(DatabaseForm {
            page_size: self.integer("PRAGMA page_size")?,
            wal: self.is_wal(),
            encoding: self.text("PRAGMA encoding")?,
        })
    }

    /// Replaces all that the database contains by what `source` does, in one transaction. It keeps
    /// its page size and its journal mode.
    ///
    /// # Errors
    /// `Busy` if somebody else holds the lock, or the form of the database has changed so that the
    /// source fits no more; `Cancelled` once `stop` is set; `DiskFull` and others. Nothing is changed
    /// then.
    pub(crate) fn restore(&mut self, source: &mut RestoreSource, stop: &Interrupt) -> Result<()> {
        if !source.fits(&self.form()?)? {
            return Err(Error::busy_here("the database was rebuilt meanwhile; restore it again"));
        }
        self.renew_interest();
        // What others keep between two statements would be in the way outside WAL mode.
        let cleared = self.others.as_ref().map(|others| others.clear(false));
        if self.is_astray() {
            self.empty_moved_log();
            return Err(Error::moved());
        }
        // SAFETY: both are open, and used here alone until the copy is dropped.
        let mut pages = unsafe { Pages::begin(self.raw, source.connection.raw)? };
        // SQLite asks no hook before this commit. Whoever looks out for commits of others must know
        // that this one is not theirs before it can be seen.
        if let Some(recorder) = &self.recorder {
            recorder.note_committing();
        }
        let copied = copy_all(&mut pages, stop);
        // One that is not complete is rolled back.
        drop(pages);
        drop(cleared);
        if copied.is_ok() {
            self.after_restore();
        } else if let Some(recorder) = &self.recorder {
            recorder.end_committing();
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
