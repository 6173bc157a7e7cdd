//! Opening a connection with the settings of its database.

use std::ffi::c_int;
use std::path::Path;
use std::sync::Arc;

use crate::ffi;

use super::{Connection, DatabaseHandle, Handlers, LastRowId, OpenFailure, StatementCache, name};
use crate::error::{Error, ErrorKind, Phase, Result, from_sqlite};
use crate::options::{JournalMode, Options};
use crate::platform::files::{self, FileId};
use crate::platform::page_reads;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one connection that writes for everybody.
    Writer,
    /// Only reads.
    Reader,
    /// Lent out, for whatever its holder does.
    Dedicated,
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

    /// Does the same for the file that another connection has open: the name may refer to another
    /// file by now.
    pub(crate) fn open_same(
        path: &Path,
        options: &Options,
        role: Role,
        same: Option<FileId>,
    ) -> Result<Self> {
        let immutable = options.immutable && options.vfs.is_none();
        let opened = match Self::connect(path, options, role, same, immutable) {
            Err(error) if is_read_only_log(path, options, &error) => {
                Self::connect(path, options, role, same, true)
            }
            opened => opened,
        };
        opened.map_err(|error| {
            // When opened read-only, a directory fails at its first read.
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
            ffi::SQLITE_OPEN_READONLY | ffi::SQLITE_OPEN_URI
        } else if options.read_only {
            ffi::SQLITE_OPEN_READONLY
        } else if options.create && role != Role::Reader {
            // A session's ATTACH creates files just as opening does.
            ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE
        } else {
            ffi::SQLITE_OPEN_READWRITE
        };
        let db = open(path, access, options.vfs.as_deref())?;
        // Used only while its owner `db` lives.
        let raw = db.raw();
        let handlers = Arc::new(Handlers::default());
        handlers.set_busy_timeout(options.busy_timeout);
        let mut connection = Self {
            cache: StatementCache::new(options.statement_cache),
            controls: StatementCache::new(64),
            authorizer: Box::default(),
            others: None,
            ran_alone: false,
            scripting: false,
            busy_timeout: options.busy_timeout,
            // SAFETY: the connection is open; a negative value only asks.
            length_limit: unsafe { ffi::sqlite3_limit(raw, ffi::SQLITE_LIMIT_LENGTH, -1) },
            handlers,
            counters: Default::default(),
            row_id: LastRowId::default(),
            own_changes: Default::default(),
            virtual_tables: Default::default(),
            recorder: None,
            raw,
            lease: None,
            leases: options.leases && role == Role::Reader,
            pinned: false,
            wal_index: None,
            reads_off_inline: 0,
            schema: None,
            marked: false,
            role,
            wal: false,
            page_size: 4096,
            watched: false,
            page_reads: Default::default(),
            hosted: false,
            copies: Vec::new(),
            _db: db,
        };
        // Before its first statement, which would use the other file's log.
        connection.check_same(same)?;
        connection.watch(options);
        // SAFETY: the connection is open, and its `Drop` removes the handlers before they are
        // freed.
        unsafe {
            connection.handlers.install(raw);
            connection.authorizer.install(raw);
            connection.row_id.install(raw)?;
            connection.own_changes.install(raw)?;
        }
        connection.configure(options)?;
        Ok(connection)
    }

    fn configure(&mut self, options: &Options) -> Result<()> {
        // The wasm32 module is always built with them.
        #[cfg(not(target_family = "wasm"))]
        // SAFETY: the connection is open and this thread alone uses it.
        unsafe {
            super::math::add_where_missing(self.raw)?;
        }
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
        let writes = self.role == Role::Writer && !options.read_only;
        // Some of its settings write its first page.
        let new = writes && self.configure_new_file(options)?;
        self.choose_journal_mode(options, new)?;
        self.note_journal_mode()?;
        // Reads the first page of the schema, so that a file that is no database, or is damaged
        // there, is detected now instead of at the first statement.
        self.integer("SELECT count(*) FROM sqlite_schema")?;
        self.page_size = u32::try_from(self.integer("PRAGMA page_size")?).unwrap_or(4096);
        if self.wal {
            if self.role != Role::Dedicated {
                // The writer checkpoints between two commits, not inside one. A session's files are
                // its own: it works as SQLite does.
                self.control("PRAGMA wal_autocheckpoint = 0")?;
            }
            self.control(&format!("PRAGMA journal_size_limit = {}", options.wal_limit))?;
        }
        self.configure_by_name(options)?;
        if self.role == Role::Reader {
            self.control("PRAGMA query_only = ON")?;
        }
        self.controls.clear();
        Ok(())
    }

    /// Sets the journal mode if the caller chose it or the database is new. An existing database
    /// otherwise keeps its own.
    fn choose_journal_mode(&mut self, options: &Options, new: bool) -> Result<()> {
        if options.read_only || self.role == Role::Reader {
            return Ok(());
        }
        let mode = match (self.role, options.journal_mode) {
            (Role::Writer, Some(mode)) => mode,
            (Role::Writer, None) if new || self.integer("PRAGMA page_count")? == 0 => {
                JournalMode::Wal
            }
            // Which journal a commit writes is up to each connection; only WAL belongs to the file.
            (_, Some(mode)) if mode != JournalMode::Wal => {
                self.note_journal_mode()?;
                if self.wal {
                    return Ok(());
                }
                mode
            }
            _ => return Ok(()),
        };
        self.control(&format!("PRAGMA journal_mode = {}", mode.name()))
    }

    /// Reads which journal mode the database is in.
    pub(crate) fn note_journal_mode(&mut self) -> Result<()> {
        let mode = self.text("PRAGMA journal_mode")?;
        self.wal = mode == JournalMode::Wal.name();
        if !self.wal {
            self.wal_index = None;
        }
        Ok(())
    }

    pub(super) fn text(&mut self, sql: &str) -> Result<String> {
        let statement = self.own_statement(sql)?;
        let read = text_of(statement, sql);
        statement.reset();
        read
    }
}

