//! Opening a connection with the settings of its database.

use std::path::Path;
use std::sync::Arc;

use rusqlite::OpenFlags;

use crate::ffi;

use super::{Cache, Connection, Handlers, name};
use crate::error::{Error, ErrorKind, Phase, Result, from_sqlite};
use crate::options::{JournalMode, Options};
use crate::platform::files::{self, FileId};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one connection that writes for everybody.
    Writer,
    /// Reads only.
    Reader,
    /// Lent out, for whatever its holder does.
    Own,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// `CannotOpen`, `NotADatabase`, `Corrupt`, `ReadOnly`, `Busy` and others,
    /// each naming the path.
    pub(crate) fn open(path: &Path, options: &Options, role: Role) -> Result<Self> {
        Self::open_same(path, options, role, None)
    }

    /// The same, of the file that another connection has open: a name may stand for
    /// another one by now.
    pub(crate) fn open_same(
        path: &Path,
        options: &Options,
        role: Role,
        same: Option<FileId>,
    ) -> Result<Self> {
        let opened = match Self::connect(path, options, role, same, false) {
            Err(error) if is_read_only_log(path, options, &error) => {
                Self::connect(path, options, role, same, true)
            }
            opened => opened,
        };
        opened.map_err(|error| {
            // Opened for reading only, a directory fails at its first read.
            let directory = error.kind() == ErrorKind::Io && options.vfs.is_none() && path.is_dir();
            let error = if directory {
                error.with_kind(ErrorKind::CannotOpen, "this is a directory")
            } else {
                error
            };
            error.with_path(path)
        })
    }

    fn connect(
        path: &Path,
        options: &Options,
        role: Role,
        same: Option<FileId>,
        immutable: bool,
    ) -> Result<Self> {
        let access = if immutable {
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI
        } else if options.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else if options.create && role == Role::Writer {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let db = open(path, flags, options.vfs.as_deref())?;
        // SAFETY: the handle is used only while `db`, its owner, lives.
        let raw = unsafe { db.handle() };
        let handlers = Arc::new(Handlers::default());
        handlers.set_busy_timeout(options.busy_timeout);
        let mut connection = Self {
            cache: Cache::new(options.statement_cache),
            handlers,
            raw,
            lease: None,
            leases: options.leases && role == Role::Reader,
            pinned: false,
            wal_index: None,
            schema: None,
            marked: false,
            role,
            lent: false,
            wal: false,
            memory: false,
            page_size: 4096,
            watched: false,
            _db: db,
        };
        // Before its first statement, which would take the other file's log.
        connection.check_same(same)?;
        connection.watch(options);
        // SAFETY: the connection is open, and its `Drop` takes the handlers out
        // before they go.
        unsafe { connection.handlers.install(raw) };
        connection.configure(options)?;
        Ok(connection)
    }

    fn configure(&mut self, options: &Options) -> Result<()> {
        for setting in [
            ffi::SQLITE_DBCONFIG_DQS_DML,
            ffi::SQLITE_DBCONFIG_DQS_DDL,
            ffi::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
        ] {
            let on = setting == ffi::SQLITE_DBCONFIG_TRUSTED_SCHEMA && options.trusted_schema;
            // SAFETY: the connection is open, and these take an integer and a
            // pointer, which may be null.
            unsafe {
                ffi::sqlite3_db_config(
                    self.raw,
                    setting,
                    i32::from(on),
                    std::ptr::null_mut::<i32>(),
                );
            }
        }
        let foreign_keys = if options.foreign_keys { "ON" } else { "OFF" };
        self.control(&format!("PRAGMA foreign_keys = {foreign_keys}"))?;
        self.control(&format!("PRAGMA synchronous = {}", options.synchronous.name()))?;
        self.promise_durability(options)?;
        self.control(&format!("PRAGMA cache_size = -{}", options.cache_kib.max(1)))?;
        if self.role == Role::Writer && !options.read_only {
            self.control(&format!("PRAGMA journal_mode = {}", options.journal_mode.name()))?;
        }
        self.note_journal_mode()?;
        // Reads the first page of the schema: what is no database, or damaged
        // there, is found now and not at the first statement.
        self.integer("SELECT count(*) FROM sqlite_schema")?;
        self.page_size = u32::try_from(self.integer("PRAGMA page_size")?).unwrap_or(4096);
        if self.wal {
            // The writer checkpoints between two commits, not inside one.
            self.control("PRAGMA wal_autocheckpoint = 0")?;
            self.control(&format!("PRAGMA journal_size_limit = {}", options.wal_limit))?;
        }
        if self.role == Role::Reader {
            self.control("PRAGMA query_only = ON")?;
        }
        self.cache.clear();
        Ok(())
    }

    /// Looks which journal mode the database is in.
    pub(crate) fn note_journal_mode(&mut self) -> Result<()> {
        let mode = self.text("PRAGMA journal_mode")?;
        self.wal = mode == JournalMode::Wal.name();
        // SAFETY: the connection is open, and SQLite's string lives as long.
        self.memory = unsafe {
            let name = ffi::sqlite3_db_filename(self.raw, c"main".as_ptr());
            name.is_null() || *name == 0
        };
        if !self.wal {
            self.wal_index = None;
        }
        Ok(())
    }

    fn text(&mut self, sql: &str) -> Result<String> {
        // SAFETY: the connection is open and this thread alone uses it.
        let mut statement = unsafe { super::Statement::prepare(self.raw, sql, false)? };
        if statement.step()? == super::Stepped::Done {
            return Err(Error::invalid(format!("{sql} answered nothing")));
        }
        let mut page = statement.page();
        statement.write_row(&mut page)?;
        Ok(page.finish().cell(0).as_str().unwrap_or_default().to_owned())
    }
}

