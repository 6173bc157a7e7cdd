//! Opening a connection with the settings of its database.

use std::path::Path;
use std::sync::Arc;

use rusqlite::OpenFlags;

use crate::ffi;

use super::{Cache, Connection, Handlers, LastRowId};
use crate::error::{Error, ErrorKind, Phase, Result, from_sqlite};
use crate::options::{JournalMode, Options};

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
        Self::connect(path, options, role).map_err(|error| {
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

    fn connect(path: &Path, options: &Options, role: Role) -> Result<Self> {
        let access = if options.read_only {
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
            row_id: LastRowId::default(),
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
            _db: db,
        };
        // SAFETY: the connection is open, and its `Drop` takes the handlers out
        // before they go.
        unsafe {
            connection.handlers.install(raw);
            connection.row_id.install(raw)?;
        }
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

fn open(path: &Path, flags: OpenFlags, vfs: Option<&str>) -> Result<rusqlite::Connection> {
    let name = literal(path);
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

/// SQLite takes names that begin with `file:` for URIs; a path is a path.
fn literal(path: &Path) -> std::path::PathBuf {
    if path.as_os_str().as_encoded_bytes().starts_with(b"file:") {
        return Path::new(".").join(path);
    }
    path.to_owned()
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