fn text_of(statement: &mut super::Statement, sql: &str) -> Result<String> {
    if statement.step()? == super::Stepped::Done {
        return Err(Error::invalid(format!("{sql} returned nothing")));
    }
    let mut page = statement.page();
    statement.write_row(&mut page)?;
    Ok(page.finish().cell(0).as_str().unwrap_or_default().to_owned())
}

/// Whether a file in WAL mode could not be read because it has no log and none can be created, as
/// on a read-only medium. If this process can write neither the file nor its directory, what the
/// file contains is all there is, and is read as it is: SQLite then neither checks for changes nor
/// takes locks.
fn is_read_only_log(path: &Path, options: &Options, error: &Error) -> bool {
    options.read_only
        && options.vfs.is_none()
        && matches!(error.kind(), ErrorKind::CannotOpen | ErrorKind::ReadOnly)
        && !error.is_moved()
        && files::is_unwritable(path)
}

fn open(path: &Path, access: c_int, vfs: Option<&str>) -> Result<DatabaseHandle> {
    let immutable = access & ffi::SQLITE_OPEN_URI != 0;
    let name = match vfs {
        None if immutable => name::immutable(path)?,
        None => name::literal(path)?,
        // Another VFS has its own names.
        Some(_) => path.to_owned(),
    };
    page_reads::install();
    files::install();
    super::disk_wait::install();
    if let Some(vfs) = vfs {
        if !crate::vfs::is_registered(vfs) {
            return Err(Error::invalid(format!("no VFS is registered as {vfs}")));
        }
        if name.as_os_str().len() > crate::vfs::LONGEST_NAME {
            return Err(Error::new(
                ErrorKind::CannotOpen,
                format!("the name is longer than {} bytes", crate::vfs::LONGEST_NAME),
            ));
        }
    }
    DatabaseHandle::open(&name, access, vfs).map_err(|refused| match refused {
        OpenFailure::Code(code, message) => {
            from_sqlite(code, &format!("Error code {code}: {message}"), None, Phase::Compile)
        }
        OpenFailure::Name => Error::invalid(refused.to_string()),
        OpenFailure::Threads => Error::new(ErrorKind::CannotOpen, refused.to_string()),
    })
}