/// Whether a file in WAL mode could not be read because there is no log of it and none
/// can be made, as on a medium for reading only. Where this process can write neither
/// the file nor its directory, what the file has is all there is, and is taken as it
/// is: SQLite then neither looks for changes nor takes locks.
fn is_read_only_log(path: &Path, options: &Options, error: &Error) -> bool {
    options.read_only
        && options.vfs.is_none()
        && matches!(error.kind(), ErrorKind::CannotOpen | ErrorKind::ReadOnly)
        && !error.is_moved()
        && files::is_unwritable(path)
}

fn open(path: &Path, flags: OpenFlags, vfs: Option<&str>) -> Result<rusqlite::Connection> {
    let immutable = flags.contains(OpenFlags::SQLITE_OPEN_URI);
    let name = if immutable { name::immutable(path)? } else { name::literal(path)? };
    files::install();
    let opened = match vfs {
        None => rusqlite::Connection::open_with_flags(name, flags),
        Some(vfs) => {
            if !crate::vfs::is_registered(vfs) {
                return Err(Error::invalid(format!("no VFS is registered as {vfs}")));
            }
            if name.as_os_str().len() > crate::vfs::LONGEST_NAME {
                return Err(Error::new(
                    ErrorKind::CannotOpen,
                    format!("the name is longer than {} bytes", crate::vfs::LONGEST_NAME),
                ));
            }
            rusqlite::Connection::open_with_flags_and_vfs(name, flags, vfs)
        }
    };
    opened.map_err(opening)
}

fn opening(error: rusqlite::Error) -> Error {
    match error {
        // Its message repeats the path.
        rusqlite::Error::SqliteFailure(failure, _) => {
            from_sqlite(failure.extended_code, &failure.to_string(), None, Phase::Compile)
        }
        rusqlite::Error::NulError(_) | rusqlite::Error::InvalidPath(_) => {
            Error::invalid("the path can't be a file name")
        }
        other => Error::new(ErrorKind::CannotOpen, other.to_string()),
    }
}
